/** A place on the board as one word of a choice: `state:Active`, `column:In Review`, or both. */
import type { BoardLayout, StatusEntry, WorkItemType } from "../../api/types";

type Target = { state?: string | null; column?: string | null; done?: boolean | null };
type Choice = { value: string; label: string };

export function encode(target: Target): string {
	const { state, column, done } = target;
	if (column && typeof done === "boolean") return `half:${JSON.stringify([column, done])}`;
	if (state && column) return `both:${JSON.stringify([state, column])}`;
	if (column) return `column:${column}`;
	return state ? `state:${state}` : "";
}

export function decode(choice: string): Target {
	const cut = choice.indexOf(":");
	const kind = choice.slice(0, cut);
	const rest = choice.slice(cut + 1);
	if (kind === "state") return { state: rest };
	if (kind === "column") return { column: rest };
	if (kind === "half") {
		const [column, done] = JSON.parse(rest) as [string, boolean];
		return { column, done };
	}
	if (kind === "both") {
		const [state, column] = JSON.parse(rest) as [string, string];
		return { state, column };
	}
	return {};
}

function label(target: Target): string {
	return [target.column && `column ${target.column}`, target.state && `state ${target.state}`].filter(Boolean).join(", ");
}

/** What a status can be said with: the type's states, and the board's columns that show the type. */
export function choices(type: WorkItemType | undefined, board: BoardLayout | undefined, entry: StatusEntry | undefined) {
	const states: Choice[] = (type?.states ?? []).map(({ name }) => ({ value: `state:${name}`, label: name }));
	const columns: Choice[] = (board?.columns ?? [])
		.filter((column) => !type || type.name in column.states)
		.flatMap(({ name, is_split }) => [
			{ value: `column:${name}`, label: name },
			...(is_split
				? [false, true].map((done) => ({ value: encode({ column: name, done }), label: `${name} (${done ? "Done" : "Doing"})` }))
				: []),
		]);
	const known = new Set([...states, ...columns].map((choice) => choice.value));
	const current: Choice[] = [entry ?? {}, ...(entry?.accepted ?? [])]
		.map((target) => ({ value: encode(target), label: label(target) }))
		.filter(
			(choice, index, all) =>
				choice.value !== "" && !known.has(choice.value) && all.findIndex((c) => c.value === choice.value) === index,
		);
	return [
		{ group: "States", items: states },
		{ group: "Columns", items: columns },
		{ group: "Not offered any more", items: current },
	].filter((group) => group.items.length > 0);
}
