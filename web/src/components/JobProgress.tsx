import { Progress, Stack, Text } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { ApiError } from "../api/client";
import { job as jobQuery } from "../api/queries";
import type { Job } from "../api/types";
import { number } from "../words";
import { Trouble } from "./Trouble";

type Props = { id: string; label: string; finished?: (job: Job) => void; children?: (job: Job) => React.ReactNode };

/** Follows a job to its end; `children` shows what it did. */
export function JobProgress({ id, label, finished, children }: Props) {
	const client = useQueryClient();
	const query = useQuery(jobQuery(id));
	const state = query.data?.state;
	const ended = state === "succeeded" || state === "failed";

	// biome-ignore lint/correctness/useExhaustiveDependencies: told once, when the job ends.
	useEffect(() => {
		if (!ended || !query.data) return;
		// What the job changed is read again even where no live events arrive.
		for (const word of ["finding", "ticket", "scan", "asset", "overview"]) client.invalidateQueries({ queryKey: [word] });
		finished?.(query.data);
	}, [ended]);

	if (query.isError) return <Trouble error={query.error} retry={() => query.refetch()} />;
	const job = query.data;
	if (job?.state === "failed")
		return <Trouble error={job.problem ? new ApiError(job.problem) : new Error(job.message || "It ended without effect.")} />;
	if (job?.state === "succeeded") return <div role="status">{children?.(job)}</div>;
	const share = job?.total ? Math.min(100, (job.done / job.total) * 100) : undefined;
	return (
		<Stack gap={4} role="status">
			<Progress value={share ?? 100} animated={share === undefined} aria-label={label} />
			<Text size="sm" c="dimmed">
				{job?.message || "Queued"}
				{job?.total ? ` · ${number(job.done)} of ${number(job.total)}` : ""}
			</Text>
		</Stack>
	);
}
