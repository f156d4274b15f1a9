/** A source: its rules are tried on a report, and then divide an upload among assets. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Browser } from "playwright-core";
import { launch, NARROW, Visitor } from "./browser";

describe("a source", () => {
	let browser: Browser;
	before(async () => {
		browser = await launch();
	});
	after(() => browser.close());

	it("says what is taken in, and which asset it belongs to", async () => {
		const visitor = await Visitor.signedIn(browser);
		const { page } = visitor;
		const name = `Monorepo ${Date.now()}`;
		const finding = (id: string, path: string, severity: string) => ({ id, title: `${id} of ${name}`, severity, path });
		const report = {
			name: "found.json",
			mimeType: "application/json",
			buffer: Buffer.from(
				JSON.stringify({
					lockstep: 1,
					scanner: { name: "by hand" },
					findings: [
						finding("one", "services/cart/a.js", "high"),
						finding("two", "services/till/b.js", "high"),
						finding("three", "services/till/c.js", "info"),
						finding("four", "README.md", "high"),
					],
				}),
			),
		};

		await visitor.open("/sources/new");
		await page.getByRole("textbox", { name: "Name" }).fill(name);
		await page.getByRole("textbox", { name: /^Rule\b/ }).fill("services");
		await page.getByRole("textbox", { name: /^Asset\b/ }).fill(`${name} $1`);
		await page.getByLabel("Pattern for the asset").fill("^services/([^/]+)/");
		await page.getByLabel("Severity at least").selectOption("low");
		await page.getByRole("button", { name: "Save" }).click();
		await page.getByRole("heading", { level: 1, name }).waitFor();

		const [chooser] = await Promise.all([
			page.waitForEvent("filechooser"),
			page.getByRole("button", { name: "Try a report…" }).click(),
		]);
		await chooser.setFiles(report);
		await page.getByText("2 results of 4 would be taken in, for 2 assets").waitFor();
		await page.getByText("Left out: 1 no rule is about its place; 1 less severe than the rule wants").waitFor();
		await visitor.accessible("source with a preview");
		await visitor.picture("source-preview");

		await visitor.open("/scans?upload");
		await page.locator("input[type=file]").setInputFiles(report);
		await page.getByLabel("Source").selectOption(name);
		await page.getByRole("button", { name: "Import" }).click();
		await page.getByText("2 results read in 2 scans.").waitFor();
		await page.getByText("Left out:").waitFor();
		await visitor.open(`/findings?status=all&q=${encodeURIComponent(name)}`);
		await page.getByText(`${name} cart`).first().waitFor();
		await page.getByText(`${name} till`).first().waitFor();
		assert.equal(await page.getByRole("link", { name: `four of ${name}` }).count(), 0);

		await visitor.open("/sources");
		await page.getByRole("link", { name }).click();
		await page.getByRole("button", { name: "Delete" }).click();
		await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
		await page.getByRole("heading", { level: 1, name: "Sources" }).waitFor();
		visitor.noErrors();
		await visitor.leaves();
	});

	it("of Defender for Cloud says at its field what is wrong", async () => {
		const visitor = await Visitor.signedIn(browser, { viewport: NARROW, theme: "dark" });
		const { page } = visitor;
		await visitor.open("/sources/new");
		await page.getByLabel("are fetched from Microsoft Defender for Cloud").check();
		await page.getByRole("textbox", { name: "Name" }).fill(`Cloud ${Date.now()}`);
		await page.getByLabel("Tenant").fill("contoso.example");
		await page.getByLabel("Client id").fill("11111111-2222-3333-4444-555555555555");
		await page.getByLabel("Client secret").fill("a secret");
		await page.getByRole("textbox", { name: /^Rule\b/ }).fill("all");
		await page.getByRole("textbox", { name: /^Asset\b/ }).fill("image $1");
		await page.getByLabel("Pattern for the asset").fill("(");
		await page.getByRole("button", { name: "Save" }).click();
		await page.getByText("The ingest rules make no sense").waitFor();
		await visitor.fits("new source");
		await visitor.accessible("new source with a refusal");
		await visitor.picture("source-refused");
		await page.getByLabel("Pattern for the asset").fill("azurecr[.]io/(.+)$");
		await page.getByRole("button", { name: "Save" }).click();
		await page.getByText("Fetched from Microsoft Defender for Cloud").waitFor();
		await page.getByLabel("Fetch it by itself").waitFor();
		await visitor.accessible("source of Defender");
		await visitor.picture("source-defender");
		await visitor.leaves();
	});
});
