/** A finding that a person writes down: drafted, published, changed, claimed and judged. */
import { after, before, describe, it } from "node:test";
import type { Browser } from "playwright-core";
import { launch, NARROW, Visitor } from "./browser";

describe("a manual finding", () => {
	let browser: Browser;
	before(async () => {
		browser = await launch();
	});
	after(() => browser.close());

	it("is drafted, published, changed, and not validated by who claims the fix", async () => {
		const visitor = await Visitor.signedIn(browser);
		const { page } = visitor;
		const name = `Coupon ${Date.now()}`;
		await visitor.open("/findings");
		await page.getByRole("link", { name: "New finding" }).click();
		await page.getByRole("heading", { level: 1, name: "New finding" }).waitFor();
		await page.getByRole("combobox", { name: /^Asset\b/ }).fill(`asset of ${name}`);
		await page.getByRole("textbox", { name: /^Title\b/ }).fill(`${name} can be used twice`);
		await page.getByLabel("Place").fill("checkout");
		await page.getByLabel("What was seen").fill("Send the same code twice.");
		await page.getByRole("combobox", { name: "CWEs" }).fill("CWE-841");
		await page.getByRole("combobox", { name: "CWEs" }).press("Enter");
		await visitor.accessible("new finding");
		await visitor.picture("finding-new-filled");
		await page.getByRole("button", { name: "Save as a draft" }).click();
		await page.getByRole("heading", { level: 1, name: `${name} can be used twice` }).waitFor();
		await page.getByText("Draft", { exact: true }).first().waitFor();
		await page.getByRole("button", { name: "Publish" }).click();
		await page.getByText("Identified", { exact: true }).first().waitFor();

		await page.getByRole("button", { name: "Edit…" }).click();
		await page.getByRole("dialog").getByRole("combobox", { name: "Severity" }).selectOption("critical");
		await visitor.accessible("dialog-edit-finding");
		await page.getByRole("button", { name: "Save", exact: true }).click();
		await page.getByText("Critical", { exact: true }).first().waitFor();

		await page.getByRole("button", { name: "Set status" }).click();
		await page.getByRole("combobox", { name: "Status" }).selectOption("awaiting_validation");
		await page.getByRole("dialog").getByRole("button", { name: "Set status" }).click();
		await page.getByText("Awaiting Validation", { exact: true }).first().waitFor();

		await page.getByRole("button", { name: "Validate…" }).click();
		await page.getByLabel("How you looked at it").fill("Sent it twice on 2.4.1");
		await page.getByRole("button", { name: "Save the verdict" }).click();
		await page.getByText("somebody else than who says that it is fixed").waitFor();
		await page.getByLabel("it is still there").check();
		await page.getByRole("button", { name: "Save the verdict" }).click();
		await page.getByText("Identified", { exact: true }).first().waitFor();
		await page.getByText("Sent it twice on 2.4.1").first().waitFor();
		await visitor.picture("finding-manual");
		await visitor.leaves();
	});

	it("fits on a narrow screen", async () => {
		const visitor = await Visitor.signedIn(browser, { viewport: NARROW, theme: "dark" });
		await visitor.open("/findings/new");
		await visitor.fits("new finding");
		await visitor.accessible("new finding");
		visitor.noErrors();
		await visitor.leaves();
	});
});
