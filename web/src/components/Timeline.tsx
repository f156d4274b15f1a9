import type { ReactNode } from "react";
import type { CauseKind } from "../api/types";
import { CAUSE } from "../words";
import { Time } from "./Time";
import classes from "./Timeline.module.css";

type Entry = { id: string; at: string; cause: { kind: CauseKind; label: string }; what: string };

/** What happened, newest first, each with its cause. */
export function Timeline<T extends Entry>({ entries, more }: { entries: readonly T[]; more?: (entry: T) => ReactNode }) {
	return (
		<ol className={classes.timeline}>
			{entries.map((entry) => (
				<li key={entry.id} data-cause={entry.cause.kind}>
					<div className={classes.what}>{entry.what}</div>
					<div className={classes.cause}>
						<span className={classes.kind}>{CAUSE[entry.cause.kind]}</span> {entry.cause.label} · <Time at={entry.at} />
					</div>
					{more?.(entry)}
				</li>
			))}
		</ol>
	);
}
