import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../api/client";
import { plan as planQuery } from "../api/queries";
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
	const { data, isPending, isFetching, error, refetch } = useQuery(planQuery);
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
					{analyst && (
						<Button onClick={() => reconcile.mutate()} loading={reconcile.isPending}>
							Reconcile now
						</Button>
					)}
				</>
			}
		>
			<Trouble error={reconcile.error} />
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
					{isPending ? <Loading lines={8} /> : data && <PlanView plan={data} />}
				</div>
			)}
		</Page>
	);
}
