import { VisuallyHidden } from "@mantine/core";
import { Link } from "react-router";
import { ToneMark } from "../../components/Marks";
import classes from "../Setup.module.css";
import { STEPS, type Step } from "./steps";

type Props = { done: ReadonlySet<Step>; current: Step; connection?: string };

/** The steps of the set-up, and where it stands. */
export function SettingUp({ done, current, connection }: Props) {
	return (
		<nav aria-label="Steps of the set-up">
			<ol className={classes.steps}>
				{STEPS.map((step, index) => {
					const label = (
						<ToneMark tone={done.has(step.name) ? "good" : "quiet"}>
							{index + 1}. {step.label}
							{done.has(step.name) && <VisuallyHidden> (done)</VisuallyHidden>}
						</ToneMark>
					);
					const here = step.name === current ? "step" : undefined;
					const to = connection && (step.name === "connect" ? `/connections/${connection}` : `?step=${step.name}`);
					return (
						<li key={step.name}>
							{to ? (
								<Link to={to} aria-current={here}>
									{label}
								</Link>
							) : (
								<span aria-current={here}>{label}</span>
							)}
						</li>
					);
				})}
			</ol>
		</nav>
	);
}
