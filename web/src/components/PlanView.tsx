import { Checkbox, Text } from "@mantine/core";
import { Link } from "react-router";
import type { Plan, PlanAction, TicketPlan } from "../api/types";
import { ACTION, number } from "../words";
import { Empty } from "./Empty";
import { FieldChanges } from "./FieldChanges";
import classes from "./PlanView.module.css";

const TONE: Record<PlanAction, string> = {
	create: "active",
	update: "quiet",
	close: "good",
	reopen: "warn",
	restore: "warn",
	follow: "active",
	join: "quiet",
	wait: "quiet",
};

/** So many tickets are shown with their fields open. */
const OPEN = 12;
/** The server names at most so many. */
const NAMED = 500;

type Props = {
	plan: Plan;
	/** Tickets that are chosen, where rows can be. */
	chosen?: ReadonlySet<string>;
	choose?: (ticket: string, chosen: boolean) => void;
	/** Why nothing would happen. */
	nothing?: string;
};

/** What would happen: the numbers, then each ticket field by field. */
export function PlanView({ plan, chosen, choose, nothing = "Lockstep and the board agree." }: Props) {
	return (
		<div>
			<ul className={classes.numbers} aria-label="Summary">
				<Fact value={plan.create} words="to create" />
				<Fact value={plan.update} words="to change" />
				<Fact value={plan.follow} words="to follow the board" />
				<Fact value={plan.over_budget} words="waiting" />
				<Fact value={plan.nothing} words="unchanged" />
			</ul>
			{plan.tickets.length === 0 ? (
				<Empty title="Nothing would happen">{nothing}</Empty>
			) : (
				<ul className={classes.tickets}>
					{plan.tickets.map((entry, index) => (
						// biome-ignore lint/suspicious/noArrayIndexKey: tickets that do not exist yet have no other identity, and a plan never changes.
						<Entry key={index} entry={entry} open={index < OPEN} chosen={chosen} choose={choose} />
					))}
				</ul>
			)}
			{plan.tickets.length >= NAMED && (
				<Text size="sm" c="dimmed" p={14}>
					The first {NAMED} tickets are shown.
				</Text>
			)}
		</div>
	);
}

function Fact({ value, words }: { value: number; words: string }) {
	return (
		<li data-zero={value === 0}>
			<b>{number(value)}</b> {words}
		</li>
	);
}

function Entry({ entry, open, chosen, choose }: { entry: TicketPlan; open: boolean } & Omit<Props, "plan" | "nothing">) {
	const { ticket_id: ticket, fingerprint } = entry;
	const head = (
		<>
			<span className={classes.action} style={{ color: `var(--ls-${TONE[entry.action]})` }}>
				{ACTION[entry.action]}
			</span>
			<span className={classes.title}>
				{entry.work_item_id && `#${entry.work_item_id} `}
				{entry.title}
			</span>
			<span className={classes.destination}>{entry.destination}</span>
		</>
	);
	const body = (
		<div className={classes.body}>
			<Text size="sm" c="dimmed" className="prewrap">
				{entry.reason}
				{entry.ticket_id && (
					<>
						{" "}
						<Link to={`/tickets/${entry.ticket_id}`}>Open the ticket</Link>
					</>
				)}
			</Text>
			<FieldChanges fields={entry.fields} />
		</div>
	);
	return (
		<li data-chooses={Boolean(choose)}>
			{choose && ticket && fingerprint && (
				<Checkbox
					className={classes.choice}
					aria-label={`Apply: ${ACTION[entry.action]} ${entry.title}`}
					checked={chosen?.has(ticket) ?? false}
					onChange={(event) => choose(ticket, event.currentTarget.checked)}
				/>
			)}
			<details open={open}>
				<summary className={classes.head}>{head}</summary>
				{body}
			</details>
		</li>
	);
}
