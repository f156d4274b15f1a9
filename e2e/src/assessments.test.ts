/** Assessments: made, given findings by a scan, completed; and a rule that waits for that. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Browser } from "playwright-core";
import { launch, Visitor } from "./browser";

describe("an assessment", () => {
	let browser: Browser;
	before(async () => {
		browser = await launch();
	});
	after(() => browser.close());

	it("is made, started, gets the findings of a scan, and is completed", async () => {
		const visitor = await Visitor.signedIn(browser);
		const { page } = visitor;
		const name = `Pentest ${Date.now()}`;
		await visitor.open("/assessments");
		await page.getByRole("button", { name: "New assessment" }).click();
		await page.getByLabel("Name").fill(name);
		await page.getByLabel("Last day, as planned").fill("2027-01-31");
		await visitor.accessible("dialog-assessment");
		await page.getByRole("button", { name: "Save" }).click();
		await page.getByRole("button", { name: `Start: ${name}` }).click();
		await page.getByRole("button", { name: `Complete: ${name}` }).waitFor();

		await visitor.imports(`asset of ${name}`, [`Found by ${name}`], name);

		await visitor.open("/assessments");
		await page.getByText("1 open finding · 0 closed · 1 scan").first().waitFor();
		await page.getByRole("button", { name: `Complete: ${name}` }).click();
		await page.getByRole("button", { name: "Complete", exact: true }).click();
		await page.getByRole("button", { name: `Take up again: ${name}` }).waitFor();
		await visitor.accessible("assessments-completed");

		await page.getByRole("link", { name }).click();
		await page.getByText(`of the assessment ${name}`).waitFor();
		await page
			.getByRole("link", { name: `Found by ${name}` })
			.first()
			.click();
		await page.getByRole("link", { name: `${name} (completed)` }).waitFor();
		assert.equal(await page.getByText("No finding matches").count(), 0);
		visitor.noErrors();
		await visitor.leaves();
	});
});
