/** Severity, status and health as a small drawing and a word: the drawing differs in shape, not only in colour. */
import { Badge } from "@mantine/core";
import type { ReactNode } from "react";
import type { FindingSummary, ScanState, Severity, SlaState, Status, TicketHealth } from "../api/types";
import { DETECTION, day, HEALTH, HEALTH_TONE, SCAN_STATE, SEVERITIES, SEVERITY, SLA, SLA_TONE, STATUS } from "../words";
import classes from "./Marks.module.css";

function Mark({ drawing, color, children }: { drawing: ReactNode; color: string; children: ReactNode }) {
	return (
		<span className={classes.mark}>
			<svg viewBox="0 0 14 14" width="14" height="14" aria-hidden="true" focusable="false" style={{ color }}>
				{drawing}
			</svg>
			<span>{children}</span>
		</span>
	);
}

export function SeverityMark({ severity }: { severity: Severity }) {
	const steps = SEVERITIES.length - 1 - SEVERITIES.indexOf(severity);
	return (
		<Mark
			color={`var(--ls-${severity})`}
			drawing={[0, 1, 2, 3].map((step) => (
				<rect
					key={step}
					x={step * 3.6}
					y={9.5 - step * 2.7}
					width="2.4"
					height={4.5 + step * 2.7}
					rx="0.8"
					fill="currentColor"
					opacity={step < steps ? 1 : 0.22}
				/>
			))}
		>
			{SEVERITY[severity]}
		</Mark>
	);
}

const RING = <circle cx="7" cy="7" r="5.6" fill="none" stroke="currentColor" strokeWidth="1.5" />;
const DISC = <circle cx="7" cy="7" r="6.4" fill="currentColor" />;
const INK = "var(--ls-raised)";
const line = (d: string, stroke = "currentColor") => (
	<path d={d} fill="none" stroke={stroke} strokeWidth="1.6" strokeLinecap="round" strokeLinejoin="round" />
);
const over = (...parts: ReactNode[]) => (
	<>
		{parts[0]}
		{parts[1]}
	</>
);

const STATUS_DRAWING: Record<Status, { color: string; drawing: ReactNode }> = {
	draft: {
		color: "var(--ls-quiet)",
		drawing: <circle cx="7" cy="7" r="5.6" fill="none" stroke="currentColor" strokeWidth="1.5" strokeDasharray="1.6 2" />,
	},
	created: {
		color: "var(--ls-quiet)",
		drawing: <circle cx="7" cy="7" r="5.6" fill="none" stroke="currentColor" strokeWidth="1.5" strokeDasharray="3.4 2.4" />,
	},
	identified: { color: "var(--ls-high)", drawing: RING },
	in_progress: { color: "var(--ls-active)", drawing: over(RING, <path d="M7 3.4a3.6 3.6 0 0 1 0 7.2z" fill="currentColor" />) },
	waiting: { color: "var(--ls-active)", drawing: over(RING, line("M5.7 5v4M8.3 5v4")) },
	awaiting_validation: {
		color: "var(--ls-warn)",
		drawing: over(RING, <path d="M7 7V3.4A3.6 3.6 0 1 1 3.4 7z" fill="currentColor" />),
	},
	risk_accepted: { color: "var(--ls-quiet)", drawing: over(DISC, line("M4.2 5.4h5.6M4.2 8.6h5.6", INK)) },
	false_positive: { color: "var(--ls-quiet)", drawing: over(RING, line("M5 5l4 4M9 5l-4 4")) },
	suppressed: { color: "var(--ls-quiet)", drawing: over(RING, line("M4.4 7h5.2")) },
	duplicate: {
		color: "var(--ls-quiet)",
		drawing: over(
			<rect x="1.4" y="1.4" width="8" height="8" rx="2" fill="none" stroke="currentColor" strokeWidth="1.5" />,
			line("M12.4 5v5.4a2 2 0 0 1-2 2H5"),
		),
	},
	fixed: { color: "var(--ls-good)", drawing: over(DISC, line("M4.2 7.2l2 2 3.7-4.2", INK)) },
};

export function StatusMark({ status }: { status: Status }) {
	const { color, drawing } = STATUS_DRAWING[status];
	return (
		<Mark color={color} drawing={drawing}>
			{STATUS[status]}
		</Mark>
	);
}

/** A status that ends by itself says when. */
export function TemporaryMark({ finding }: { finding: Pick<FindingSummary, "temporary_until"> }) {
	if (!finding.temporary_until) return null;
	return (
		<Badge variant="default" tt="none" radius="sm" fw={400}>
			temporary until {day(finding.temporary_until)}
		</Badge>
	);
}

/** That the newest scans do not see it, where its status does not say so. */
export function DetectionMark({ finding }: { finding: Pick<FindingSummary, "detection" | "status"> }) {
	const { detection, status } = finding;
	if (!detection || detection === "detected" || (status === "fixed" && detection === "no_longer_detected")) return null;
	return (
		<Badge variant="default" tt="none" radius="sm" fw={400}>
			{DETECTION[detection].toLowerCase()}
		</Badge>
	);
}

const TONE_DRAWING = {
	good: over(DISC, line("M4.2 7.2l2 2 3.7-4.2", INK)),
	quiet: RING,
	warn: over(<path d="M7 1.2l6.2 11.2H.8z" fill="currentColor" />, line("M7 5.6v2.6M7 10.4v.1", INK)),
	bad: over(DISC, line("M5 5l4 4M9 5l-4 4", INK)),
};

export function HealthMark({ health }: { health: TicketHealth }) {
	const tone = HEALTH_TONE[health];
	return (
		<Mark color={`var(--ls-${tone})`} drawing={TONE_DRAWING[tone]}>
			{HEALTH[health]}
		</Mark>
	);
}

/** When it is due, and how it stands to that. Nothing for what is closed or not covered. */
export function DueMark({ finding }: { finding: Pick<FindingSummary, "sla" | "due_at"> }) {
	if (!finding.sla || !finding.due_at) return null;
	const tone = SLA_TONE[finding.sla];
	return (
		<Mark color={`var(--ls-${tone})`} drawing={TONE_DRAWING[tone]}>
			<span title={`${SLA[finding.sla]}: due ${day(finding.due_at)}`}>{day(finding.due_at)}</span>
		</Mark>
	);
}

export function SlaMark({ state }: { state: SlaState }) {
	const tone = SLA_TONE[state];
	return (
		<Mark color={`var(--ls-${tone})`} drawing={TONE_DRAWING[tone]}>
			{SLA[state]}
		</Mark>
	);
}

const SCAN_TONE = { staging: "quiet", committed: "good", quarantined: "warn", failed: "bad" } as const satisfies Record<
	ScanState,
	string
>;

export function ScanStateMark({ state }: { state: ScanState }) {
	const tone = SCAN_TONE[state];
	return (
		<Mark color={`var(--ls-${tone})`} drawing={TONE_DRAWING[tone]}>
			{SCAN_STATE[state]}
		</Mark>
	);
}

/** A step or a switch that is well, not well, or was not tried. */
export function ToneMark({ tone, children }: { tone: keyof typeof TONE_DRAWING; children: ReactNode }) {
	return (
		<Mark color={`var(--ls-${tone})`} drawing={TONE_DRAWING[tone]}>
			{children}
		</Mark>
	);
}
