import { Button, Group, Text } from "@mantine/core";
import type { ReactNode } from "react";
import classes from "./ChosenBar.module.css";

type Props = { chosen: number; what: string; clear: () => void; children: ReactNode };

/** What can be done with the chosen rows; it stays in view while the list is read. */
export function ChosenBar({ chosen, what, clear, children }: Props) {
	if (chosen === 0) return null;
	return (
		<section className={classes.bar} aria-label={`Chosen ${what}`}>
			<Text size="sm" fw={600} role="status">
				{chosen} chosen
			</Text>
			<Group gap={8}>
				{children}
				<Button variant="subtle" onClick={clear}>
					Choose none
				</Button>
			</Group>
		</section>
	);
}
