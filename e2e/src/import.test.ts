/** A report comes in through the page, and its text stays text. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Browser } from "playwright-core";
import { launch, NARROW, Visitor } from "./browser";

const HOSTILE = '<img src=x onerror="window.hacked=1"> "quoted" \'text\' {{7*7}} </script><script>window.hacked=1</script>';

/** A report with one result whose every text is hostile. */
function hostileReport(): Buffer {
	const sarif = {
		version: "2.1.0",
		runs: [
			{
				tool: {
					driver: {
						name: "hostile<script>window.hacked=1</script>",
						rules: [
							{
								id: "hostile/onerror",
								shortDescription: { text: HOSTILE },
								fullDescription: { text: HOSTILE },
								helpUri: "javascript:window.hacked=1",
							},
						],
					},
				},
				invocations: [{ executionSuccessful: true, startTimeUtc: new Date().toISOString() }],
				results: [
					{
						ruleId: "hostile/onerror",
						level: "note",
						message: { text: HOSTILE },
						locations: [
							{
								physicalLocation: {
									artifactLocation: { uri: "src/%3Cimg%20onerror%3E.ts" },
									region: { startLine: 3, snippet: { text: HOSTILE } },
								},
							},
						],
					},
				],
			},
		],
	};
	return Buffer.from(JSON.stringify(sarif));
}

describe("a report", () => {
	let browser: Browser;
	before(async () => {
		browser = await launch();
	});
	after(() => browser.close());

	it("is uploaded, read, and what it changed is shown; its text is never markup", async () => {
		const visitor = await Visitor.signedIn(browser);
		const { page } = visitor;
		await visitor.open("/scans");
		await page.getByRole("button", { name: "Upload a report" }).first().click();
		const dialog = page.getByRole("dialog", { name: "Upload a report" });
		await dialog
			.locator("input[type=file]")
			.setInputFiles({ name: "hostile.sarif", mimeType: "application/json", buffer: hostileReport() });
		await dialog.getByText("hostile.sarif").waitFor();
		await dialog.getByRole("textbox", { name: "Asset" }).fill("e2e/hostile");
		await dialog.getByRole("button", { name: "Show what it would do" }).click();
		const plan = dialog.getByRole("region", { name: "What it would do" });
		await plan.getByText("1 result would be read in").waitFor({ timeout: 30_000 });
		assert.equal(await plan.locator("img, script").count(), 0);
		await visitor.accessible("import plan");
		await visitor.picture("import-plan", false);
		// It is about what the form said.
		await dialog.getByRole("textbox", { name: "Branch" }).fill("main");
		await plan.waitFor({ state: "detached" });
		await dialog.getByRole("button", { name: "Import" }).click();
		await dialog.getByText("Still open").waitFor({ timeout: 30_000 });
		await visitor.accessible("import result");
		await visitor.picture("import-result", false);
		await dialog.getByRole("button", { name: "Close" }).last().click();

		await visitor.open("/findings?status=all&q=onerror");
		await page.locator("main [data-row]").first().click();
		await page.getByRole("region", { name: "Status" }).waitFor();
		assert.match((await page.locator("main h1").textContent()) ?? "", /<img|onerror/);
		assert.equal(await page.locator("main img, main script, main a[href^='javascript:']").count(), 0);
		assert.equal(await page.evaluate(() => "hacked" in window), false);
		await visitor.fits("a hostile finding");
		visitor.noErrors();
		await visitor.leaves();
	});

	it("is planned: what becomes of findings, of tickets, and of work items that are there", async () => {
		const visitor = await Visitor.signedIn(browser, { viewport: NARROW, theme: "dark" });
		const { page } = visitor;
		const found = (...titles: string[]) =>
			titles.map((title) => ({ id: title, title, severity: "high", path: `${title}.js`, snippet: title }));
		await visitor.uploads("e2e/planned", { scanner: { name: "planner" }, findings: found("remains", "goes") });
		// Both have their work items, so that the next report has something to close.
		await visitor.open("/tickets?health=in_step&q=planned");
		await page.getByText("goes").first().waitFor({ timeout: 30_000 });
		await page.getByText("remains").first().waitFor({ timeout: 30_000 });

		await visitor.open("/scans?upload");
		const next = JSON.stringify({ lockstep: 1, scanner: { name: "planner" }, findings: found("remains", "comes") });
		await page
			.locator("input[type=file]")
			.setInputFiles({ name: "next.json", mimeType: "application/json", buffer: Buffer.from(next) });
		await page.getByRole("textbox", { name: "Asset" }).fill("e2e/planned");
		await page.getByRole("button", { name: "Show what it would do" }).click();
		const plan = page.getByRole("region", { name: "What it would do" });
		const rules = plan.getByRole("region", { name: "What the rules would do" });
		await rules.getByText("comes").waitFor();
		const there = plan.getByRole("region", { name: "Work items that are there" });
		await there.getByText("goes").first().waitFor();
		assert.equal(await there.getByText("remains").count(), 0, "what does not change is not named");
		await visitor.accessible("plan of an import");
		await there.scrollIntoViewIfNeeded();
		await visitor.picture("import-planned", false);
		await visitor.leaves();
	});

	it("that is none is refused with what to do instead", async () => {
		const visitor = await Visitor.signedIn(browser);
		const { page } = visitor;
		await visitor.open("/scans?upload");
		const dialog = page.getByRole("dialog", { name: "Upload a report" });
		await dialog
			.locator("input[type=file]")
			.setInputFiles({ name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("buy milk") });
		await dialog.getByRole("textbox", { name: "Asset" }).fill("e2e/nothing");
		await dialog.getByRole("button", { name: "Import" }).click();
		const alert = dialog.getByRole("alert");
		await alert.waitFor({ timeout: 30_000 });
		await visitor.accessible("refused import");
		await visitor.picture("import-refused", false);
		await visitor.leaves();
	});
});
