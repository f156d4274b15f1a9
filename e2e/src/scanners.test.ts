/** What several scanners, and several scans, say about the same: correlation, duplicates, two scans compared. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Browser } from "playwright-core";
import { launch, NARROW, Visitor } from "./browser";

const vulnerable = (id: string, aliases: readonly string[], component: string, path: string) => ({
	id,
	aliases,
	title: `${component}: ${id}`,
	severity: "high",
	kind: "component",
	component,
	component_version: "4.17.20",
	path,
});

const by = (scanner: string, findings: readonly unknown[], more: Record<string, unknown> = {}) => ({
	scanner: { name: scanner },
	findings,
	...more,
});

describe("several scanners and scans", () => {
	let browser: Browser;
	before(async () => {
		browser = await launch();
	});
	after(() => browser.close());

	it("report one vulnerability under two names, which is shown as one and stays two", async () => {
		const visitor = await Visitor.signedIn(browser);
		const { page } = visitor;
		const library = `lib-${Date.now()}`;
		const asset = `asset of ${library}`;
		await visitor.uploads(asset, by("npm", [vulnerable("GHSA-1111-2222-3333", [], library, "package-lock.json")]));
		const known = vulnerable("CVE-2026-1111", ["GHSA-1111-2222-3333"], library, "/app/package-lock.json");
		await visitor.uploads(asset, by("Grype", [known]));

		await visitor.open(`/findings?q=${library}`);
		await page.getByText("also by Grype").first().waitFor();
		await page.getByText("also by npm").first().waitFor();
		await page.getByRole("button", { name: "More filters" }).click();
		await page.getByRole("combobox", { name: "Several scanners" }).selectOption("true");
		await page.getByText("also by npm").first().waitFor({ state: "hidden" });
		await visitor.accessible("findings with further filters");
		await visitor.picture("findings-further-filters");
		await page
			.getByRole("link", { name: `${library}: GHSA-1111-2222-3333` })
			.first()
			.click();
		const same = page.getByRole("region", { name: "The same vulnerability and component" });
		await same.getByRole("link", { name: "CVE-2026-1111" }).waitFor();
		await visitor.accessible("finding that correlates");
		await visitor.picture("finding-correlated");

		// A person says that the one is a duplicate of the other.
		await page.getByRole("button", { name: "Set status" }).click();
		const dialog = page.getByRole("dialog");
		await dialog.getByRole("combobox", { name: "Status" }).selectOption("duplicate");
		await dialog.getByRole("combobox", { name: /^Of\b/ }).fill(library);
		await page.getByRole("option", { name: /CVE-2026-1111/ }).click();
		await dialog.getByRole("textbox", { name: /^Reason/ }).fill("two scanners, one library");
		await visitor.accessible("dialog-duplicate");
		await dialog.getByRole("button", { name: "Set status" }).click();
		await page.getByText("Duplicate", { exact: true }).first().waitFor();
		await page.getByRole("link", { name: "The finding that goes on" }).click();
		await page.getByRole("heading", { level: 1, name: `${library}: CVE-2026-1111` }).waitFor();
		visitor.noErrors();
		await visitor.leaves();
	});

	it("are compared, and what the newest did not look at is said to be not covered", async () => {
		const visitor = await Visitor.signedIn(browser, { viewport: NARROW, theme: "dark" });
		const { page } = visitor;
		const name = `lib-${Date.now()}`;
		const asset = `compared ${name}`;
		const old = vulnerable("CVE-2026-1", [], name, "src/package-lock.json");
		const elsewhere = vulnerable("CVE-2026-2", [], name, "lib/package-lock.json");
		await visitor.uploads(asset, by("Grype", [old, elsewhere]));
		const fresh = vulnerable("CVE-2026-3", [], name, "src/package-lock.json");
		await visitor.uploads(asset, by("Grype", [fresh], { coverage: { paths: ["src"] } }));

		await visitor.open(`/findings?q=${name}&status=all&detection=not_covered`);
		await page.getByText("CVE-2026-2").first().waitFor();
		await page.getByText("not covered", { exact: true }).first().waitFor();
		assert.equal(await page.getByText("CVE-2026-3").count(), 0);
		await visitor.fits("findings with further filters");
		await visitor.accessible("findings not covered");

		await visitor.open("/scans");
		await page
			.getByRole("link", { name: new RegExp(asset) })
			.first()
			.click();
		const gone = page.getByRole("region", { name: "Gone" });
		await gone.getByRole("link", { name: `${name}: CVE-2026-1` }).waitFor();
		await page
			.getByRole("region", { name: "New" })
			.getByRole("link", { name: `${name}: CVE-2026-3` })
			.waitFor();
		await page.getByText("1 finding unchanged").waitFor();
		await visitor.fits("scan compared");
		await visitor.accessible("scan compared");
		await visitor.picture("scan-compared-narrow-dark");
		visitor.noErrors();
		await visitor.leaves();
	});
});
