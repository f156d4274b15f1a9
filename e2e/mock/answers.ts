/** How the mock's routes answer. */
import type { Page, Problem } from "./types";

export type Call = { method: string; path: string; query: URLSearchParams; body: unknown };
export type Answer = { status: number; body?: unknown };
export type Route = (call: Call, ...ids: string[]) => Answer;

export function problem(status: number, code: string, detail: string, next_step: string): Answer {
	const body: Problem = { type: `urn:lockstep:problem:${code}`, code, status, title: detail, detail, next_step };
	return { status, body };
}

/** The routes, in the order in which they are tried. */
export type Table = readonly [method: string, pattern: RegExp, route: Route][];

export const NOT_FOUND = problem(
	404,
	"not_found",
	"There is nothing with this id.",
	"Go back to the list; it may have been deleted.",
);
export const ok = (body: unknown): Answer => ({ status: 200, body });

export function page<T>(items: readonly T[], query: URLSearchParams): Answer {
	const start = Number(query.get("cursor") ?? 0);
	const limit = Number(query.get("limit") ?? 50);
	const next = start + limit < items.length ? String(start + limit) : undefined;
	const body: Page<T> = { items: items.slice(start, start + limit), ...(next && { next_cursor: next }) };
	return ok(body);
}
