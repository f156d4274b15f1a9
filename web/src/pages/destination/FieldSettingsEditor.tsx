import { NativeSelect, Stack, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { templates } from "../../api/queries";
import type { FieldSettings, Owner, WorkItemType } from "../../api/types";

const DUE_DATE = "Microsoft.VSTS.Scheduling.DueDate";

const OWNED = [
	["title", "Title"],
	["priority", "Priority"],
	["severity", "Severity"],
	["due_date", "Due date"],
	["description", "Our part of the description"],
] as const;

const OWNERS: { value: Owner; label: string }[] = [
	{ value: "ask", label: "Ask: show both values" },
	{ value: "ours", label: "Lockstep's value is written" },
	{ value: "theirs", label: "The board's value stays" },
];

/** What a destination says about fields if nobody said anything. */
export const UNSET: FieldSettings = {
	assignee: "",
	due_date: "sla",
	templates: null,
	parent: null,
	values: {},
	owners: { title: "ask", priority: "ask", severity: "ask", due_date: "ask", description: "ask" },
};

type Props = { settings: FieldSettings; type?: WorkItemType; change: (settings: FieldSettings) => void };

/** Whose value counts where both sides changed a field, when work is due, and who gets new work items. */
export function FieldSettingsEditor({ settings, type, change }: Props) {
	const { data: sets } = useQuery(templates);
	const noDueDate = type !== undefined && !type.fields.includes(DUE_DATE);
	return (
		<Stack gap={14}>
			<NativeSelect
				label="Templates"
				description="What writes title, description, comments and tags."
				maw={560}
				value={settings.templates ?? ""}
				onChange={(event) => change({ ...settings, templates: event.currentTarget.value || null })}
				data={[{ value: "", label: "Standard" }, ...(sets?.items ?? []).map(({ id, set }) => ({ value: id, label: set.name }))]}
			/>
			<TextInput
				label="Assignee of new work items"
				description="Sign-in name, usually a mail address. People decide from then on."
				placeholder="nobody"
				maw={560}
				value={settings.assignee ?? ""}
				onChange={(event) => change({ ...settings, assignee: event.currentTarget.value })}
			/>
			<NativeSelect
				label="Due date of work items"
				description={
					noDueDate
						? `The type ${type?.name} has no due date: nothing is shown.`
						: "The earliest of the ticket's open findings, by the SLA matrix."
				}
				maw={560}
				value={settings.due_date ?? "sla"}
				onChange={(event) => change({ ...settings, due_date: event.currentTarget.value === "none" ? "none" : "sla" })}
				data={[
					{ value: "sla", label: "That of the findings" },
					{ value: "none", label: "None" },
				]}
			/>
			<fieldset style={{ border: 0, padding: 0, margin: 0, minWidth: 0 }}>
				<Text component="legend" size="sm" fw={600}>
					If Lockstep and a person changed the same field
				</Text>
				<div className="grid2">
					{OWNED.map(([field, label]) => (
						<NativeSelect
							key={field}
							label={label}
							data={OWNERS}
							value={settings.owners?.[field] ?? "ask"}
							onChange={(event) =>
								change({ ...settings, owners: { ...settings.owners, [field]: event.currentTarget.value as Owner } })
							}
						/>
					))}
				</div>
			</fieldset>
		</Stack>
	);
}
