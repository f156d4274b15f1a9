import { Link } from "react-router";
import type { SeverityCounts } from "../api/types";
import { number, SEVERITIES, SEVERITY, total } from "../words";
import classes from "./Bars.module.css";

/** Open findings as one bar, cut by severity, worst first. */
export function SeverityBar({ counts, height = 8 }: { counts: SeverityCounts; height?: number }) {
	const all = total(counts);
	const words = SEVERITIES.filter((severity) => counts[severity] > 0).map(
		(severity) => `${number(counts[severity])} ${severity}`,
	);
	return (
		<span className={classes.stack} style={{ height }} role="img" aria-label={words.length > 0 ? words.join(", ") : "none open"}>
			{all > 0 &&
				SEVERITIES.filter((severity) => counts[severity] > 0).map((severity) => (
					<span key={severity} style={{ flexGrow: counts[severity], background: `var(--ls-${severity})` }} />
				))}
		</span>
	);
}

/** The numbers below a severity bar, each leading to its list. */
export function SeverityLegend({ counts, to }: { counts: SeverityCounts; to: (severity: string) => string }) {
	return (
		<ul className={classes.legend}>
			{SEVERITIES.map((severity) => (
				<li key={severity}>
					<Link to={to(severity)}>
						<span className={classes.swatch} style={{ background: `var(--ls-${severity})` }} />
						<span className={classes.big}>{number(counts[severity])}</span>
						<span className={classes.small}>{SEVERITY[severity]}</span>
					</Link>
				</li>
			))}
		</ul>
	);
}

type Row = { key: string; label: React.ReactNode; value: number; color: string; to: string };

/** Numbers that people compare, as bars on one scale. Each row leads to its list. */
export function CountBars({ rows }: { rows: readonly Row[] }) {
	const most = Math.max(1, ...rows.map((row) => row.value));
	return (
		<ul className={classes.bars}>
			{rows.map((row) => (
				<li key={row.key}>
					<Link to={row.to}>
						<span className={classes.label}>{row.label}</span>
						<span className={classes.track} aria-hidden="true">
							{row.value > 0 && <span style={{ width: `${(row.value / most) * 100}%`, background: row.color }} />}
						</span>
						<span className={classes.value}>{number(row.value)}</span>
					</Link>
				</li>
			))}
		</ul>
	);
}
