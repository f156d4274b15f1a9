/** Criteria as the editor holds them, and the way to and from what the API takes. */
import type { RuleFact } from "../../api/types";

export type Condition = {
	key: number;
	not: boolean;
	fact: string;
	operator: string;
	/** As typed; several for `is_one_of`. */
	value: string | string[];
};
export type Group = { key: number; not: boolean; of: "all" | "any"; parts: Node[] };
export type Node = Condition | Group;

export const isGroup = (node: Node): node is Group => "parts" in node;

let keys = 0;
const next = () => {
	keys += 1;
	return keys;
};

export const newGroup = (of: Group["of"] = "any", parts: Node[] = []): Group => ({ key: next(), not: false, of, parts });

export function newCondition(fact: RuleFact): Condition {
	const operator = fact.operators[0]?.name ?? "is";
	return { key: next(), not: false, fact: fact.name, operator, value: firstValue(fact, operator) };
}

/** What a test begins with, so that it never stands there without sense where there are only some values. */
export function firstValue(fact: RuleFact | undefined, operator: string): string | string[] {
	if (operator === "is_one_of") return [];
	if (operator === "is_set" || fact?.kind === "truth") return "true";
	if (fact?.kind === "severity") return "high";
	return fact?.words[0] ?? "";
}

type Json = Record<string, unknown>;

const isMap = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value);

/** From the API: its own writing has one word in each mapping. */
function readNode(value: unknown): Node {
	const [word = "", inner] = isMap(value) ? (Object.entries(value)[0] ?? []) : [];
	if (word === "not") {
		const node = readNode(inner);
		return { ...node, not: !node.not };
	}
	if (word === "all" || word === "any") {
		return newGroup(word, Array.isArray(inner) ? inner.map(readNode) : []);
	}
	const [operator = "is", operand] = isMap(inner) ? (Object.entries(inner)[0] ?? []) : ["is", inner];
	const typed = Array.isArray(operand) ? operand.map(String) : String(operand ?? "");
	return { key: next(), not: false, fact: word, operator, value: typed };
}

/** The tree as the editor shows it: a group at its root. */
export function readCriteria(value: unknown): Group {
	if (!isMap(value) || Object.keys(value).length === 0) return newGroup("all");
	const node = readNode(value);
	return isGroup(node) && !node.not ? node : newGroup("all", [node]);
}

function writeNode(node: Node, facts: readonly RuleFact[]): Json {
	const plain = isGroup(node)
		? { [node.of]: node.parts.map((part) => writeNode(part, facts)) }
		: { [node.fact]: { [node.operator]: operandOf(node, facts) } };
	return node.not ? { not: plain } : plain;
}

function operandOf(condition: Condition, facts: readonly RuleFact[]): unknown {
	const kind = facts.find((fact) => fact.name === condition.fact)?.kind;
	const isTruth = condition.operator === "is_set" || kind === "truth";
	return isTruth && typeof condition.value === "string" ? condition.value === "true" : condition.value;
}

export function writeCriteria(root: Group, facts: readonly RuleFact[]): Json {
	return root.parts.length === 0 ? {} : writeNode(root, facts);
}

/** Where a node stands in what is sent, as a JSON pointer. */
export const inside = (at: string, node: Node) => (node.not ? `${at}/not` : at);
export const partAt = (at: string, group: Group, index: number) => `${inside(at, group)}/${group.of}/${index}`;

/** The problems of a node itself, without those of its parts. */
export function problemsAt<T extends { at: string }>(at: string, node: Node, problems: readonly T[]): T[] {
	const within = (place: string, path: string) => place === path || place.startsWith(`${path}/`);
	const parts = isGroup(node) ? node.parts.map((_, index) => partAt(at, node, index)) : [];
	return problems.filter((problem) => within(problem.at, at) && !parts.some((part) => within(problem.at, part)));
}
