/** The set-up of a connection, from the card of Azure Boards to work items: left in the middle, and resumed. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Browser } from "playwright-core";
import { launch, Visitor } from "./browser";
import { EMULATOR_URL } from "./environment";

/** The live board may be asked before an answer comes. */
const ASKS_THE_BOARD = 60_000;

/** The token that the demo's board knows. */
const DEMO_PAT = "demo-pat-for-the-emulator-only-000000000000000000000000000000000000000000000AZDO0000";

describe("set-up", () => {
	let browser: Browser;
	before(async () => {
		browser = await launch();
	});
	after(() => browser.close());

	it("goes from the card of Azure Boards to a webhook and a rule, and can be left and resumed", async () => {
		const visitor = await Visitor.signedIn(browser);
		const { page } = visitor;
		const name = `Set up ${process.pid}`;
		const here = (step: string) => page.getByRole("navigation", { name: "Steps of the set-up" }).getByText(step);

		await visitor.open("/integrations");
		await visitor.accessible("integrations");
		await visitor.picture("integrations");
		await page.getByRole("link", { name: /^Integrate/ }).click();
		await page.getByLabel("Name").fill(name);
		await page.getByLabel("Instance").fill(EMULATOR_URL);
		await page.locator("input[type=password]").fill(DEMO_PAT);
		await page.getByRole("combobox", { name: "Organization" }).fill("contoso");
		await page.getByRole("button", { name: "Verify" }).click();
		await page.getByText("The connection works.").waitFor({ timeout: ASKS_THE_BOARD });
		await page.getByRole("button", { name: "Save", exact: true }).click();

		await page.getByRole("heading", { level: 1, name: `Set up ${name}` }).waitFor({ timeout: ASKS_THE_BOARD });
		await page.getByLabel("Low: priority").selectOption("3");
		await visitor.accessible("setup-severities");
		await visitor.picture("setup-severities");
		await page.getByRole("button", { name: "Save and continue" }).click();
		await page.getByRole("combobox", { name: "Project" }).waitFor();

		// Left here, and resumed from the card.
		await visitor.open("/integrations");
		await page.getByRole("listitem").filter({ hasText: name }).getByRole("link", { name: "Go on with the set-up" }).click();
		await page.getByRole("heading", { level: 1, name: `Set up ${name}` }).waitFor();
		assert.equal(await here("3. Destinations").count(), 1);
		await page.getByRole("combobox", { name: "Project" }).click();
		await page.getByRole("option", { name: "Webshop" }).click({ timeout: ASKS_THE_BOARD });
		await page.getByLabel("Work item type").selectOption("Bug", { timeout: ASKS_THE_BOARD });
		await page.getByText("It fits the board.").waitFor({ timeout: ASKS_THE_BOARD });
		assert.equal(await page.getByLabel("Low: priority").inputValue(), "3", "the connection's severity map is where it begins");
		await visitor.accessible("setup-destination");
		await page.getByRole("button", { name: "Save and continue" }).click();

		await page.getByRole("region", { name: "Status map" }).waitFor({ timeout: ASKS_THE_BOARD });
		await page.getByText("It fits the board.").waitFor({ timeout: ASKS_THE_BOARD });
		await visitor.accessible("setup-statuses");
		await visitor.picture("setup-statuses");
		await page.getByRole("button", { name: "Save and continue" }).click();

		await page.getByLabel("Hook URL").waitFor();
		await page.getByText("Subscribe by hand").click();
		await page.getByText("Do the same once more with the field filter “State”.").waitFor();
		await page.getByRole("button", { name: "Subscribe for me" }).click();
		await page.getByRole("button", { name: "Remove the subscriptions" }).waitFor({ timeout: ASKS_THE_BOARD });
		await visitor.accessible("setup-webhook");
		await visitor.picture("setup-webhook");
		await page.getByRole("button", { name: "Check connection" }).click();
		await page.getByText("The connection works.").waitFor({ timeout: ASKS_THE_BOARD });
		await page.getByRole("button", { name: "Continue" }).click();

		await page.getByText("Everything is set up.").waitFor();
		await visitor.accessible("setup-rule");
		await page.getByRole("link", { name: "Done", exact: true }).click();
		await page.getByRole("heading", { level: 1, name }).waitFor();
		visitor.noErrors();

		await page.getByRole("button", { name: "Delete" }).click();
		await page
			.getByRole("dialog")
			.getByText(/1 destination \(Webshop/)
			.waitFor();
		await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
		await page.getByRole("heading", { level: 1, name: "Connections" }).waitFor({ timeout: ASKS_THE_BOARD });
		await visitor.leaves();
	});
});
