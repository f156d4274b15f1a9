import { Checkbox, MultiSelect, NativeSelect, Select, Text } from "@mantine/core";
import type { BoardLayout, MapProblem, Status, StatusEntry, StatusMap, WorkItemType } from "../../api/types";
import { StatusMark } from "../../components/Marks";
import { STATUS, STATUSES } from "../../words";
import classes from "./Maps.module.css";
import { choices, decode, encode } from "./targets";

/** Statuses that a board usually tells apart, in the order of the work. Others appear once the map has them. */
const USUAL: readonly Status[] = [
	"identified",
	"in_progress",
	"waiting",
	"awaiting_validation",
	"risk_accepted",
	"false_positive",
	"fixed",
];

/** What a status without an entry is said like. */
const OTHERWISE: Partial<Record<Status, string>> = {
	identified: "Required",
	waiting: "Like In Progress",
};

/** Both name the same place. */
function shares(entry: StatusEntry, other: StatusEntry | undefined): boolean {
	if (!other) return false;
	const places = new Set([entry, ...(entry.accepted ?? [])].map(encode));
	return [other, ...(other.accepted ?? [])].some((place) => places.has(encode(place)));
}

type Props = {
	map: StatusMap;
	/** Nobody changed it yet: it was made from the type's states. */
	suggested: boolean;
	type: WorkItemType | undefined;
	board: BoardLayout | undefined;
	problems: readonly MapProblem[];
	change: (map: StatusMap) => void;
};

/** How each status is said on the board, and which other places mean the same. Problems stand at their row. */
export function StatusMapEditor({ map, suggested, type, board, problems, change }: Props) {
	const rows = STATUSES.filter((status) => USUAL.includes(status) || status in map);
	const set = (status: Status, entry: StatusEntry | undefined) => {
		const next = { ...map };
		if (entry) next[status] = entry;
		else delete next[status];
		change(next);
	};
	return (
		<>
			<Text size="sm" c="dimmed" mb={8}>
				Where the card stands for each status.
				{suggested && " This is the suggestion for the type; change what your team does differently."} A card that a person moves
				is read back the same way; moved to done, it is a claim that a scan has to prove.
			</Text>
			<ul className={classes.rows}>
				{rows.map((status) => {
					const entry = map[status];
					const offered = choices(type, board, entry);
					const wrong = problems.filter(({ row }) => row && "status" in row && row.status === status);
					const target = entry ? encode(entry) : "";
					return (
						<li key={status} className={classes.row}>
							<span className={classes.name}>
								<StatusMark status={status} />
							</span>
							<Select
								aria-label={`${STATUS[status]}: state or column`}
								placeholder={OTHERWISE[status] ?? "The card is left where it is"}
								value={target || null}
								onChange={(choice) =>
									set(
										status,
										choice
											? {
													...decode(choice),
													lane: entry?.lane,
													is_meant: entry?.is_meant,
													accepted: entry?.accepted?.filter((other) => encode(other) !== choice),
												}
											: undefined,
									)
								}
								data={offered}
								searchable
								clearable={status !== "identified"}
								clearButtonProps={{ "aria-label": `${STATUS[status]}: leave the card where it is` }}
								error={wrong.length > 0}
								aria-describedby={wrong.length > 0 ? `problem-${status}` : undefined}
							/>
							<MultiSelect
								aria-label={`${STATUS[status]}: also accepted`}
								placeholder={entry?.accepted?.length ? undefined : "Also accepted"}
								disabled={!entry}
								value={entry?.accepted?.map(encode) ?? []}
								onChange={(accepted) => entry && set(status, { ...entry, accepted: accepted.map(decode) })}
								data={offered.map((group) => ({ ...group, items: group.items.filter((item) => item.value !== target) }))}
							/>
							{entry && (board?.lanes.length ?? 0) > 0 && (
								<NativeSelect
									aria-label={`${STATUS[status]}: lane`}
									value={entry.lane ?? ""}
									onChange={(event) => set(status, { ...entry, lane: event.currentTarget.value || undefined })}
									data={[
										{ value: "", label: "The lane stays" },
										...[...new Set([...(board?.lanes ?? []), ...(entry.lane ? [entry.lane] : [])])].map((lane) => ({
											value: lane,
											label: `Lane ${lane}`,
										})),
									]}
								/>
							)}
							{entry && rows.some((other) => other !== status && shares(entry, map[other])) && (
								<Checkbox
									label="a move there means this"
									checked={entry.is_meant ?? false}
									onChange={(event) => set(status, { ...entry, is_meant: event.currentTarget.checked || undefined })}
								/>
							)}
							{wrong.length > 0 && (
								<div id={`problem-${status}`} className={classes.problem}>
									{wrong.map((problem) => (
										<div key={problem.message}>
											{problem.message}: <b>{problem.mend}</b>
										</div>
									))}
								</div>
							)}
						</li>
					);
				})}
			</ul>
		</>
	);
}
