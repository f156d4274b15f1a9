import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../api/client";
import { plan as planQuery } from "../api/queries";
import type { Apply } from "../api/types";
import { ApplyOutcome } from "../components/ApplyOutcome";
import { Confirm } from "../components/Confirm";
import { JobProgress } from "../components/JobProgress";
import { Loading } from "../components/Loading";
import { Page } from "../components/Page";
import { Panel } from "../components/Panel";
import { PlanView } from "../components/PlanView";
import { ReconcileSummary } from "../components/ReconcileSummary";
import { Trouble } from "../components/Trouble";
import { useMay } from "../session";

/** Everything that would happen now, and the button that lets it. */
export function PlanPage() {
	const client = useQueryClient();
	const analyst = useMay("analyst");
	const [job, setJob] = useState<string>();
	const [left, setLeft] = useState<ReadonlySet<string>>(new Set());
	const [asking, setAsking] = useState(false);
	const [outcome, setOutcome] = useState<Apply>();
	const { data, isPending, isFetching, error, refetch } = useQuery(planQuery);
	const rows = data?.tickets.filter((row) => row.ticket_id && row.fingerprint) ?? [];
	const chosen = rows.filter((row) => row.ticket_id && !left.has(row.ticket_id));
	const became = (done: Apply) => {
		setOutcome(done);
		setAsking(false);
		setLeft(new Set());
		for (const word of ["plan", "ticket", "overview"]) client.invalidateQueries({ queryKey: [word] });
	};
	const apply = useMutation({
		mutationFn: () => {
			const tickets = chosen.flatMap(({ ticket_id, revision, fingerprint }) =>
				ticket_id && fingerprint ? [{ ticket_id, revision, fingerprint }] : [],
			);
			return ask(api.POST("/api/v1/plan/applies", { body: { tickets } }));
		},
		onSuccess: became,
	});
	const choose = (ticket: string, isChosen: boolean) =>
		setLeft((before) => {
			const after = new Set(before);
			if (isChosen) after.delete(ticket);
			else after.add(ticket);
			return after;
		});
	const reconcile = useMutation({
		mutationFn: () => ask(api.POST("/api/v1/reconcile", { body: { sweep: true } })),
		onSuccess: (started) => setJob(started.id),
	});
	return (
		<Page
			title="Plan"
			about="What would happen now, compared with the live board"
			actions={
				<>
					<Button variant="default" onClick={() => refetch()} loading={isFetching && !isPending}>
						Compare again
					</Button>
					{analyst && rows.length > 0 && (
						<Button variant="default" onClick={() => setAsking(true)} disabled={chosen.length === 0 || isFetching}>
							Apply {chosen.length}
						</Button>
					)}
					{analyst && (
						<Button onClick={() => reconcile.mutate()} loading={reconcile.isPending}>
							Reconcile now
						</Button>
					)}
				</>
			}
		>
			<Trouble error={reconcile.error} />
			<Confirm
				opened={asking}
				title="Apply"
				yes="Apply"
				busy={apply.isPending}
				error={apply.error}
				onYes={() => apply.mutate()}
				onClose={() => setAsking(false)}
			>
				{chosen.length} of the rows below are written to the board, also while the connection runs in shadow mode. A row whose
				work item moved since this plan was made is refused.
			</Confirm>
			{outcome && <ApplyOutcome key={outcome.id} apply={outcome} undone={became} />}
			{job && (
				<Panel title="Reconcile">
					<JobProgress
						key={job}
						id={job}
						label="Reconcile"
						finished={() => client.invalidateQueries({ queryKey: planQuery.queryKey })}
					>
						{(done) => done.reconcile && <ReconcileSummary result={done.reconcile} />}
					</JobProgress>
				</Panel>
			)}
			{error && <Trouble error={error} retry={() => refetch()} />}
			{(isPending || data) && (
				<div className="panel flush" aria-busy={isFetching}>
					{isPending ? (
						<Loading lines={8} />
					) : (
						data && (
							<PlanView
								plan={data}
								chosen={new Set(chosen.map((row) => row.ticket_id ?? ""))}
								choose={analyst ? choose : undefined}
							/>
						)
					)}
				</div>
			)}
		</Page>
	);
}
