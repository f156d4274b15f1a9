import { Button, Group, NumberInput, Stack, Text } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../api/client";
import { sla as slaQuery } from "../../api/queries";
import type { Impact, Severity, SlaCounts, SlaMatrix } from "../../api/types";
import { CountBars } from "../../components/Bars";
import { Loading } from "../../components/Loading";
import { SeverityMark, SlaMark } from "../../components/Marks";
import { Panel } from "../../components/Panel";
import { Trouble } from "../../components/Trouble";
import { useMay } from "../../session";
import { IMPACT, IMPACTS, SEVERITIES, SEVERITY, SLA_STATES, SLA_TONE } from "../../words";
import classes from "./SlaPanel.module.css";

/** How long findings may stay open, and how they stand. A change shows what it would mean before it is saved. */
export function SlaPanel() {
	const { data, isPending, error, refetch } = useQuery(slaQuery);
	return (
		<Panel title="SLA matrix">
			{isPending && <Loading lines={8} />}
			{error && !data && <Trouble error={error} retry={() => refetch()} />}
			{data && <Matrix key={data.version} saved={data.matrix} counts={data.counts} />}
		</Panel>
	);
}

/** The matrix with one cell changed; blank takes the cell away. */
function withCell(matrix: SlaMatrix, severity: Severity, impact: Impact, days: string | number): SlaMatrix {
	const { [impact]: _, ...others } = matrix.days?.[severity] ?? {};
	const row = typeof days === "number" ? { ...others, [impact]: days } : others;
	return { ...matrix, days: { ...matrix.days, [severity]: row } };
}

function Matrix({ saved, counts }: { saved: SlaMatrix; counts: SlaCounts }) {
	const manager = useMay("security_manager");
	const client = useQueryClient();
	const [matrix, setMatrix] = useState(saved);
	const changed = JSON.stringify(matrix) !== JSON.stringify(saved);
	const body = {
		...matrix,
		days: Object.fromEntries(Object.entries(matrix.days ?? {}).filter(([, row]) => Object.keys(row).length > 0)),
	};
	const preview = useQuery({
		queryKey: ["configuration", "sla", "preview", body],
		queryFn: () => ask(api.POST("/api/v1/sla/preview", { body })),
		enabled: changed,
	});
	const save = useMutation({
		mutationFn: () => ask(api.PUT("/api/v1/sla", { body })),
		onSuccess: (answer) => {
			client.setQueryData(slaQuery.queryKey, answer);
			for (const word of ["finding", "overview", "configuration"]) client.invalidateQueries({ queryKey: [word] });
		},
	});
	const trouble = save.error ?? (changed ? preview.error : null);

	return (
		<Stack gap={14}>
			<Text size="sm" c="dimmed">
				Days from when a finding was first seen, or came back, to its due date, by its severity and the business impact of its
				asset. A blank cell is not covered.
			</Text>
			{/* biome-ignore lint/a11y/noNoninteractiveTabindex: on a narrow screen it is scrolled with the keyboard too. */}
			<section className={classes.scroll} tabIndex={0} aria-label="SLA matrix">
				<table className={classes.matrix}>
					<thead>
						<tr>
							<th scope="col">Impact</th>
							{IMPACTS.map((impact) => (
								<th key={impact} scope="col">
									{IMPACT[impact]}
								</th>
							))}
						</tr>
					</thead>
					<tbody>
						{SEVERITIES.map((severity) => (
							<tr key={severity}>
								<th scope="row">
									<SeverityMark severity={severity} />
								</th>
								{IMPACTS.map((impact) => (
									<td key={impact}>
										<NumberInput
											size="xs"
											aria-label={`${SEVERITY[severity]}, impact ${IMPACT[impact].toLowerCase()}`}
											min={1}
											max={3650}
											allowDecimal={false}
											hideControls
											readOnly={!manager}
											value={matrix.days?.[severity]?.[impact] ?? ""}
											onChange={(days) => setMatrix((old) => withCell(old, severity, impact, days))}
										/>
									</td>
								))}
							</tr>
						))}
					</tbody>
				</table>
			</section>
			<Group gap={14} align="flex-end">
				<NumberInput
					label="Known exploited: at most"
					description="Days for what is in the KEV catalogue"
					w={230}
					min={1}
					max={3650}
					allowDecimal={false}
					readOnly={!manager}
					value={matrix.known_exploited ?? ""}
					onChange={(days) => setMatrix((old) => ({ ...old, known_exploited: typeof days === "number" ? days : null }))}
				/>
				<NumberInput
					label="Approaching: the last"
					description="Per cent of the time"
					w={230}
					min={0}
					max={100}
					allowDecimal={false}
					readOnly={!manager}
					value={matrix.approaching_percent ?? 25}
					onChange={(share) => setMatrix((old) => ({ ...old, approaching_percent: typeof share === "number" ? share : 0 }))}
				/>
			</Group>
			<Standing
				title={changed ? "How open findings would stand" : "How open findings stand"}
				counts={changed ? preview.data : counts}
			/>
			<Trouble error={trouble} />
			{manager && (
				<Group gap={8}>
					<Button disabled={!changed} loading={save.isPending} onClick={() => save.mutate()}>
						Save
					</Button>
					{changed && (
						<Button variant="subtle" onClick={() => setMatrix(saved)}>
							Discard
						</Button>
					)}
				</Group>
			)}
		</Stack>
	);
}

function Standing({ title, counts }: { title: string; counts?: SlaCounts }) {
	return (
		<div role="status">
			<Text size="sm" fw={600} mb={4}>
				{title}
			</Text>
			{counts ? (
				<CountBars
					rows={SLA_STATES.map((state) => ({
						key: state,
						label: <SlaMark state={state} />,
						value: counts[state],
						color: `var(--ls-${SLA_TONE[state]})`,
						to: `/findings?sla=${state}`,
					}))}
				/>
			) : (
				<Loading lines={4} />
			)}
		</div>
	);
}
