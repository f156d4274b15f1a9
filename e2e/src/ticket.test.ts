/** What people say about a ticket, and what they do when its work item is gone. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Browser } from "playwright-core";
import { act } from "./board";
import { launch, NARROW, Visitor } from "./browser";

type Ticket = { id: string; work_item?: { id: number } | null };
type Comments = { comments: { id: number; text: string }[] };

/** The project of the demo. */
const PROJECT = "Webshop";

/** How long the other side may take to see a change: hooks are quick, a sweep is slower. */
const FOLLOWS_WITHIN = 60_000;

describe("a ticket", () => {
	let browser: Browser;
	before(async () => {
		browser = await launch();
	});
	after(() => browser.close());

	it("carries comments both ways, and keeps private notes", async () => {
		const visitor = await Visitor.signedIn(browser);
		const { page } = visitor;
		const { id, item } = await inStep(visitor, 0);
		const there = `${PROJECT}/_apis/wit/workItems/${item.id}/comments`;
		await visitor.open(`/tickets/${id}`);
		const comments = page.getByRole("region", { name: "Comments" });

		await comments.getByLabel("Your comment").fill("Is the old endpoint still needed?");
		await comments.getByRole("button", { name: "Comment", exact: true }).click();
		await comments.getByLabel("Your comment").fill("Ask legal first");
		await comments.getByLabel("Private note").check();
		await comments.getByRole("button", { name: "Keep the note" }).click();
		await comments.getByText("here and on the board").waitFor({ timeout: FOLLOWS_WITHIN });
		const said = await act<Comments>("GET", `${there}?api-version=7.1-preview.4`);
		assert.ok(said.comments.some((comment) => comment.text.includes("Is the old endpoint still needed?")));
		assert.ok(!JSON.stringify(said).includes("legal"), "a private note stays here");

		await act("POST", `${there}?api-version=7.1-preview.4`, { text: "No, it can <b>go</b>." });
		await comments.getByText("No, it can go.").waitFor({ timeout: FOLLOWS_WITHIN });
		await visitor.accessible("ticket with comments");
		await visitor.picture("ticket-comments");
		visitor.noErrors();
		await visitor.leaves();
	});

	it("lets who wrote a comment change it and take it back, and leaves the board's to the board", async () => {
		const visitor = await Visitor.signedIn(browser);
		const { page } = visitor;
		const { id, item } = await inStep(visitor, 2);
		const there = `${PROJECT}/_apis/wit/workItems/${item.id}/comments`;
		const said = async () => (await act<Comments>("GET", `${there}?api-version=7.1-preview.4`)).comments;
		await act("POST", `${there}?api-version=7.1-preview.4`, { text: "Which branch is it on?" });
		await visitor.open(`/tickets/${id}`);
		const comments = page.getByRole("region", { name: "Comments" });
		const entry = (text: string) => comments.getByRole("listitem").filter({ hasText: text });
		const write = async (text: string) => {
			await comments.getByLabel("Your comment").fill(text);
			await comments.getByRole("button", { name: "Comment", exact: true }).click();
			await entry(text).getByText("here and on the board").waitFor({ timeout: FOLLOWS_WITHIN });
		};
		await write("It is on mian.");
		await entry("Which branch is it on?").waitFor({ timeout: FOLLOWS_WITHIN });
		assert.equal(await entry("Which branch is it on?").getByRole("button").count(), 0, "what the board says is read here");

		// By keyboard: the focus goes to what takes the place of what had it.
		const edit = comments.getByRole("button", { name: "Edit the comment “It is on mian.”" });
		const field = comments.getByLabel("Comment", { exact: true });
		await edit.press("Enter");
		await field.and(page.locator(":focus")).waitFor();
		await field.fill(" ");
		assert.equal(await comments.getByRole("button", { name: "Save" }).isEnabled(), false, "a comment has a text");
		await visitor.accessible("comment that is edited");
		await comments.getByRole("button", { name: "Cancel" }).press("Enter");
		await edit.and(page.locator(":focus")).waitFor();
		await edit.press("Enter");
		await field.fill("It is on main.");
		await visitor.picture("ticket-comment-edited");
		await comments.getByRole("button", { name: "Save" }).click();
		await entry("It is on main.").getByText("edited").waitFor();
		await entry("It is on main.").getByText("here and on the board").waitFor({ timeout: FOLLOWS_WITHIN });
		const words = (await said()).map((comment) => comment.text).join("\n");
		assert.ok(words.includes("It is on main.") && !words.includes("mian"), words);

		const remove = comments.getByRole("button", { name: "Delete the comment “It is on main.”" });
		const dialog = page.getByRole("dialog", { name: "Delete this comment?" });
		await remove.press("Enter");
		await dialog.waitFor();
		await visitor.accessible("comment that is deleted");
		await visitor.picture("dialog-comment-delete", false);
		await page.keyboard.press("Escape");
		await remove.and(page.locator(":focus")).waitFor();
		await remove.press("Enter");
		await dialog.getByRole("button", { name: "Delete" }).press("Enter");
		await entry("It is on main.").waitFor({ state: "detached" });
		await comments.getByRole("list", { name: "Comments" }).and(page.locator(":focus")).waitFor();
		await until(async () => !(await said()).some((comment) => comment.text.includes("It is on main.")));

		// Who changes ours on the board has it from then on: the server says so where it is edited.
		await write("Merged yesterday.");
		const ours = (await said()).find((comment) => comment.text.includes("Merged yesterday."));
		assert.ok(ours, "it is on the board");
		await act("PATCH", `${there}/${ours.id}?api-version=7.1-preview.4`, { text: "Merged today." });
		await entry("Merged today.").waitFor({ timeout: FOLLOWS_WITHIN });
		visitor.noErrors();
		await comments.getByRole("button", { name: "Edit the comment “Merged today.”" }).click();
		await field.fill("Merged on Monday.");
		await comments.getByRole("button", { name: "Save" }).click();
		await comments.getByRole("alert").getByText("Change it on the board, or write another one.").waitFor();
		assert.equal(await field.inputValue(), "Merged on Monday.", "what was typed is kept");
		await visitor.accessible("comment that cannot be changed");
		await visitor.picture("ticket-comment-refused");
		await visitor.leaves();
	});

	it("takes an attachment to the work item", async () => {
		const visitor = await Visitor.signedIn(browser);
		const { page } = visitor;
		const { id, item } = await inStep(visitor, 2);
		await visitor.open(`/tickets/${id}`);
		const attachments = page.getByRole("region", { name: "Attachments" });
		const proof = { name: "proof.txt", mimeType: "text/plain", buffer: Buffer.from("what was seen") };
		await attachments.locator("input[type=file]").setInputFiles(proof);
		await attachments.getByRole("button", { name: "Attach" }).click();
		await attachments.getByText("here and on the board").waitFor({ timeout: FOLLOWS_WITHIN });
		const there = await act<{ relations: { rel: string; attributes: { name?: string } }[] }>(
			"GET",
			`_apis/wit/workitems/${item.id}?$expand=relations&api-version=7.1`,
		);
		assert.ok(there.relations.some((link) => link.rel === "AttachedFile" && link.attributes.name === "proof.txt"));
		await visitor.accessible("ticket with an attachment");
		visitor.noErrors();
		await visitor.leaves();
	});

	it("names a work item that was deleted, and takes it out of the recycle bin when somebody says so", async () => {
		const visitor = await Visitor.signedIn(browser, { viewport: NARROW, theme: "dark" });
		const { page } = visitor;
		const { id, item } = await inStep(visitor, 1);
		await visitor.open(`/tickets/${id}`);
		await act("DELETE", `${PROJECT}/_apis/wit/workitems/${item.id}?api-version=7.1`);

		await page.getByRole("button", { name: "Restore", exact: false }).first().waitFor({ timeout: FOLLOWS_WITHIN });
		await page.getByText("lies in the recycle bin", { exact: false }).first().waitFor();
		await visitor.accessible("ticket of a deleted work item");
		await visitor.fits("ticket of a deleted work item");
		await visitor.picture("ticket-deleted");
		await page.getByRole("button", { name: "Restore", exact: false }).first().click();
		await page.getByRole("dialog").getByRole("button", { name: "Restore", exact: false }).click();

		await page.getByText("In step", { exact: true }).first().waitFor({ timeout: FOLLOWS_WITHIN });
		const back = await act<{ id: number }>("GET", `_apis/wit/workitems/${item.id}?api-version=7.1`);
		assert.equal(back.id, item.id);
		visitor.noErrors();
		await visitor.leaves();
	});
});

/** Waits until the board is as it should be. */
async function until(met: () => Promise<boolean>): Promise<void> {
	const end = Date.now() + FOLLOWS_WITHIN;
	while (!(await met())) {
		assert.ok(Date.now() < end, "it never came");
		await new Promise((resolve) => setTimeout(resolve, 200));
	}
}

/** One of the tickets that are in step with a work item. */
async function inStep(visitor: Visitor, number: number): Promise<{ id: string; item: { id: number } }> {
	const tickets = await visitor.ask<{ items: Ticket[] }>("/tickets?health=in_step&limit=200");
	// The story moves the cards of the first ones.
	const ticket = tickets.items.filter((entry) => entry.work_item).at(-1 - number);
	assert.ok(ticket?.work_item, "the demo has work items");
	return { id: ticket.id, item: ticket.work_item };
}
