import { NativeSelect, Text } from "@mantine/core";
import type { MapProblem, SeverityMap } from "../../api/types";
import { SeverityMark } from "../../components/Marks";
import { SEVERITIES, SEVERITY } from "../../words";
import classes from "./Maps.module.css";

/** Values of the severity field in the system processes. */
const USUAL = ["1 - Critical", "2 - High", "3 - Medium", "4 - Low"];

type Props = {
	map: SeverityMap;
	hasSeverityField: boolean;
	/** Values that the type takes; the usual ones if nobody knows. */
	values?: readonly string[];
	problems?: readonly MapProblem[];
	change: (map: SeverityMap) => void;
};

/** Priority and severity of a work item for each severity of a finding. */
export function SeverityMapEditor({ map, hasSeverityField, values: taken, problems = [], change }: Props) {
	return (
		<>
			{!hasSeverityField && (
				<Text size="sm" c="dimmed" mb={8}>
					This type has no severity field: only the priority is written.
				</Text>
			)}
			<ul className={classes.rows}>
				{SEVERITIES.map((severity) => {
					const target = map[severity] ?? { priority: 4 };
					const offered = taken && taken.length > 0 ? taken : USUAL;
					const values = target.severity && !offered.includes(target.severity) ? [...offered, target.severity] : offered;
					const wrong = problems.filter(
						({ row }) => row !== null && row !== undefined && "severity" in row && row.severity === severity,
					);
					return (
						<li key={severity} className={classes.row}>
							<span className={classes.name}>
								<SeverityMark severity={severity} />
							</span>
							<NativeSelect
								aria-label={`${SEVERITY[severity]}: priority`}
								value={String(target.priority)}
								onChange={(event) => change({ ...map, [severity]: { ...target, priority: Number(event.currentTarget.value) } })}
								data={["1", "2", "3", "4"].map((value) => ({ value, label: `Priority ${value}` }))}
							/>
							{hasSeverityField && (
								<NativeSelect
									aria-label={`${SEVERITY[severity]}: severity field`}
									value={target.severity ?? ""}
									onChange={(event) =>
										change({ ...map, [severity]: { ...target, severity: event.currentTarget.value || undefined } })
									}
									data={[{ value: "", label: "Severity not written" }, ...values.map((value) => ({ value, label: value }))]}
								/>
							)}
							{wrong.length > 0 && (
								<div className={classes.problem}>
									{wrong.map((problem) => (
										<div key={problem.message}>
											{problem.message}: <b>{problem.mend}</b>
										</div>
									))}
								</div>
							)}
						</li>
					);
				})}
			</ul>
		</>
	);
}
