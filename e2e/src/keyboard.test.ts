/** The pages by keyboard alone. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Browser } from "playwright-core";
import { launch, NARROW, Visitor } from "./browser";

describe("by keyboard", () => {
	let browser: Browser;
	before(async () => {
		browser = await launch();
	});
	after(() => browser.close());

	it("j and k walk the findings, Enter opens one, and the heading has the focus then", async () => {
		const visitor = await Visitor.signedIn(browser);
		const { page } = visitor;
		await visitor.open("/findings");
		const rows = page.locator("main [data-row]");
		await rows.first().waitFor();
		await page.keyboard.press("j");
		await page.keyboard.press("j");
		assert.equal(await rows.nth(1).evaluate((row) => row === document.activeElement), true);
		await page.keyboard.press("k");
		assert.equal(await rows.nth(0).evaluate((row) => row === document.activeElement), true);
		const title = await rows.nth(0).textContent();
		await page.keyboard.press("Enter");
		const heading = page.getByRole("heading", { level: 1, name: title ?? "", exact: true });
		await heading.waitFor();
		await page.waitForFunction(() => document.activeElement?.tagName === "H1");
		await visitor.leaves();
	});

	it("a slash leads to the search, and what is typed stands in the address", async () => {
		const visitor = await Visitor.signedIn(browser);
		const { page } = visitor;
		await visitor.open("/findings");
		await page.locator("main [data-row]").first().waitFor();
		await page.keyboard.press("/");
		await page.keyboard.type("sql");
		await page.waitForURL(/[?&]q=sql/);
		await page.reload();
		assert.equal(await page.getByRole("searchbox", { name: "Search" }).inputValue(), "sql");
		await visitor.leaves();
	});

	it("the first Tab offers to skip the navigation", async () => {
		const visitor = await Visitor.signedIn(browser);
		const { page } = visitor;
		await visitor.open("/tickets");
		await page.keyboard.press("Tab");
		const skip = page.getByRole("link", { name: "Skip to the page" });
		assert.equal(await skip.evaluate((link) => link === document.activeElement), true);
		await page.keyboard.press("Enter");
		await page.waitForFunction(() => document.activeElement?.id === "main");
		await visitor.leaves();
	});

	it("the menu of a narrow screen opens, leads on and closes", async () => {
		const visitor = await Visitor.signedIn(browser, { viewport: NARROW, theme: "light" });
		const { page } = visitor;
		await page.getByRole("button", { name: "Open the menu" }).press("Enter");
		await page.getByRole("dialog").getByRole("link", { name: "Tickets" }).press("Enter");
		await page.getByRole("heading", { level: 1, name: "Tickets" }).waitFor();
		await page.getByRole("dialog").waitFor({ state: "detached" });
		await visitor.leaves();
	});
});
