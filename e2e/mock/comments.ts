/** What was said on tickets. */
import { randomUUID } from "node:crypto";
import { NOT_FOUND, ok, problem, type Table } from "./answers";
import { now } from "./data";
import type { Comment, CommentChange, NewComment } from "./types";

function comment(author: string, side: Comment["side"], text: string, isPrivate: boolean): Comment {
	const place = { private: isPrivate, on_board: side !== "here", problem: null };
	return { id: randomUUID(), author, side, text, ...place, created_at: now(), edited_at: null };
}

const said = new Map<string, Comment[]>();

function saidOn(ticket = ""): Comment[] {
	const known = said.get(ticket) ?? [
		comment("Mona Blake", "board", "Is the login page reachable from outside?\nThen we take it first.", false),
		comment("admin", "here", "The customer was told.", true),
	];
	said.set(ticket, known);
	return known;
}

const NOT_YOURS = problem(
	409,
	"comment_not_yours",
	"Mona Blake wrote this comment.",
	"Write a comment of your own; what was written on the board is changed there.",
);

export function commentRoutes(): Table {
	const one = /^\/tickets\/([^/]+)\/comments\/([^/]+)$/;
	return [
		["GET", /^\/tickets\/([^/]+)\/comments$/, (_call, ticket) => ok(saidOn(ticket))],
		[
			"POST",
			/^\/tickets\/([^/]+)\/comments$/,
			({ body }, ticket) => {
				const asked = body as NewComment;
				saidOn(ticket).push(comment("admin", "here", asked.text, asked.private ?? false));
				return { status: 201, body: saidOn(ticket) };
			},
		],
		[
			"PATCH",
			one,
			({ body }, ticket, id) => {
				const known = saidOn(ticket).find((comment) => comment.id === id);
				if (!known) return NOT_FOUND;
				if (known.side !== "here") return NOT_YOURS;
				Object.assign(known, { text: (body as CommentChange).text, edited_at: now() });
				return ok(saidOn(ticket));
			},
		],
		[
			"DELETE",
			one,
			(_call, ticket, id) => {
				const known = saidOn(ticket).find((comment) => comment.id === id);
				if (!known) return NOT_FOUND;
				if (known.side !== "here") return NOT_YOURS;
				said.set(
					ticket ?? "",
					saidOn(ticket).filter((comment) => comment !== known),
				);
				return { status: 204 };
			},
		],
	];
}
