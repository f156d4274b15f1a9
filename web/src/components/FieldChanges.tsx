import type { FieldChange } from "../api/types";
import classes from "./FieldChanges.module.css";

/** What changes on a work item, field by field. Texts are shown as texts, whatever is in them. */
export function FieldChanges({ fields }: { fields: readonly FieldChange[] }) {
	if (fields.length === 0) return null;
	return (
		<ul className={classes.list}>
			{fields.map((change) => (
				<li key={change.field}>
					<span className={classes.field}>{change.field}</span>
					<span className={classes.values}>
						{change.from !== "" && (
							<>
								<del>{change.from}</del>
								<span aria-hidden="true">→</span>
							</>
						)}
						{change.to === "" ? <i>empty</i> : <ins>{change.to}</ins>}
					</span>
					{change.reason && <span className={classes.reason}>{change.reason}</span>}
				</li>
			))}
		</ul>
	);
}
