import { Button, CopyButton, Group } from "@mantine/core";
import { useId } from "react";
import classes from "./CopyField.module.css";

/** A value to take elsewhere, with a button that copies it. */
export function CopyField({ label, value, about }: { label: string; value: string; about?: string }) {
	const id = useId();
	return (
		<div style={{ width: "100%" }}>
			<label htmlFor={id} className={classes.label}>
				{label}
			</label>
			{about && <div className={classes.about}>{about}</div>}
			<Group gap={6} wrap="nowrap">
				<input id={id} className={classes.value} readOnly value={value} onFocus={(event) => event.currentTarget.select()} />
				<CopyButton value={value} timeout={2000}>
					{({ copied, copy }) => (
						<Button variant="default" onClick={copy} size="sm" style={{ flex: "none" }} aria-live="polite">
							{copied ? "Copied" : "Copy"}
						</Button>
					)}
				</CopyButton>
			</Group>
		</div>
	);
}
