import { Text } from "@mantine/core";
import type { CheckOutcome, ConnectionCheck } from "../api/types";
import classes from "./CheckSteps.module.css";
import { ToneMark } from "./Marks";

const TONE = { ok: "good", failed: "bad", skipped: "quiet" } as const satisfies Record<CheckOutcome, string>;
const WORD: Record<CheckOutcome, string> = { ok: "OK", failed: "Failed", skipped: "Not tried" };

/** What a check tried, in order; a failed step says what to do. */
export function CheckSteps({ check }: { check: ConnectionCheck }) {
	return (
		<div role="status">
			<Text size="sm" fw={600} c={check.ok ? "var(--ls-good)" : "var(--ls-bad)"} mb={4}>
				{check.ok ? "The connection works." : "The connection does not work yet."}
			</Text>
			<ol className={classes.steps}>
				{check.steps.map((step) => (
					<li key={step.name}>
						<ToneMark tone={TONE[step.outcome]}>{WORD[step.outcome]}</ToneMark>
						<div>
							<div className={classes.name}>{step.name}</div>
							{step.message && <div className="prewrap">{step.message}</div>}
							{step.next_step && <div className={`prewrap ${classes.next}`}>{step.next_step}</div>}
						</div>
					</li>
				))}
			</ol>
		</div>
	);
}
