import { Title } from "@mantine/core";
import { type ReactNode, useId } from "react";
import classes from "./Panel.module.css";

type Props = { title?: string; actions?: ReactNode; flush?: boolean; children: ReactNode };

/** A titled box on a page. `flush` lets lists touch its border. */
export function Panel({ title, actions, flush, children }: Props) {
	const id = useId();
	return (
		<section className={flush ? "panel flush" : "panel"} aria-labelledby={title ? id : undefined}>
			{title && (
				<div className={flush ? `${classes.head} ${classes.inset}` : classes.head}>
					<Title order={2} id={id}>
						{title}
					</Title>
					{actions}
				</div>
			)}
			{children}
		</section>
	);
}
