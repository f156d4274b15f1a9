/** Where the demo runs. Without it there is nothing to test, and the tests say so instead of passing. */
function need(name: string): string {
	const value = process.env[name];
	if (!value) throw new Error(`${name} is not set: see README.md`);
	return value.replace(/\/$/, "");
}

export const LOCKSTEP_URL = need("LOCKSTEP_URL");
export const USER = need("LOCKSTEP_USER");
export const PASSWORD = need("LOCKSTEP_PASSWORD");
export const EMULATOR_URL = need("EMULATOR_URL");
export const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
/** Folder for pictures of every page; none are made without it. */
export const SCREENSHOTS = process.env["SCREENSHOTS"];
