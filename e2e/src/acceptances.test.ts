/** Risks are accepted, seen among the acceptances, extended and revoked; and rules suppress what is not to be looked at. */
import { after, before, describe, it } from "node:test";
import type { Browser } from "playwright-core";
import { launch, NARROW, Visitor } from "./browser";

/** A day so many days from now. */
const day = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);

describe("what is not to be fixed", () => {
	let browser: Browser;
	before(async () => {
		browser = await launch();
	});
	after(() => browser.close());

	it("is accepted by the status of a finding, extended, and revoked", async () => {
		const visitor = await Visitor.signedIn(browser);
		const { page } = visitor;
		const name = `Acceptance ${Date.now()}`;
		await visitor.imports(`asset of ${name}`, [`Found by ${name}`]);

		await visitor.open(`/findings?q=${encodeURIComponent(name)}`);
		await page
			.getByRole("link", { name: `Found by ${name}` })
			.first()
			.click();
		await page.getByRole("button", { name: "Set status" }).click();
		await page.getByRole("combobox", { name: "Status" }).selectOption("risk_accepted");
		await page.getByRole("textbox", { name: "Reason" }).fill(`Reason of ${name}`);
		await page.getByLabel("Until").fill(day(30));
		await page.getByRole("dialog").getByRole("button", { name: "Set status" }).click();
		await page.getByText("Accepted by").waitFor();

		await visitor.open("/acceptances");
		await page.getByRole("button", { name: `Extend: Reason of ${name}` }).click();
		await page.getByLabel("Until").fill(day(60));
		await page.getByRole("textbox", { name: "Reason" }).fill("the move is late");
		await visitor.accessible("dialog-extend");
		await page.getByRole("button", { name: "Extend", exact: true }).click();
		await page.getByText("end changed by").first().waitFor();

		await page.getByRole("button", { name: `Revoke: Reason of ${name}` }).click();
		await page.getByRole("textbox", { name: "Reason" }).fill("it is reachable");
		await page.getByRole("button", { name: "Revoke", exact: true }).click();
		await page.getByText("it is reachable").first().waitFor();
		await visitor.accessible("acceptances-revoked");
		await visitor.open(`/findings?q=${encodeURIComponent(name)}`);
		await page
			.getByRole("link", { name: `Found by ${name}` })
			.first()
			.waitFor();
		visitor.noErrors();
		await visitor.leaves();
	});

	it("is accepted for many at once, with evidence, within the policy", async () => {
		const visitor = await Visitor.signedIn(browser, { viewport: NARROW, theme: "dark" });
		const { page } = visitor;
		const name = `Move ${Date.now()}`;
		await visitor.imports(`asset of ${name}`, [`One of ${name}`, `Two of ${name}`]);

		await visitor.open("/acceptances");
		const most = 1000 + (Date.now() % 2000);
		await page.getByLabel("Most days").fill(String(most));
		await page.getByRole("button", { name: "Save" }).click();
		await page.getByText("Saved").waitFor();

		await visitor.open(`/findings?q=${encodeURIComponent(name)}`);
		for (const box of await page.getByRole("checkbox").all()) await box.check();
		await page.getByRole("button", { name: "Accept the risk…" }).click();
		await page.getByRole("textbox", { name: "Reason" }).fill(`It goes with ${name}`);
		await page.getByRole("textbox", { name: "Evidence", exact: true }).fill("Signed off in the review of spring.");
		await page.getByLabel("Link to the evidence").fill("https://wiki.example/decisions/7");
		await page.getByLabel("Until").fill("2099-01-31");
		await page.getByRole("button", { name: "Accept the risk", exact: true }).click();
		await page.getByText(`Here no acceptance lasts longer than ${most} days.`).waitFor();
		await page.getByLabel("Until").fill(day(60));
		await page.getByLabel("Then").selectOption("keep");
		await visitor.accessible("dialog-accept");
		await visitor.picture("dialog-accept", false);
		await page.getByRole("button", { name: "Accept the risk", exact: true }).click();
		await page.getByRole("dialog").waitFor({ state: "hidden" });

		await visitor.open("/acceptances");
		await page.getByRole("link", { name: `It goes with ${name}` }).waitFor();
		await page.getByText("2 findings · until").first().waitFor();
		await visitor.fits("acceptances");
		await visitor.picture("acceptances-two");
		await page.getByRole("link", { name: `It goes with ${name}` }).click();
		await page
			.getByRole("link", { name: `Two of ${name}` })
			.first()
			.click();
		await page.getByRole("link", { name: "https://wiki.example/decisions/7" }).waitFor();
		await visitor.leaves();
	});

	it("is suppressed by a rule that shows what it does before, and given back when the rule goes", async () => {
		const visitor = await Visitor.signedIn(browser);
		const { page } = visitor;
		const name = `Tests ${Date.now()}`;
		await visitor.imports(`asset of ${name}`, [`Found by ${name}`]);
		const finding = () => page.getByRole("link", { name: `Found by ${name}` }).first();

		await visitor.open("/suppression/new");
		await page.getByLabel("Name").fill(name);
		await page.getByRole("textbox", { name: "Reason" }).fill("Test code is not shipped");
		await page.getByRole("button", { name: "Add condition" }).click();
		await page.getByLabel("What is asked for").selectOption("asset");
		await page.getByRole("textbox", { name: /: value$/ }).fill(`asset of ${name}`);
		await page.getByRole("button", { name: "Show what it would suppress" }).click();
		await page.getByText("1 finding", { exact: true }).waitFor();
		await visitor.accessible("suppression-preview");
		await visitor.picture("suppression-preview");
		await page.getByRole("button", { name: "Save", exact: true }).click();
		await page.getByRole("link", { name, exact: true }).waitFor();

		await page.waitForFunction(async () => (await fetch("/api/v1/suppressions").then((it) => it.json())).at(-1)?.findings === 1);
		await visitor.open(`/findings?status=suppressed&q=${encodeURIComponent(name)}`);
		await finding().click();
		await page.getByText("Another status, set by a person").waitFor();
		await page.getByRole("link", { name, exact: true }).first().click();
		await page.getByRole("button", { name: "Delete" }).click();
		await page.getByText("1 finding would come back.").waitFor();
		await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
		await page.getByRole("dialog").waitFor({ state: "hidden" });
		await visitor.open(`/findings?q=${encodeURIComponent(name)}`);
		await finding().waitFor();
		visitor.noErrors();
		await visitor.leaves();
	});
});
