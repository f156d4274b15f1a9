/**
 * A stand-in for the server and for the emulator's board, to work on pages without either.
 * Prints the variables that `npm test` wants, and ends with its parent.
 */
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { type Answer, problem } from "./answers";
import { makeWorld } from "./data";
import { moveCard, routes } from "./routes";
import type { LiveEvent } from "./types";

const DIST = join(import.meta.dirname, "../../web/dist");
const USER = "admin";
const PASSWORD = "correct horse battery staple";
// The header of the real server: a page that breaks it must break here too.
const POLICY =
	"default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const TYPES: Record<string, string> = {
	".html": "text/html; charset=utf-8",
	".js": "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml",
};

const world = makeWorld();
if (process.env["MOCK_EMPTY"]) {
	for (const list of [
		world.assets,
		world.scans,
		world.findings,
		world.tickets,
		world.connections,
		world.destinations,
		world.rules,
		world.tokens,
	])
		list.length = 0;
}
const listeners = new Set<ServerResponse>();
const announce = (event: LiveEvent) => {
	for (const listener of listeners) listener.write(`event: change\ndata: ${JSON.stringify(event)}\n\n`);
};
const table = routes(world, announce);

async function read(request: IncomingMessage): Promise<Buffer> {
	const parts: Buffer[] = [];
	for await (const part of request) parts.push(part as Buffer);
	return Buffer.concat(parts);
}

function send(response: ServerResponse, { status, body }: Answer) {
	response.statusCode = status;
	response.setHeader("content-type", status >= 400 ? "application/problem+json" : "application/json");
	response.end(body === undefined ? undefined : JSON.stringify(body));
}

const NOT_SIGNED_IN = problem(401, "not_signed_in", "Nobody is signed in.", "Sign in.");

async function api(request: IncomingMessage, response: ServerResponse, path: string, query: URLSearchParams) {
	const method = request.method ?? "GET";
	const body = await read(request);
	const signedIn = request.headers.cookie?.includes("lockstep_session=mock");
	const json = () =>
		body.length > 0 && request.headers["content-type"]?.includes("json") ? (JSON.parse(body.toString()) as unknown) : undefined;
	if (path === "/session" && method === "POST") {
		const given = json() as { username: string; password: string };
		if (given.username !== USER || given.password !== PASSWORD)
			return send(
				response,
				problem(
					401,
					"wrong_password",
					"The user name or the password is wrong.",
					"Check both; after some tries you have to wait.",
				),
			);
		response.setHeader("set-cookie", "lockstep_session=mock; HttpOnly; SameSite=Strict; Path=/");
		return send(response, { status: 200, body: { user_id: "0190", name: USER, role: "administrator" } });
	}
	if (!signedIn) return send(response, NOT_SIGNED_IN);
	if (path === "/session" && method === "GET")
		return send(response, { status: 200, body: { user_id: "0190", name: USER, role: "administrator" } });
	if (path === "/session" && method === "DELETE") {
		response.setHeader("set-cookie", "lockstep_session=; Max-Age=0; Path=/");
		return send(response, { status: 204 });
	}
	if (path === "/events") {
		response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
		response.write(": open\n\n");
		listeners.add(response);
		response.on("close", () => listeners.delete(response));
		return;
	}
	if (method !== "GET" && request.headers["x-lockstep"] !== "1")
		return send(response, problem(403, "cross_site", "The header X-Lockstep is missing.", "Send it."));
	for (const [wanted, pattern, route] of table) {
		const match = wanted === method ? pattern.exec(path) : null;
		if (match) return send(response, route({ method, path, query, body: json() }, ...match.slice(1)));
	}
	send(response, problem(404, "not_found", `No route ${method} ${path}.`, "See the description of the API."));
}

async function file(response: ServerResponse, path: string) {
	const wanted = join(DIST, normalize(path));
	const content = extname(path) ? await readFile(wanted).catch(() => undefined) : undefined;
	if (!content && path.startsWith("/assets/"))
		return send(response, problem(404, "not_found", "No such file.", "Reload the page."));
	response.setHeader("content-type", content ? (TYPES[extname(path)] ?? "application/octet-stream") : "text/html; charset=utf-8");
	response.end(content ?? (await readFile(join(DIST, "index.html"))));
}

const server = createServer((request, response) => {
	const url = new URL(request.url ?? "/", "http://mock");
	response.setHeader("content-security-policy", POLICY);
	const done = url.pathname.startsWith("/api/v1/")
		? api(request, response, url.pathname.slice("/api/v1".length), url.searchParams)
		: file(response, url.pathname);
	done.catch((error: unknown) => {
		console.error(error);
		response.destroy();
	});
});

// The two routes of the emulator that the tests use (its README describes them).
const emulator = createServer(async (request, response) => {
	const path = request.url ?? "/";
	if (path === "/_emulator/directory")
		return send(response, {
			status: 200,
			body: { organizations: [{ name: "contoso", people: [{ id: "mona", name: "Mona Blake" }] }] },
		});
	const item = /\/workitems\/(\d+)/.exec(path)?.[1];
	if (request.method !== "PATCH" || !item) return send(response, { status: 404 });
	const patch = JSON.parse((await read(request)).toString()) as { path: string; value: string }[];
	const state = patch.find((step) => step.path === "/fields/System.State")?.value;
	const moved = state && moveCard(world, Number(item), state, announce);
	send(response, { status: moved ? 200 : 404, body: { id: Number(item) } });
});

const listen = (target: typeof server, port: number) =>
	new Promise<string>((resolve) => {
		target.listen(port, "127.0.0.1", () => resolve(`http://127.0.0.1:${(target.address() as AddressInfo).port}`));
	});

const base = await listen(server, Number(process.env["MOCK_PORT"] ?? 0));
const board = await listen(emulator, 0);
console.log(`export LOCKSTEP_URL=${base} LOCKSTEP_USER=${USER} LOCKSTEP_PASSWORD='${PASSWORD}' EMULATOR_URL=${board}`);

// Whoever started it holds its standard input; when that closes, nobody needs it any more.
process.stdin.on("end", () => process.exit(0)).resume();
