import { Button, Checkbox, CloseButton, Group as Line, NativeSelect, TagsInput, TextInput } from "@mantine/core";
import { useRef } from "react";
import type { RuleFact, RuleProblem } from "../../api/types";
import { FACT_OF } from "../../words";
import classes from "./CriteriaEditor.module.css";
import {
	type Condition,
	firstValue,
	type Group,
	isGroup,
	type Node,
	newCondition,
	newGroup,
	partAt,
	problemsAt,
} from "./criteria";

type Props = {
	root: Group;
	facts: readonly RuleFact[];
	problems: readonly RuleProblem[];
	change: (root: Group) => void;
};

/** Deeper ones are refused by the server. */
const DEEPEST = 6;

/** Conditions in groups. Everything is a plain control, so the keyboard reaches all of it in the order of reading. */
export function CriteriaEditor({ root, facts, problems, change }: Props) {
	return <GroupEditor group={root} at="/criteria" depth={0} facts={facts} problems={problems} change={change} />;
}

type Inner = { at: string; depth: number; facts: readonly RuleFact[]; problems: readonly RuleProblem[] };

function GroupEditor({
	group,
	change,
	remove,
	...inner
}: Inner & { group: Group; change: (group: Group) => void; remove?: () => void }) {
	const list = useRef<HTMLUListElement>(null);
	const { at, depth, facts, problems } = inner;
	const own = problemsAt(at, group, problems);
	const set = (index: number, part: Node) =>
		change({ ...group, parts: group.parts.map((old, place) => (place === index ? part : old)) });
	const add = (part: Node) => {
		change({ ...group, parts: [...group.parts, part] });
		// The new part is where the work goes on.
		requestAnimationFrame(() => {
			const last = list.current?.lastElementChild;
			last?.querySelector<HTMLElement>("select, input")?.focus();
		});
	};
	const name = depth === 0 ? "Criteria" : "Group";
	return (
		<fieldset className={classes.group} data-depth={depth} data-wrong={own.length > 0}>
			<legend className={classes.legend}>{name}</legend>
			<Line gap={8} wrap="wrap">
				{remove && (
					<Checkbox
						label="not"
						checked={group.not}
						onChange={(event) => change({ ...group, not: event.currentTarget.checked })}
					/>
				)}
				<NativeSelect
					aria-label={`${name}: how many must hold`}
					value={group.of}
					onChange={(event) => change({ ...group, of: event.currentTarget.value as Group["of"] })}
					data={[
						{ value: "all", label: "All of these" },
						{ value: "any", label: "Any of these" },
					]}
				/>
				{remove && <CloseButton aria-label="Remove the group" onClick={remove} />}
			</Line>
			{group.parts.length === 0 && depth === 0 && <p className={classes.hint}>No condition: every open finding.</p>}
			<ul className={classes.parts} ref={list}>
				{group.parts.map((part, index) => {
					const below = { ...inner, at: partAt(at, group, index), depth: depth + 1 };
					const drop = () => change({ ...group, parts: group.parts.filter((_, place) => place !== index) });
					return (
						<li key={part.key}>
							{isGroup(part) ? (
								<GroupEditor {...below} group={part} change={(next) => set(index, next)} remove={drop} />
							) : (
								<ConditionEditor {...below} condition={part} change={(next) => set(index, next)} remove={drop} />
							)}
						</li>
					);
				})}
			</ul>
			<Problems problems={own} />
			<Line gap={8}>
				<Button
					type="button"
					size="compact-sm"
					variant="default"
					disabled={!facts[0]}
					onClick={() => facts[0] && add(newCondition(facts[0]))}
				>
					Add condition
				</Button>
				{depth < DEEPEST && (
					<Button
						type="button"
						size="compact-sm"
						variant="subtle"
						onClick={() => facts[0] && add(newGroup(group.of === "all" ? "any" : "all", [newCondition(facts[0])]))}
					>
						Add group
					</Button>
				)}
			</Line>
		</fieldset>
	);
}

function ConditionEditor({
	condition,
	change,
	remove,
	at,
	facts,
	problems,
}: Inner & { condition: Condition; change: (condition: Condition) => void; remove: () => void }) {
	const fact = facts.find((known) => known.name === condition.fact);
	const own = problemsAt(at, condition, problems);
	const kinds = [...new Set(facts.map((known) => known.of))];
	const choose = (name: string) => {
		const chosen = facts.find((known) => known.name === name);
		if (!chosen) return;
		const keeps = chosen.kind === fact?.kind && chosen.words.length === 0;
		change(keeps ? { ...condition, fact: name } : { ...newCondition(chosen), key: condition.key, not: condition.not });
	};
	const operate = (operator: string) => {
		const several = operator === "is_one_of";
		const was = condition.operator === "is_set" ? "" : condition.value;
		const value =
			operator === "is_set" || was === ""
				? firstValue(fact, operator)
				: several
					? [was].flat()
					: ([was].flat()[0] ?? firstValue(fact, operator));
		change({ ...condition, operator, value });
	};
	const label = fact?.label ?? condition.fact;
	return (
		<div className={classes.condition} data-wrong={own.length > 0}>
			<Checkbox
				label="not"
				aria-label={`${label}: not`}
				checked={condition.not}
				onChange={(event) => change({ ...condition, not: event.currentTarget.checked })}
			/>
			<NativeSelect
				aria-label="What is asked for"
				value={condition.fact}
				onChange={(event) => choose(event.currentTarget.value)}
				data={kinds.map((of) => ({
					group: FACT_OF[of],
					items: facts.filter((known) => known.of === of).map((known) => ({ value: known.name, label: known.label })),
				}))}
			/>
			<NativeSelect
				aria-label={`${label}: how it is compared`}
				value={condition.operator}
				onChange={(event) => operate(event.currentTarget.value)}
				data={(fact?.operators ?? []).map((operator) => ({ value: operator.name, label: operator.label }))}
			/>
			<Value label={label} condition={condition} fact={fact} change={(value) => change({ ...condition, value })} />
			<CloseButton aria-label={`Remove the condition on ${label}`} onClick={remove} />
			<Problems problems={own} />
		</div>
	);
}

function Value({
	label,
	condition,
	fact,
	change,
}: {
	label: string;
	condition: Condition;
	fact: RuleFact | undefined;
	change: (value: string | string[]) => void;
}) {
	const name = `${label}: value`;
	const { operator, value } = condition;
	if (operator === "is_one_of") {
		return (
			<TagsInput
				aria-label={name}
				value={[value].flat()}
				onChange={change}
				data={fact?.words ?? []}
				splitChars={[","]}
				acceptValueOnBlur
				placeholder={[value].flat().length > 0 ? undefined : "Enter after each"}
			/>
		);
	}
	const one = [value].flat()[0] ?? "";
	if (operator === "is_set" || fact?.kind === "truth") {
		return (
			<NativeSelect
				aria-label={name}
				value={one}
				onChange={(event) => change(event.currentTarget.value)}
				data={[
					{ value: "true", label: "yes" },
					{ value: "false", label: "no" },
				]}
			/>
		);
	}
	if (fact && fact.words.length > 0) {
		const words = fact.kind === "severity" ? [...fact.words].reverse() : fact.words;
		return (
			<NativeSelect
				aria-label={name}
				value={one}
				onChange={(event) => change(event.currentTarget.value)}
				data={words.map((word) => ({ value: word, label: word.replaceAll("_", " ") }))}
			/>
		);
	}
	return (
		<TextInput
			aria-label={name}
			value={one}
			type={fact?.kind === "time" ? "date" : "text"}
			inputMode={fact?.kind === "number" ? "decimal" : undefined}
			placeholder={operator === "matches" ? "src/**/*.ts" : undefined}
			onChange={(event) => change(event.currentTarget.value)}
		/>
	);
}

export function Problems({ problems }: { problems: readonly RuleProblem[] }) {
	if (problems.length === 0) return null;
	return (
		<div className={classes.problem} role="status">
			{problems.map((problem) => (
				<div key={problem.at + problem.message}>
					{problem.message}: <b>{problem.mend}</b>
				</div>
			))}
		</div>
	);
}
