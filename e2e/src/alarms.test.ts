/** Where alarms go. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Browser } from "playwright-core";
import { type Look, launch, NARROW, Visitor, WIDE } from "./browser";

const LOOKS: readonly Look[] = [WIDE, NARROW].flatMap((viewport) =>
	(["light", "dark"] as const).map((theme) => ({ viewport, theme })),
);

const CHAT = {
	id: "018f0000-0000-7000-8000-00000000000a",
	name: "Chat",
	way: "webhook",
	url: "https://chat.example.com/hooks/security",
	problem: null,
	created_at: "2026-01-05T09:00:00Z",
};

const ON_CALL = {
	id: "018f0000-0000-7000-8000-00000000000b",
	name: "On call",
	way: "mail",
	host: "smtp.example.com",
	port: 465,
	implicit_tls: true,
	user: "",
	from: "lockstep@example.com",
	to: ["oncall@example.com", "security@example.com"],
	problem: "Connection error: Connection refused (os error 111)",
	created_at: "2026-01-05T09:00:00Z",
};

describe("where alarms go", () => {
	let browser: Browser;
	before(async () => {
		browser = await launch();
	});
	after(() => browser.close());

	it("is nowhere that the operator of the server did not allow, and the refusal says what to do", async () => {
		for (const look of LOOKS) {
			const visitor = await Visitor.signedIn(browser, look);
			const { page } = visitor;
			await visitor.open("/alarms");
			const panel = page.getByRole("region", { name: "Where alarms go" });
			await panel.getByRole("heading", { name: "Nowhere but here" }).waitFor();
			await panel.getByRole("button", { name: "Add a target" }).press("Enter");
			const dialog = page.getByRole("dialog", { name: "New target of alarms" });
			await dialog.getByLabel("Name").and(page.locator(":focus")).waitFor();
			const add = dialog.getByRole("button", { name: "Add", exact: true });
			await dialog.getByLabel("Name").fill("Chat");
			assert.equal(await add.isEnabled(), false, "it has no address yet");
			await dialog.getByLabel("Address").fill("https://chat.example.com/hooks/security");
			visitor.noErrors();
			await add.click();
			await dialog.getByRole("alert").getByText("--allow-alarm-address https://chat.example.com").waitFor();
			await visitor.accessible("webhook that is not allowed");
			await visitor.fits("webhook that is not allowed");
			await visitor.picture("dialog-webhook", false);

			await dialog.getByRole("radio", { name: "Mail" }).check();
			await dialog.getByLabel("SMTP server").fill("smtp.example.com");
			await dialog.getByRole("checkbox", { name: "TLS from the first byte" }).check();
			assert.equal(await dialog.getByLabel("Port").inputValue(), "465", "the usual port goes with it");
			await dialog.getByLabel("Sender").fill("lockstep@example.com");
			await dialog.getByLabel("Receivers").fill("oncall@example.com");
			await page.keyboard.press("Enter");
			assert.equal(await dialog.getByRole("textbox", { name: "Password" }).isEnabled(), false, "it belongs to a user");
			await dialog.getByLabel("User").fill("lockstep");
			assert.equal(await add.isEnabled(), false, "a user has a password");
			await dialog.getByRole("textbox", { name: "Password" }).fill("not a real one");
			await add.and(page.locator(":enabled")).waitFor();
			await visitor.accessible("mail");
			await visitor.picture("dialog-mail", false);
			await add.click();
			await dialog.getByRole("alert").getByText("--allow-alarm-address smtp://smtp.example.com:465").waitFor();
			await page.keyboard.press("Escape");
			await dialog.waitFor({ state: "detached" });
			await panel.getByRole("button", { name: "Add a target" }).and(page.locator(":focus")).waitFor();
			await visitor.leaves();
		}
	});

	it("is added, tried and deleted", async () => {
		for (const look of LOOKS) {
			const visitor = await Visitor.signedIn(browser, look);
			const { page } = visitor;
			// The demo may send alarms nowhere: what the server would answer is served here, and what is asked for is looked at.
			let targets: unknown[] = [ON_CALL];
			const asked: unknown[] = [];
			await page.route("**/api/v1/alarm-targets", (route) => {
				if (route.request().method() === "GET") return route.fulfill({ json: { items: targets } });
				asked.push(route.request().postDataJSON());
				targets = [ON_CALL, CHAT];
				return route.fulfill({ status: 201, json: { ...CHAT, secret: "made-by-the-server" } });
			});
			await page.route(`**/api/v1/alarm-targets/${CHAT.id}/test`, (route) => route.fulfill({ status: 204 }));
			await page.route(`**/api/v1/alarm-targets/${CHAT.id}`, (route) => {
				targets = [ON_CALL];
				return route.fulfill({ status: 204 });
			});
			await visitor.open("/alarms");
			const panel = page.getByRole("region", { name: "Where alarms go" });
			const row = (name: string) => panel.getByRole("listitem").filter({ hasText: name });
			await row("On call").getByText("Mail · oncall@example.com, security@example.com by smtp.example.com:465").waitFor();
			await row("On call").getByText("The latest message did not arrive").waitFor();
			await row("On call").getByText("Connection refused").waitFor();

			await panel.getByRole("button", { name: "Add a target" }).click();
			const dialog = page.getByRole("dialog", { name: "New target of alarms" });
			await dialog.getByLabel("Name").fill("Chat");
			await dialog.getByLabel("Address").fill(CHAT.url);
			await dialog.getByRole("button", { name: "Add", exact: true }).click();
			assert.equal(await dialog.getByLabel("Key of Chat").inputValue(), "made-by-the-server");
			assert.deepEqual(asked, [{ way: "webhook", url: CHAT.url, name: "Chat" }]);
			await visitor.accessible("key that is shown once");
			await visitor.picture("dialog-webhook-key", false);
			await dialog.getByRole("button", { name: "Done" }).click();

			await row("Chat").getByRole("button", { name: "Send a test to Chat" }).click();
			await row("Chat").getByText("The test arrived").waitFor();
			await visitor.accessible("targets of alarms");
			await visitor.fits("targets of alarms");
			await visitor.picture("alarm-targets");

			await row("Chat").getByRole("button", { name: "Delete Chat" }).press("Enter");
			const question = page.getByRole("dialog", { name: "Delete Chat?" });
			await question.waitFor();
			await visitor.accessible("target that is deleted");
			await visitor.picture("dialog-target-delete", false);
			await page.keyboard.press("Escape");
			await row("Chat").getByRole("button", { name: "Delete Chat" }).and(page.locator(":focus")).waitFor();
			await page.keyboard.press("Enter");
			await question.getByRole("button", { name: "Delete" }).press("Enter");
			await row("Chat").waitFor({ state: "detached" });
			await panel.getByRole("list", { name: "Targets of alarms" }).and(page.locator(":focus")).waitFor();
			visitor.noErrors();
			await visitor.leaves();
		}
	});

	it("says why a test did not arrive", async () => {
		const visitor = await Visitor.signedIn(browser);
		const { page } = visitor;
		await page.route("**/api/v1/alarm-targets", (route) => route.fulfill({ json: { items: [ON_CALL] } }));
		await page.route(`**/api/v1/alarm-targets/${ON_CALL.id}/test`, (route) =>
			route.fulfill({
				status: 409,
				contentType: "application/problem+json",
				json: {
					type: "urn:lockstep:problem:alarm_target_unreachable",
					code: "alarm_target_unreachable",
					status: 409,
					title: "The target was not reached",
					detail: "The test did not arrive at On call: Connection refused.",
					next_step: "Check address, port and password.",
				},
			}),
		);
		await visitor.open("/alarms");
		const panel = page.getByRole("region", { name: "Where alarms go" });
		await panel.getByRole("button", { name: "Send a test to On call" }).click();
		await panel.getByRole("alert").getByText("Check address, port and password.").waitFor();
		await visitor.accessible("test that did not arrive");
		await visitor.picture("alarm-target-unreachable");
		await visitor.leaves();
	});
});
