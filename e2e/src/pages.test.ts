/** Every page, wide and narrow, light and dark: it stands, it fits, it can be used without eyes or mouse. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Browser } from "playwright-core";
import { type Look, launch, NARROW, Visitor, WIDE } from "./browser";
import { LOCKSTEP_URL } from "./environment";

type Listed = { items: { id: string }[] };

/** Pages by the name of their picture. Those of one thing are shown for the first of its kind. */
async function addresses(visitor: Visitor): Promise<[name: string, path: string][]> {
	const first = async (path: string) => (await visitor.ask<Listed>(path)).items[0]?.id;
	const [asset, finding, ticket, conflict, scan, connection, destination, rule, templates] = await Promise.all([
		first("/assets?limit=1"),
		first("/findings?limit=1"),
		first("/tickets?limit=1"),
		first("/tickets?health=conflict,parked&limit=1"),
		first("/scans?limit=1"),
		first("/connections"),
		first("/destinations"),
		first("/rules"),
		first("/templates"),
	]);
	const one = (name: string, path: string, id: string | undefined): [string, string][] => (id ? [[name, path + id]] : []);
	return [
		["overview", "/"],
		["findings", "/findings"],
		["findings-filtered", "/findings?status=all&severity=critical,high&q=sql"],
		["findings-none", "/findings?q=nothing-has-this-name"],
		...one("finding", "/findings/", finding),
		["tickets", "/tickets"],
		...one("ticket", "/tickets/", ticket),
		...one("ticket-conflict", "/tickets/", conflict),
		["scans", "/scans"],
		...one("scan", "/scans/", scan),
		["assets", "/assets"],
		...one("asset", "/assets/", asset),
		["integrations", "/integrations"],
		["connections", "/connections"],
		["connection-new", "/connections/new"],
		...one("connection", "/connections/", connection),
		...(connection ? [["setup", `/connections/${connection}/setup`] as [string, string]] : []),
		...(connection ? [["destination-new", `/connections/${connection}/destinations/new`] as [string, string]] : []),
		...one("destination", "/destinations/", destination),
		["rules", "/rules"],
		["rule-new", "/rules/new"],
		...one("rule", "/rules/", rule),
		["templates", "/templates"],
		["templates-new", "/templates/new"],
		...one("templates-set", "/templates/", templates),
		["plan", "/plan"],
		["findings-by-risk", "/findings?sla=breached,approaching,on_track&order=risk"],
		["priority", "/priority"],
		["assessments", "/assessments"],
		["acceptances", "/acceptances"],
		["finding-new", "/findings/new"],
		["sources", "/sources"],
		["source-new", "/sources/new"],
		["suppression", "/suppression"],
		["suppression-new", "/suppression/new"],
		["alarms", "/alarms"],
		["alarms-all", "/alarms?all=true"],
		["password", "/password"],
		["tokens", "/tokens"],
		["nowhere", "/no/such/page"],
		// Refused on purpose, so they come last: what the console says stays.
		["finding-gone", "/findings/00000000-0000-7000-8000-000000000000"],
		["connection-callback", "/connections/callback?error=access_denied&state=none"],
	];
}

const LOOKS: readonly Look[] = [WIDE, NARROW].flatMap((viewport) =>
	(["light", "dark"] as const).map((theme) => ({ viewport, theme })),
);

describe("every page", () => {
	let browser: Browser;
	before(async () => {
		browser = await launch();
	});
	after(() => browser.close());

	for (const look of LOOKS) {
		describe(`${look.viewport.width} wide, ${look.theme}`, () => {
			it("lets somebody sign in and says when the password is wrong", async () => {
				const visitor = await Visitor.arrives(browser, look);
				await visitor.page.goto(`${LOCKSTEP_URL}/tickets`);
				await visitor.page.getByLabel("User name").fill("nobody");
				await visitor.page.getByLabel("Password", { exact: true }).fill("wrong");
				await visitor.page.getByRole("button", { name: "Sign in" }).click();
				await visitor.page.getByRole("alert").waitFor();
				await visitor.accessible("sign-in");
				await visitor.fits("sign-in");
				await visitor.picture("sign-in");
				await visitor.leaves();
			});

			it("stands, fits and is accessible", async () => {
				const visitor = await Visitor.signedIn(browser, look);
				for (const [name, path] of await addresses(visitor)) {
					await visitor.open(path);
					await stands(visitor, name);
					await visitor.fits(name);
					await visitor.accessible(name);
					await visitor.picture(name);
					// A finding that is gone and a sign-in that nobody began are refused on purpose, which browsers call an error.
					if (name !== "finding-gone" && name !== "connection-callback") visitor.noErrors();
				}
				await visitor.leaves();
			});

			it("says what to register for signing in with Microsoft", async () => {
				const visitor = await Visitor.signedIn(browser, look);
				await visitor.open("/connections/new");
				await visitor.page.getByRole("radio", { name: "Microsoft: a person signs in" }).check();
				await visitor.page.getByLabel("Redirect address").waitFor();
				await visitor.fits("connection-new-microsoft");
				await visitor.accessible("connection-new-microsoft");
				await visitor.picture("connection-new-microsoft");
				visitor.noErrors();
				await visitor.leaves();
			});
		});
	}

	it("keeps its dialogs and menus accessible", async () => {
		for (const look of LOOKS) {
			const visitor = await Visitor.signedIn(browser, look);
			const { page } = visitor;
			const [finding] = (await visitor.ask<Listed>("/findings?status=identified&limit=1")).items;
			assert.ok(finding, "the demo has an identified finding");
			await visitor.open(`/findings/${finding.id}`);
			await page.getByRole("button", { name: "Set status" }).click();
			await page.getByRole("dialog", { name: "Set status" }).getByRole("button", { name: "Cancel" }).waitFor();
			await visitor.accessible("set status");
			await visitor.picture("dialog-status", false);

			await visitor.open("/scans");
			await page.getByRole("button", { name: "Upload a report" }).first().click();
			await page.getByRole("dialog", { name: "Upload a report" }).getByRole("textbox", { name: "Asset" }).waitFor();
			await visitor.accessible("upload");
			await visitor.fits("upload");
			await visitor.picture("dialog-upload", false);

			await visitor.open("/tokens");
			await page.getByRole("button", { name: "New token" }).click();
			await page.getByRole("dialog", { name: "New token" }).getByRole("button", { name: "Create" }).waitFor();
			await visitor.accessible("new token");
			await visitor.picture("dialog-token", false);

			await visitor.open("/assets");
			await page
				.getByRole("button", { name: /^Edit / })
				.first()
				.click();
			await page.getByRole("dialog").getByRole("button", { name: "Save" }).waitFor();
			await visitor.accessible("edit asset");
			await visitor.picture("dialog-asset", false);

			await visitor.open("/");
			await page.getByRole("banner").getByRole("button").last().click();
			await page.getByRole("menuitem", { name: "Sign out" }).waitFor();
			await visitor.accessible("account menu");
			await visitor.picture("menu", false);
			await page.keyboard.press("Escape");

			if (look.viewport === NARROW) {
				await page.getByRole("button", { name: "Open the menu" }).click();
				await page.getByRole("dialog").getByRole("link", { name: "Plan" }).waitFor();
				await visitor.accessible("menu of a narrow screen");
				await visitor.picture("drawer", false);
			}
			visitor.noErrors();
			await visitor.leaves();
		}
	});
});

/** Landmarks, one heading that names the page, a window title that does the same. */
async function stands(visitor: Visitor, name: string): Promise<void> {
	const { page } = visitor;
	assert.equal(await page.getByRole("main").count(), 1, `${name} has one main part`);
	assert.equal(await page.getByRole("banner").count(), 1, `${name} has a banner`);
	const heading = await page.locator("main h1").allTextContents();
	assert.equal(heading.length, 1, `${name} has one heading of the first level`);
	assert.equal(await page.title(), `${heading[0]} · Lockstep`);
	if (visitor.look.viewport === WIDE)
		assert.equal(await page.getByRole("navigation", { name: "Main" }).count(), 1, `${name} has navigation`);
	else assert.ok(await page.getByRole("button", { name: "Open the menu" }).isVisible(), `${name} has a menu`);
}
