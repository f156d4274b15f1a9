/** The one way to the server: typed calls, the header against cross-site requests, and errors as {@link ApiError}. */
import createClient from "openapi-fetch";
import type { paths } from "./schema";
import type { Problem } from "./types";

/** What the server, or the way to it, said no with. `problem` always names a next step. */
export class ApiError extends Error {
	readonly problem: Problem;

	constructor(problem: Problem) {
		super(problem.detail || problem.title);
		this.name = "ApiError";
		this.problem = problem;
	}

	get notSignedIn(): boolean {
		return this.problem.status === 401 && this.problem.code === "not_signed_in";
	}
}

function problem(code: string, status: number, title: string, detail: string, next_step: string): Problem {
	return { type: `urn:lockstep:problem:${code}`, code, status, title, detail, next_step };
}

export const unreachable = () =>
	new ApiError(
		problem(
			"unreachable",
			0,
			"The server does not answer",
			"Lockstep's server could not be reached.",
			"Check that it is running and that you are connected, then try again.",
		),
	);

function isProblem(value: unknown): value is Problem {
	return typeof value === "object" && value !== null && "detail" in value && "code" in value;
}

/** Reads an error body that may not be ours: a proxy in between answers in its own words. */
export function asProblem(status: number, body: unknown): Problem {
	if (isProblem(body)) return body;
	return problem(
		"unexpected_answer",
		status,
		"Unexpected answer",
		`The server answered with status ${status} and no explanation.`,
		"Try again; if it stays, look into the server's log.",
	);
}

export const api = createClient<paths>({ headers: { "X-Lockstep": "1" } });

type Outcome<T> = { data?: T; error?: unknown; response: Response };

/** The data of an answer; throws {@link ApiError} otherwise. */
export async function ask<T>(call: Promise<Outcome<T>>): Promise<T> {
	let outcome: Outcome<T>;
	try {
		outcome = await call;
	} catch (error) {
		if (error instanceof DOMException && error.name === "AbortError") throw error;
		throw unreachable();
	}
	if (!outcome.response.ok) throw new ApiError(asProblem(outcome.response.status, outcome.error));
	return outcome.data as T;
}
