import type { ReactNode } from "react";
import { ToneMark } from "./Marks";
import classes from "./Notice.module.css";

type Props = {
	tone: "good" | "quiet" | "warn" | "bad";
	title: string;
	/** `alert` interrupts a screen reader, `status` waits until it pauses. */
	role?: "alert" | "status";
	children?: ReactNode;
};

/** A message that stands out without shouting. */
export function Notice({ tone, title, role, children }: Props) {
	return (
		<div className={classes.notice} data-tone={tone} role={role}>
			<div className={classes.title}>
				<ToneMark tone={tone}>{title}</ToneMark>
			</div>
			{children && <div className={classes.body}>{children}</div>}
		</div>
	);
}
