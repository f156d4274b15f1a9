/** A browser that notices what a person would not: errors in the console, pages that were refused something. */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import axe from "axe-core";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { CHROMIUM, LOCKSTEP_URL, PASSWORD, SCREENSHOTS, USER } from "./environment";

export const WIDE = { width: 1280, height: 900 };
export const NARROW = { width: 390, height: 844 };
export type Look = { viewport: typeof WIDE; theme: "light" | "dark" };

/** Pictures are cut below this, in pixels. */
const TALL = 1600;
/** No page may take longer than this to show what it is about, in milliseconds. */
const PATIENCE = 10_000;

export function launch(): Promise<Browser> {
	return chromium.launch({
		executablePath: CHROMIUM,
		args: [
			"--no-sandbox",
			"--disable-gpu",
			"--disable-quic",
			"--no-first-run",
			"--disable-background-networking",
			"--disable-component-update",
			"--disable-sync",
		],
	});
}

export class Visitor {
	readonly page: Page;
	readonly look: Look;
	private readonly context: BrowserContext;
	private readonly errors: string[] = [];

	private constructor(context: BrowserContext, page: Page, look: Look) {
		this.context = context;
		this.page = page;
		this.look = look;
		page.setDefaultTimeout(PATIENCE);
		page.on("console", (message) => {
			if (message.type() === "error") this.errors.push(`${page.url()}: ${message.text()}`);
		});
		page.on("pageerror", (error) => this.errors.push(`${page.url()}: ${error.message}`));
	}

	/** Somebody who stands before the sign-in. */
	static async arrives(browser: Browser, look: Look): Promise<Visitor> {
		const context = await browser.newContext({ viewport: look.viewport, colorScheme: look.theme, reducedMotion: "reduce" });
		return new Visitor(context, await context.newPage(), look);
	}

	/** Somebody who has signed in and stands on the overview. */
	static async signedIn(browser: Browser, look: Look = { viewport: WIDE, theme: "light" }): Promise<Visitor> {
		const visitor = await Visitor.arrives(browser, look);
		await visitor.page.goto(LOCKSTEP_URL);
		await visitor.signIn();
		return visitor;
	}

	async signIn(): Promise<void> {
		await this.page.getByLabel("User name").fill(USER);
		await this.page.getByLabel("Password", { exact: true }).fill(PASSWORD);
		await this.page.getByRole("button", { name: "Sign in" }).click();
		await this.page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
		// Asking who is signed in was answered with 401 before; browsers call that an error.
		this.errors.length = 0;
	}

	async open(path: string): Promise<void> {
		await this.page.goto(LOCKSTEP_URL + path);
		await this.settled();
	}

	/** The page shows what it is about: a heading, and nothing that is still being read. */
	async settled(): Promise<void> {
		await this.page.locator("main h1").waitFor();
		await this.page.waitForFunction(() => {
			const main = document.querySelector("main");
			if (!main || main.querySelector("[aria-busy=true]")) return false;
			return ![...main.querySelectorAll("[role=status]")].some((status) => status.textContent === "Loading");
		});
	}

	/** An answer of the API, asked for with the session of the browser. */
	async ask<T>(path: string): Promise<T> {
		const answer = await this.context.request.get(`${LOCKSTEP_URL}/api/v1${path}`);
		assert.equal(answer.status(), 200, `GET ${path}`);
		return (await answer.json()) as T;
	}

	/** Uploads a report with findings of these titles about an asset, and waits for the end of its import. */
	async imports(asset: string, titles: readonly string[], assessment?: string): Promise<void> {
		const findings = titles.map((title, index) => ({ id: `risk-${index}`, title, severity: "low", path: "login" }));
		await this.uploads(asset, { scanner: { name: "by hand" }, findings }, assessment);
	}

	/** Uploads a report of the generic format, and waits until it is in effect. */
	async uploads(asset: string, report: Record<string, unknown>, assessment?: string): Promise<void> {
		const { page } = this;
		await this.open("/scans?upload");
		const text = JSON.stringify({ lockstep: 1, ...report });
		await page
			.locator("input[type=file]")
			.setInputFiles({ name: "found.json", mimeType: "application/json", buffer: Buffer.from(text) });
		await page.getByRole("textbox", { name: "Asset" }).fill(asset);
		if (assessment) await page.getByLabel("Assessment").selectOption(assessment);
		await page.getByRole("button", { name: "Import" }).click();
		await page.getByRole("button", { name: "Another report" }).waitFor();
	}

	/** No error in the console so far. */
	noErrors(): void {
		assert.deepEqual(this.errors, []);
	}

	async accessible(what: string): Promise<void> {
		await this.page.evaluate(axe.source);
		const violations = await this.page.evaluate(async () => {
			const { axe } = window as unknown as { axe: typeof import("axe-core") };
			const found = await axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] });
			return found.violations.flatMap(({ id, nodes }) =>
				nodes.map((node) => `${id}: ${node.html.slice(0, 200)} ${node.failureSummary?.split("\n").slice(1).join(" ")}`),
			);
		});
		assert.deepEqual(violations, [], `${what} has no accessibility violations`);
	}

	/** The page is not wider than the screen. */
	async fits(what: string): Promise<void> {
		const [content, screen] = await this.page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth] as const);
		assert.ok(content <= screen, `${what} is ${content} wide on a screen of ${screen}`);
	}

	async picture(name: string, whole = true): Promise<void> {
		if (!SCREENSHOTS) return;
		mkdirSync(SCREENSHOTS, { recursive: true });
		const file = `${name}-${this.look.viewport.width}-${this.look.theme}.png`;
		const path = join(SCREENSHOTS, file);
		if (!whole) {
			await this.page.screenshot({ path });
			return;
		}
		// Long lists repeat themselves: the top says it all.
		const height = await this.page.evaluate(() => document.documentElement.scrollHeight);
		const clip = { x: 0, y: 0, width: this.look.viewport.width, height: Math.min(height, TALL) };
		await this.page.screenshot({ path, fullPage: true, clip });
	}

	async leaves(): Promise<void> {
		await this.context.close();
	}
}
