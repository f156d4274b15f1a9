/** What leaves as a file: by the menu of the findings, with the filter that stands in the address. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, it } from "node:test";
import type { Browser, Download } from "playwright-core";
import { launch, NARROW, Visitor, WIDE } from "./browser";

type Listed = { items: { id: string; severity: string }[] };

async function text(download: Download): Promise<string> {
	assert.equal(await download.failure(), null);
	return readFile(await download.path(), "utf8");
}

describe("an export", () => {
	let browser: Browser;
	before(async () => {
		browser = await launch();
	});
	after(() => browser.close());

	it("holds the findings that the page shows, in every format", async () => {
		const visitor = await Visitor.signedIn(browser);
		const { page } = visitor;
		await visitor.open("/findings?severity=critical,high");
		const { items } = await visitor.ask<Listed>("/findings?status=open&severity=critical,high&limit=200");
		assert.ok(items.length > 0, "the demo has such findings");
		const save = async (format: string): Promise<[name: string, content: string]> => {
			await page.getByRole("button", { name: "Export" }).click();
			const saved = page.waitForEvent("download");
			await page.getByRole("menuitem", { name: format }).click();
			const download = await saved;
			return [download.suggestedFilename(), await text(download)];
		};

		const [table, rows] = await save("CSV");
		assert.match(table, /^lockstep-findings-\d{8}T\d{6}Z\.csv$/);
		assert.match(rows, /^id,asset,title,severity,/);
		for (const { id } of items) assert.ok(rows.includes(id), `${id} is there`);

		const [, list] = await save("JSON");
		assert.deepEqual(
			(JSON.parse(list) as { id: string }[]).map(({ id }) => id),
			items.map(({ id }) => id),
		);

		const [log, results] = await save("SARIF");
		assert.match(log, /\.sarif$/);
		assert.equal(JSON.parse(results).runs[0].results.length, items.length);

		const [openvex, statements] = await save("OpenVEX");
		assert.match(openvex, /\.openvex\.json$/);
		assert.equal(JSON.parse(statements)["@context"], "https://openvex.dev/ns/v0.2.0");

		const [cyclonedx, bom] = await save("CycloneDX VEX");
		assert.match(cyclonedx, /\.cdx\.json$/);
		assert.equal(JSON.parse(bom).specVersion, "1.6");
		visitor.noErrors();
		await visitor.leaves();
	});

	it("is chosen by keyboard alone, and the focus is on the button again afterwards", async () => {
		const visitor = await Visitor.signedIn(browser);
		const { page } = visitor;
		await visitor.open("/findings?status=all");
		const button = page.getByRole("button", { name: "Export" });
		await button.focus();
		await page.keyboard.press("Enter");
		await page.waitForFunction(() => document.activeElement?.textContent?.startsWith("CSV"));
		await page.keyboard.press("ArrowDown");
		const saved = page.waitForEvent("download");
		await page.keyboard.press("Enter");
		assert.match((await saved).suggestedFilename(), /Z\.json$/, "the second one");
		await page.waitForFunction(() => document.activeElement?.textContent === "Export");

		await page.keyboard.press("Enter");
		await page.getByRole("menuitem", { name: "CSV" }).waitFor();
		await page.keyboard.press("Escape");
		await page.getByRole("menuitem", { name: "CSV" }).waitFor({ state: "detached" });
		await page.waitForFunction(() => document.activeElement?.textContent === "Export");
		visitor.noErrors();
		await visitor.leaves();
	});

	it("has a menu that fits and is accessible, wide and narrow, light and dark", async () => {
		for (const viewport of [WIDE, NARROW])
			for (const theme of ["light", "dark"] as const) {
				const visitor = await Visitor.signedIn(browser, { viewport, theme });
				const { page } = visitor;
				await visitor.open("/findings");
				await page.getByRole("button", { name: "Export" }).click();
				await page.getByRole("menuitem", { name: "CycloneDX VEX" }).waitFor();
				await visitor.accessible("export menu");
				await visitor.fits("export menu");
				await visitor.picture("menu-export", false);
				visitor.noErrors();
				await visitor.leaves();
			}
	});
});
