import { Button, Text } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "react-router";
import { api, ask } from "../api/client";
import { applied } from "../api/queries";
import type { Apply, ApplyState } from "../api/types";
import { number } from "../words";
import classes from "./ApplyOutcome.module.css";
import { ToneMark } from "./Marks";
import { Panel } from "./Panel";
import { Trouble } from "./Trouble";

const TONE = { applied: "good", refused: "warn", waiting: "quiet" } as const satisfies Record<ApplyState, string>;
const WORD: Record<ApplyState, string> = { applied: "Applied", refused: "Refused", waiting: "Not known yet" };

/** What became of an apply, ticket by ticket, and the button that puts it back. `undone` gets the undo. */
export function ApplyOutcome({ apply, undone }: { apply: Apply; undone: (undo: Apply) => void }) {
	const client = useQueryClient();
	const { data } = useQuery({ ...applied(apply.id), initialData: apply });
	const undo = useMutation({
		mutationFn: () => ask(api.POST("/api/v1/plan/applies/{id}/undo", { params: { path: { id: apply.id } } })),
		onSuccess: (done) => {
			client.invalidateQueries({ queryKey: ["apply"] });
			undone(done);
		},
	});
	const is = (state: ApplyState) => data.tickets.filter((row) => row.state === state).length;
	const open = data.tickets.some((row) => row.state === "applied" && !row.undone_by);
	return (
		<Panel
			title={data.undoes ? "Undone" : "Applied"}
			actions={
				!data.undoes &&
				open && (
					<Button variant="default" onClick={() => undo.mutate()} loading={undo.isPending}>
						Undo
					</Button>
				)
			}
		>
			<Text size="sm" role="status">
				{number(is("applied"))} {data.undoes ? "put back" : "applied"}, {number(is("refused"))} refused
				{is("waiting") > 0 && `, ${number(is("waiting"))} not known yet`}.
			</Text>
			<Trouble error={undo.error} />
			<ul className={classes.rows}>
				{data.tickets.map((row) => (
					<li key={row.ticket_id}>
						<ToneMark tone={TONE[row.state]}>{WORD[row.state]}</ToneMark>
						<span>
							{row.work_item_id && `#${row.work_item_id} `}
							<Link to={`/tickets/${row.ticket_id}`}>{row.title}</Link>
							{row.reason && (
								<Text span size="sm" c="dimmed">
									{" "}
									{row.reason}
								</Text>
							)}
						</span>
					</li>
				))}
			</ul>
		</Panel>
	);
}
