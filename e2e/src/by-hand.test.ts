/** What people do with tickets by hand: release, make, move on, merge, and close many with one state. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Browser, Page } from "playwright-core";
import { act } from "./board";
import { launch, NARROW, Visitor } from "./browser";

type Ticket = {
	id: string;
	title: string;
	health: string;
	work_item?: { id: number } | null;
	findings: number;
};
type Listed = { items: Ticket[] };
type Item = { fields: Record<string, string> };

/** How long the board may take to have what was asked for. */
const FOLLOWS_WITHIN = 60_000;

describe("work by hand", () => {
	let browser: Browser;
	before(async () => {
		browser = await launch();
	});
	after(() => browser.close());

	it("releases a ticket, and makes a new work item for its finding in a chosen state", async () => {
		const visitor = await Visitor.signedIn(browser);
		const { page } = visitor;
		const [ticket] = await inStep(visitor, 1);
		const finding = (await visitor.ask<Listed>(`/findings?ticket=${ticket.id}`)).items[0];
		assert.ok(finding);
		await visitor.open(`/tickets/${ticket.id}`);
		const byHand = page.getByRole("region", { name: "By hand" });
		await byHand.getByRole("button", { name: "Release…" }).click();
		await visitor.accessible("release of a ticket");
		await page.getByRole("dialog").getByRole("button", { name: "Release" }).click();
		await page.getByText("Released", { exact: true }).first().waitFor({ timeout: FOLLOWS_WITHIN });

		await visitor.open(`/findings?q=${encodeURIComponent(finding.title)}`);
		await choose(page, finding.title);
		await page.getByRole("button", { name: "Create a work item…" }).click();
		const dialog = page.getByRole("dialog");
		await dialog.getByLabel("Destination").selectOption({ index: 1 });
		await dialog.getByRole("option", { name: /^Active/ }).waitFor({ state: "attached" });
		await dialog.getByLabel("State").selectOption("Active");
		await visitor.accessible("a work item by hand");
		await visitor.picture("by-hand-create");
		await dialog.getByRole("button", { name: "Create" }).click();
		await page.getByText("In step", { exact: true }).first().waitFor({ timeout: FOLLOWS_WITHIN });
		const made = await visitor.ask<Ticket>(`/tickets/${page.url().split("/").at(-1)}`);
		assert.ok(made.work_item && made.work_item.id !== ticket.work_item?.id);
		await until(async () => (await state(made.work_item?.id ?? 0)) === "Active");
		visitor.noErrors();
		await visitor.leaves();
	});

	it("merges a ticket into another one, whose work item is named", async () => {
		const visitor = await Visitor.signedIn(browser, { viewport: NARROW, theme: "dark" });
		const { page } = visitor;
		const [one, other] = await inStep(visitor, 2);
		assert.ok(one.work_item && other?.work_item);
		await visitor.open(`/tickets/${one.id}`);
		await page.getByRole("region", { name: "By hand" }).getByRole("button", { name: "Merge…" }).click();
		const dialog = page.getByRole("dialog");
		await dialog.getByLabel("Work item of the other ticket").fill("#999999");
		await dialog.getByRole("button", { name: "Merge" }).click();
		await dialog.getByText("There is no ticket with the work item #999999.").waitFor();
		await visitor.accessible("a merge that was refused");
		await visitor.fits("a merge that was refused");
		await visitor.picture("by-hand-merge", false);
		await dialog.getByLabel("Work item of the other ticket").fill(`#${other.work_item.id}`);
		await dialog.getByRole("button", { name: "Merge" }).click();
		await until(async () => (await state(one.work_item?.id ?? 0)) === "Closed");
		const merged = await visitor.ask<Ticket>(`/tickets/${other.id}`);
		assert.equal(merged.findings, one.findings + other.findings);
		visitor.noErrors();
		await visitor.leaves();
	});

	it("closes several tickets with one state, and each work item says why", async () => {
		const visitor = await Visitor.signedIn(browser);
		const { page } = visitor;
		const tickets = await inStep(visitor, 2);
		await visitor.open("/tickets?health=in_step");
		for (const { title } of tickets) await choose(page, title);
		await page.getByRole("button", { name: "Close…" }).click();
		const dialog = page.getByRole("dialog");
		await dialog.getByLabel("State").selectOption("Resolved");
		await dialog.getByLabel("Reason").fill("Fixed in the last release.");
		await visitor.accessible("closing of several tickets");
		await visitor.picture("by-hand-close");
		await dialog.getByRole("button", { name: "Close 2 tickets" }).click();
		await dialog.waitFor({ state: "detached", timeout: FOLLOWS_WITHIN });
		for (const { work_item } of tickets) {
			const id = work_item?.id ?? 0;
			await until(async () => (await state(id)) === "Resolved");
			const said = await act<{ comments: { text: string }[] }>(
				"GET",
				`Webshop/_apis/wit/workItems/${id}/comments?api-version=7.1-preview.4`,
			);
			assert.ok(JSON.stringify(said).includes("Fixed in the last release."), JSON.stringify(said));
		}
		visitor.noErrors();
		await visitor.leaves();
	});
});

/** Chooses a row of a list by its title. */
async function choose(page: Page, title: string): Promise<void> {
	await page.getByRole("row").filter({ hasText: title }).first().getByRole("checkbox").check();
}

/** The state of a card. */
async function state(id: number): Promise<string | undefined> {
	const item = await act<Item>("GET", `_apis/wit/workitems/${id}?api-version=7.1`);
	return item.fields["System.State"];
}

async function until(met: () => Promise<boolean>): Promise<void> {
	const end = Date.now() + FOLLOWS_WITHIN;
	while (!(await met())) {
		assert.ok(Date.now() < end, "it never came");
		await new Promise((resolve) => setTimeout(resolve, 200));
	}
}

/** Tickets that are in step with a work item that nobody has begun to work on. */
async function inStep(visitor: Visitor, number: number): Promise<[Ticket, ...Ticket[]]> {
	const listed = await visitor.ask<Listed>("/tickets?health=in_step&limit=200");
	const found: Ticket[] = [];
	// Other stories take the first ones, and the last.
	for (const ticket of listed.items.slice(5)) {
		if (ticket.work_item && (await state(ticket.work_item.id)) === "New") found.push(ticket);
		if (found.length === number) break;
	}
	const [first, ...others] = found;
	assert.ok(first && found.length === number, "the demo has work items");
	return [first, ...others];
}
