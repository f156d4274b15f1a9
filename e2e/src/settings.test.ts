/** What an administrator and an analyst set up and decide. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Browser } from "playwright-core";
import { launch, Visitor } from "./browser";
import { EMULATOR_URL } from "./environment";

type Listed = { items: { id: string; title: string; status: string }[] };

/** The live board may be asked before an answer comes. */
const ASKS_THE_BOARD = 60_000;

describe("settings", () => {
	let browser: Browser;
	before(async () => {
		browser = await launch();
	});
	after(() => browser.close());

	it("a rule shows what it would do before it can be saved", async () => {
		const name = `Browser test ${process.pid}`;
		const visitor = await Visitor.signedIn(browser);
		const { page } = visitor;
		await visitor.open("/rules/new");
		await page.getByLabel("Name").fill(name);
		// Criteria with the keyboard alone, below the name: a severity, then a group with a tag that no asset has, so that the
		// demo stays as it was.
		await page.getByText("No condition: every open finding.").waitFor();
		await page.getByRole("button", { name: "Add condition" }).press("Enter");
		await page.getByLabel("Severity: value").selectOption("critical");
		await page.getByRole("button", { name: "Add group" }).first().press("Enter");
		const group = page.getByRole("group", { name: "Group" });
		await group.getByLabel("What is asked for").selectOption("asset_tag");
		await group.getByText("is compared with an empty text").waitFor({ timeout: ASKS_THE_BOARD });
		await visitor.accessible("rule with a problem");
		await group.getByLabel("Tag of the asset: value").fill("no-asset-has-this");
		await group.getByText("is compared with an empty text").waitFor({ state: "detached", timeout: ASKS_THE_BOARD });
		await page.getByText(/^Matches/).waitFor({ timeout: ASKS_THE_BOARD });
		const save = page.getByRole("button", { name: "Save", exact: true });
		assert.equal(await save.isEnabled(), false);
		await page.getByRole("button", { name: "Show what it would do" }).click();
		await page.getByRole("region", { name: "What saving it would do now" }).waitFor({ timeout: ASKS_THE_BOARD });
		await visitor.accessible("rule with plan");
		await visitor.picture("rule-plan");
		await save.click();

		await page.getByRole("heading", { level: 1, name: "Rules" }).waitFor();
		await page.getByRole("link", { name }).click();
		await page.getByRole("heading", { level: 1, name }).waitFor();
		await page.getByRole("button", { name: "Delete" }).click();
		await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
		await page.getByRole("heading", { level: 1, name: "Rules" }).waitFor();
		await page.getByRole("link", { name }).waitFor({ state: "detached" });
		visitor.noErrors();
		await visitor.leaves();
	});

	it("rows of a plan are chosen and applied, each says what became of it, and they are undone", async () => {
		const visitor = await Visitor.signedIn(browser);
		const { page } = visitor;
		// What the demo plans changes with the day: a small plan of its own is served here, and what is asked for is looked at.
		const ticket = (await visitor.ask<Listed>("/tickets?limit=1")).items[0];
		assert.ok(ticket);
		const row = { ticket_id: ticket.id, title: ticket.title, destination: "Webshop / Payments", reason: "it changed" };
		const plan = {
			create: 0,
			update: 1,
			follow: 0,
			nothing: 3,
			over_budget: 1,
			tickets: [
				{ ...row, action: "close", work_item_id: 7, revision: 3, fingerprint: "f".repeat(64), fields: [] },
				{ ...row, action: "wait", work_item_id: 8, fields: [], title: "Something that waits" },
			],
		};
		const id = "018f0000-0000-7000-8000-000000000001";
		const became = { id, at: new Date().toISOString(), by: "admin" };
		const applied = { ticket_id: ticket.id, work_item_id: 7, title: ticket.title, state: "applied" };
		const asked: string[] = [];
		await page.route("**/api/v1/plan", (route) => route.fulfill({ json: plan }));
		await page.route("**/api/v1/plan/applies", (route) => {
			asked.push(route.request().postData() ?? "");
			return route.fulfill({ json: { ...became, tickets: [applied] } });
		});
		await page.route(`**/api/v1/plan/applies/${id}`, (route) => route.fulfill({ json: { ...became, tickets: [applied] } }));
		await page.route(`**/api/v1/plan/applies/${id}/undo`, (route) =>
			route.fulfill({
				json: {
					...became,
					id: "018f0000-0000-7000-8000-000000000002",
					undoes: id,
					tickets: [{ ...applied, state: "refused", reason: "Work item 7 was changed since, last by Mona Blake." }],
				},
			}),
		);
		await page.route("**/api/v1/plan/applies/018f0000-0000-7000-8000-000000000002", (route) => route.abort());

		await visitor.open("/plan");
		const choice = page.getByRole("checkbox", { name: `Apply: Close ${ticket.title}` });
		await choice.waitFor();
		assert.equal(await page.getByRole("checkbox").count(), 1, "what waits cannot be applied");
		await choice.uncheck();
		assert.equal(await page.getByRole("button", { name: "Apply 0" }).isEnabled(), false);
		await choice.check();
		await visitor.accessible("plan with choices");
		await page.getByRole("button", { name: "Apply 1" }).click();
		await page.getByRole("dialog").getByRole("button", { name: "Apply" }).click();
		const outcome = page.getByRole("region", { name: "Applied" });
		await outcome.getByText("1 applied, 0 refused.").waitFor();
		assert.deepEqual(
			asked.map((body) => JSON.parse(body)),
			[{ tickets: [{ ticket_id: ticket.id, revision: 3, fingerprint: "f".repeat(64) }] }],
		);
		await visitor.accessible("plan applied");
		await visitor.picture("plan-applied");
		await outcome.getByRole("button", { name: "Undo" }).click();
		const undone = page.getByRole("region", { name: "Undone" });
		await undone.getByText("was changed since, last by Mona Blake").waitFor();
		await visitor.accessible("plan undone");
		await visitor.leaves();
	});

	it("a destination is chosen from what the board has, and checked while it is edited", async () => {
		const visitor = await Visitor.signedIn(browser);
		const { page } = visitor;
		const [connection] = (await visitor.ask<Listed>("/connections")).items;
		assert.ok(connection, "the demo has a connection");
		await visitor.open(`/connections/${connection.id}/destinations/new`);
		const save = page.getByRole("button", { name: "Save", exact: true });
		assert.equal(await save.isEnabled(), false);

		await page.getByRole("combobox", { name: "Project" }).click();
		await page.getByRole("listbox").getByRole("option").first().click({ timeout: ASKS_THE_BOARD });
		await page.getByLabel("Work item type").selectOption("Bug", { timeout: ASKS_THE_BOARD });
		await page.getByRole("radio", { name: "one asset" }).check();
		await page
			.getByRole("combobox", { name: "Asset" })
			.or(page.getByRole("textbox", { name: "Asset" }))
			.first()
			.fill("e2e/bound");
		await page.getByText("It fits the board.").waitFor({ timeout: ASKS_THE_BOARD });
		assert.equal(await save.isEnabled(), true);

		const status = page.getByRole("region", { name: "Status map" });
		assert.notEqual(await status.getByRole("combobox", { name: "Identified: state or column" }).inputValue(), "");
		await visitor.accessible("destination");
		visitor.noErrors();
		await visitor.leaves();
	});

	it("a changed map shows what it does to work items that are there, and saves nothing", async () => {
		const visitor = await Visitor.signedIn(browser);
		const { page } = visitor;
		const [destination] = (await visitor.ask<Listed>("/destinations")).items;
		assert.ok(destination, "the demo has a destination");
		await visitor.open(`/destinations/${destination.id}`);
		await page.getByText("It fits the board.").waitFor({ timeout: ASKS_THE_BOARD });
		const severity = page.getByRole("region", { name: "Severity map" });
		for (const name of ["Critical", "High", "Medium"])
			await severity.getByRole("combobox", { name: `${name}: priority` }).selectOption("4");
		await page.getByText("It fits the board.").waitFor({ timeout: ASKS_THE_BOARD });
		await page.getByRole("button", { name: "Show what it changes" }).click();
		const shown = page.getByRole("region", { name: "What it changes" });
		await shown.getByText("Priority", { exact: true }).first().waitFor({ timeout: ASKS_THE_BOARD });
		await visitor.accessible("destination with its effect");
		await visitor.picture("destination-effect");
		const again = await visitor.ask<{ severity_map: { high?: { priority: number } } }>(`/destinations/${destination.id}`);
		assert.notEqual(again.severity_map.high?.priority, 4, "nothing was saved");
		visitor.noErrors();
		await visitor.leaves();
	});

	it("a person signs in with Microsoft and chooses the organization", async () => {
		const visitor = await Visitor.signedIn(browser);
		const { page } = visitor;
		const name = `Signed in ${process.pid}`;
		await visitor.open("/connections/new");
		await page.getByLabel("Name").fill(name);
		await page.getByLabel("Instance").fill(EMULATOR_URL);
		await page.getByRole("radio", { name: "Microsoft: a person signs in" }).check();
		// The application that the demo's directory knows.
		await page.getByLabel("Client id").fill("11111111-1111-4111-8111-111111111111");
		await page.getByLabel("Client secret").fill("demo-client-secret");
		await page.getByRole("button", { name: "Continue to Microsoft" }).click();

		await page.getByRole("heading", { name: "Pick an account" }).waitFor();
		await page.getByRole("link", { name: /Ada Marsh/ }).click();

		await page.getByText("This account is a member of contoso").waitFor({ timeout: ASKS_THE_BOARD });
		assert.equal(new URL(page.url()).search, "", "the code is not left in the address");
		await visitor.accessible("sign-in-organization");
		await visitor.picture("sign-in-organization");
		await page.getByRole("combobox", { name: "Organization" }).fill("contoso");
		await page.keyboard.press("Escape");
		await page.getByRole("button", { name: "Connect" }).click();

		await page.getByRole("heading", { level: 1, name: `Set up ${name}` }).waitFor({ timeout: ASKS_THE_BOARD });
		await page.getByRole("navigation", { name: "Breadcrumb" }).getByRole("link", { name }).click();
		await page.getByRole("heading", { level: 1, name }).waitFor();
		await page.getByText(/Ada Marsh, signed in with Microsoft/).waitFor();
		await page.getByRole("button", { name: "Sign in with Microsoft again" }).waitFor();
		await visitor.accessible("connection-person");
		await visitor.picture("connection-person");
		visitor.noErrors();
		await page.getByRole("button", { name: "Delete" }).click();
		await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
		await page.getByRole("heading", { level: 1, name: "Connections" }).waitFor();
		await visitor.leaves();
	});

	it("a decision needs its reason, and Fixed is not for people", async () => {
		const visitor = await Visitor.signedIn(browser);
		const { page } = visitor;
		const { items } = await visitor.ask<Listed>("/findings?status=identified&severity=low,info,medium&limit=50");
		const finding = items.at(-1);
		assert.ok(finding, "the demo has an identified finding that is not urgent");
		await visitor.open(`/findings/${finding.id}`);
		await page.getByRole("button", { name: "Set status" }).click();
		const dialog = page.getByRole("dialog", { name: "Set status" });
		const choices = await dialog.getByLabel("Status", { exact: true }).locator("option").allTextContents();
		assert.ok(!choices.includes("Fixed"));
		await dialog.getByLabel("Status", { exact: true }).selectOption("False Positive");
		await dialog.getByRole("button", { name: "Set status" }).click();
		// The browser holds the form back: the reason is missing.
		assert.equal(await dialog.getByLabel("Reason").evaluate((field: HTMLTextAreaElement) => field.validity.valueMissing), true);
		await dialog.getByLabel("Reason").fill("Only test code is affected.");
		await dialog.getByRole("button", { name: "Set status" }).click();
		await dialog.waitFor({ state: "detached" });

		const status = page.getByRole("region", { name: "Status" });
		await status.getByText("False Positive", { exact: true }).waitFor();
		await status.getByText("Only test code is affected.").waitFor();
		await page.getByRole("region", { name: "History" }).getByText("Person", { exact: true }).first().waitFor();
		visitor.noErrors();
		await visitor.leaves();
	});
});
