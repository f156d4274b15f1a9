/** What findings are worth: a matrix that shows what it would mean before it is saved, and exploit data from a file. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Browser } from "playwright-core";
import { launch, Visitor } from "./browser";

type Finding = { id: string; title: string; vulnerability_id: string; known_exploited: boolean };
type Listed = { items: Finding[] };

describe("priority", () => {
	let browser: Browser;
	before(async () => {
		browser = await launch();
	});
	after(() => browser.close());

	it("says how findings would stand under another matrix, saves it, and due dates follow", async () => {
		const visitor = await Visitor.signedIn(browser);
		const { page } = visitor;
		await visitor.open("/priority");
		const cell = page.getByLabel("High, impact not said");
		const was = await cell.inputValue();
		await cell.fill("1");
		await page.getByText("How open findings would stand").waitFor();
		await visitor.accessible("priority-changed");
		await page.getByRole("button", { name: "Discard" }).click();
		assert.equal(await cell.inputValue(), was);

		await cell.fill("");
		await page.getByRole("button", { name: "Save" }).click();
		await page.getByText("How open findings stand", { exact: true }).waitFor();
		const saved = await visitor.ask<{ matrix: { days: { high: Record<string, number> } } }>("/sla");
		assert.equal(saved.matrix.days.high["unknown"], undefined);
		assert.ok(saved.matrix.days.high["critical"]);
		visitor.noErrors();
		await visitor.leaves();
	});

	it("loads a catalogue, and the findings of its vulnerabilities say that they are exploited", async () => {
		const visitor = await Visitor.signedIn(browser);
		const { page } = visitor;
		const all = (await visitor.ask<Listed>("/findings?status=open&limit=200")).items;
		const finding = all.find((one) => one.vulnerability_id.startsWith("CVE-"));
		assert.ok(finding, "the demo has a finding of a CVE");
		const catalogue = {
			catalogVersion: "test",
			dateReleased: "2099-01-01T00:00:00Z",
			vulnerabilities: [
				{
					cveID: finding.vulnerability_id,
					dateAdded: "2026-03-01",
					requiredAction: "Apply <b>updates</b>.",
					knownRansomwareCampaignUse: "Known",
				},
			],
		};
		await visitor.open("/priority");
		const chosen = page.waitForEvent("filechooser");
		await page.getByRole("button", { name: "Load a file…" }).click();
		await (await chosen).setFiles({
			name: "kev.json",
			mimeType: "application/json",
			buffer: Buffer.from(JSON.stringify(catalogue)),
		});
		await page.getByText("KEV of Jan 1, 2099 loaded: 1 vulnerability.").waitFor();

		await visitor.open(`/findings/${finding.id}`);
		await page.getByText(`${finding.vulnerability_id} is known to be exploited, also by ransomware`).waitFor();
		await page.getByText("Apply <b>updates</b>.").waitFor();
		await visitor.accessible("finding-exploited");
		await visitor.picture("finding-exploited");

		await visitor.open("/findings?known_exploited=true&order=risk");
		await page.getByRole("link", { name: finding.title }).first().waitFor();

		// A file that is neither is refused in words.
		await visitor.open("/priority");
		const again = page.waitForEvent("filechooser");
		await page.getByRole("button", { name: "Load a file…" }).click();
		await (await again).setFiles({ name: "x.json", mimeType: "application/json", buffer: Buffer.from("[]") });
		await page.getByText("this is neither a file of EPSS scores").waitFor();
		await visitor.leaves();
	});
});
