/** A developer moves a card; the finding follows on a page that is already open. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Browser } from "playwright-core";
import { act } from "./board";
import { launch, Visitor } from "./browser";

type Finding = { id: string; title: string; ticket?: { id: string; work_item_id?: number | null; url?: string | null } | null };
type Ticket = { id: string; status: string; work_item?: { id: number } | null };

/** How long a change on the board may take to be seen here: hooks are quick, a sweep is slower. */
const FOLLOWS_WITHIN = 60_000;

/** Moves the card as a person of the board. */
async function moveCard(workItem: number, state: string): Promise<void> {
	await act("PATCH", `_apis/wit/workitems/${workItem}?api-version=7.1`, [
		{ op: "add", path: "/fields/System.State", value: state },
	]);
}

describe("findings and cards stay in step", () => {
	let browser: Browser;
	before(async () => {
		browser = await launch();
	});
	after(() => browser.close());

	it("a card that somebody starts to work on moves its finding to In Progress", async () => {
		const visitor = await Visitor.signedIn(browser);
		const { page } = visitor;
		const finding = await firstWithCard(visitor);
		const workItem = finding.ticket?.work_item_id;
		assert.ok(workItem);

		await visitor.open(`/findings/${finding.id}`);
		await page.getByRole("region", { name: "Status" }).getByText("Identified", { exact: true }).waitFor();
		await page.getByRole("link", { name: "Open the ticket" }).click();
		await page.getByRole("region", { name: "Work item" }).getByText(`#${workItem} on the board`).waitFor();
		await page.getByRole("region", { name: "Findings", exact: true }).getByRole("link", { name: finding.title }).click();
		await page.getByRole("heading", { level: 1, name: finding.title }).waitFor();

		await moveCard(workItem, "Active");

		const status = page.getByRole("region", { name: "Status" });
		await status.getByText("In Progress", { exact: true }).waitFor({ timeout: FOLLOWS_WITHIN });
		await page.getByRole("region", { name: "Ticket" }).getByText("Active").first().waitFor();
		// The history names the board as the cause.
		await page.getByRole("region", { name: "History" }).getByText("Board", { exact: true }).first().waitFor();
		await visitor.picture("story-followed");
		visitor.noErrors();
		await visitor.leaves();
	});

	it("closing a card is a claim, never a proof", async () => {
		const visitor = await Visitor.signedIn(browser);
		const { page } = visitor;
		const finding = await firstWithCard(visitor);
		assert.ok(finding.ticket?.work_item_id);
		await visitor.open(`/findings/${finding.id}`);

		await moveCard(finding.ticket.work_item_id, "Closed");

		const status = page.getByRole("region", { name: "Status" });
		await status.getByText("Awaiting Validation", { exact: true }).waitFor({ timeout: FOLLOWS_WITHIN });
		assert.equal(await status.getByText("Fixed", { exact: true }).count(), 0);
		await visitor.leaves();
	});

	it("a page without the live stream follows as well", async () => {
		const visitor = await Visitor.signedIn(browser);
		const { page } = visitor;
		await page.route("**/api/v1/events", (route) => route.abort());
		const finding = await firstWithCard(visitor);
		assert.ok(finding.ticket?.work_item_id);
		await visitor.open(`/findings/${finding.id}`);
		await page.getByText("Not live").waitFor();

		await moveCard(finding.ticket.work_item_id, "Active");

		await page
			.getByRole("region", { name: "Status" })
			.getByText("In Progress", { exact: true })
			.waitFor({ timeout: FOLLOWS_WITHIN });
		await visitor.leaves();
	});
});

/** An identified finding whose ticket is in step with a card. */
async function firstWithCard(visitor: Visitor): Promise<Finding> {
	const tickets = await visitor.ask<{ items: Ticket[] }>("/tickets?health=in_step&limit=200");
	const ticket = tickets.items.find((entry) => entry.status === "identified" && entry.work_item);
	assert.ok(ticket, "the demo has an identified finding with a work item");
	const { items } = await visitor.ask<{ items: Finding[] }>(`/findings?ticket=${ticket.id}&status=identified`);
	assert.ok(items[0], "its ticket has that finding");
	return items[0];
}
