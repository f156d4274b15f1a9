import { Text } from "@mantine/core";
import { Link } from "react-router";
import type { ImportResult, SeverityCounts } from "../api/types";
import { SeverityBar } from "../components/Bars";
import { Notice } from "../components/Notice";
import { count, leftOut, number, SEVERITIES, total } from "../words";
import classes from "./ImportSummary.module.css";

/** What an import did: what is new, what came back, what is proved fixed. */
export function ImportSummary({ result }: { result: ImportResult }) {
	if (result.already_imported)
		return (
			<Notice tone="quiet" title="Nothing changed">
				The same report was imported before.
			</Notice>
		);
	const out = leftOut(result.left_out);
	return (
		<div>
			<Text size="sm" mb={8}>
				{count(result.observations, "result")} read in {count(result.scans.length, "scan")}.
			</Text>
			{out.length > 0 && (
				<Text size="sm" c="dimmed" mb={8}>
					Left out: {out.join("; ")}.
				</Text>
			)}
			{result.quarantined && (
				<Notice tone="warn" title="Quarantined">
					Suspiciously many findings are gone, so nothing was closed.{" "}
					<Link to={result.scans.length === 1 ? `/scans/${result.scans[0]}` : "/scans"}>Look at the scan</Link> and confirm it if
					that is right.
				</Notice>
			)}
			<FindingNumbers result={result} />
		</div>
	);
}

/** What becomes of the findings. */
export function FindingNumbers({ result }: { result: ImportResult }) {
	const rows: readonly [string, SeverityCounts][] = [
		["New", result.new],
		["Came back", result.regressed],
		["Still open", result.still_open],
		["Fixed", result.fixed],
	];
	const most = Math.max(1, ...rows.map(([, counts]) => total(counts)));
	return (
		<dl className={classes.rows}>
			{rows.map(([name, counts]) => (
				<div key={name}>
					<dt>{name}</dt>
					<dd>
						<span className={classes.number}>{number(total(counts))}</span>
						<span className={classes.bar} style={{ width: `${(total(counts) / most) * 100}%` }}>
							{total(counts) > 0 && <SeverityBar counts={counts} />}
						</span>
						<span className={classes.words}>
							{SEVERITIES.filter((severity) => counts[severity] > 0)
								.map((severity) => `${counts[severity]} ${severity}`)
								.join(", ")}
						</span>
					</dd>
				</div>
			))}
		</dl>
	);
}
