import { Text } from "@mantine/core";
import type { ImportPlan } from "../api/types";
import { Notice } from "../components/Notice";
import { PlanView } from "../components/PlanView";
import { count, leftOut } from "../words";
import { FindingNumbers } from "./ImportSummary";
import { DestinationShares } from "./rule/RulePlanView";

/** What importing a report would do: to its findings, by the rules, and to work items that are there. */
export function ImportPlanView({ plan }: { plan: ImportPlan }) {
	if (plan.import.already_imported)
		return (
			<Notice tone="quiet" title="Nothing would change">
				The same report was imported before.
			</Notice>
		);
	const out = leftOut(plan.import.left_out);
	return (
		<>
			<Text size="sm" mb={8}>
				{count(plan.import.observations, "result")} would be read in. Nothing has been stored yet.
			</Text>
			{out.length > 0 && (
				<Text size="sm" c="dimmed" mb={8}>
					Left out: {out.join("; ")}.
				</Text>
			)}
			{plan.import.quarantined && (
				<Notice tone="warn" title="It would be quarantined">
					Suspiciously many findings are gone: nothing would be closed until somebody confirms the scan.
				</Notice>
			)}
			<FindingNumbers result={plan.import} />
			<section aria-labelledby="by-rules">
				<h3 id="by-rules">What the rules would do</h3>
				{plan.destinations.length > 0 && <DestinationShares plan={plan} />}
				<PlanView plan={plan} nothing="No finding would get a ticket by it." />
			</section>
			<section aria-labelledby="work-items-there">
				<h3 id="work-items-there">Work items that are there</h3>
				{plan.existing_unknown ? (
					<Text size="sm">What becomes of them cannot be said: {plan.existing_unknown}</Text>
				) : (
					<PlanView plan={plan.existing} nothing="No work item that is there would change." />
				)}
			</section>
		</>
	);
}
