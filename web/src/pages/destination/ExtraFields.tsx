import { Button, Checkbox, Group, NativeSelect, Select, Stack, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { typeFields } from "../../api/queries";
import type { FieldDefinition, FieldSettings, FieldValue, MapProblem, NewDestination } from "../../api/types";
import maps from "./Maps.module.css";

type Props = {
	draft: NewDestination;
	settings: FieldSettings;
	problems: readonly MapProblem[];
	change: (settings: FieldSettings) => void;
};

/** Fields of new work items that Lockstep does not write by itself: what the process requires, or the team wants. */
export function ExtraFields({ draft, settings, problems, change }: Props) {
	const { data } = useQuery(typeFields(draft.connection_id, draft.project, draft.work_item_type));
	const values = settings.values ?? {};
	const asked = problems.flatMap((problem) => (problem.row && "field" in problem.row ? [problem.row.field] : []));
	const shown = [...new Set([...Object.keys(values), ...asked])];
	const of = (name: string) => data?.fields.find((field) => field.reference_name === name);
	const set = (name: string, value: FieldValue | undefined) => {
		const { [name]: _, ...others } = values;
		change({ ...settings, values: value === undefined ? others : { ...others, [name]: value } });
	};
	const offered = (data?.fields ?? []).filter((field) => !field.is_read_only && !shown.includes(field.reference_name));
	return (
		<fieldset style={{ border: 0, padding: 0, margin: 0, minWidth: 0 }}>
			<Text component="legend" size="sm" fw={600}>
				Further fields of new work items
			</Text>
			<Text size="sm" c="dimmed" mb={6}>
				What the process requires is asked for here. A template such as {"{{ first.asset }}"} is filled in from the findings when
				a work item is created. People decide from then on.
			</Text>
			<Stack gap={10} maw={560}>
				{shown.map((name) => {
					const wrong = problems.filter((problem) => problem.row && "field" in problem.row && problem.row.field === name);
					return (
						<div key={name}>
							<Group gap={8} align="flex-end" wrap="nowrap">
								<Value
									name={name}
									field={of(name)}
									value={values[name] ?? { constant: "" }}
									wrong={wrong.length > 0}
									change={(value) => set(name, value)}
								/>
								<Button
									variant="subtle"
									onClick={() => set(name, undefined)}
									disabled={!(name in values)}
									aria-label={`Take out ${of(name)?.name ?? name}`}
								>
									Take out
								</Button>
							</Group>
							{wrong.map((problem) => (
								<div key={problem.message} className={maps.problem}>
									{problem.message}: <b>{problem.mend}</b>
								</div>
							))}
						</div>
					);
				})}
				<Select
					label="Add a field"
					placeholder="Choose a field of the type"
					searchable
					value={null}
					onChange={(name) => name && set(name, { constant: "" })}
					data={offered.map((field) => ({ value: field.reference_name, label: field.name }))}
				/>
			</Stack>
		</fieldset>
	);
}

type ValueProps = {
	name: string;
	field: FieldDefinition | undefined;
	value: FieldValue;
	wrong: boolean;
	change: (value: FieldValue) => void;
};

function Value({ name, field, value, wrong, change }: ValueProps) {
	const label = field ? `${field.name}${field.is_required ? " (required)" : ""}` : name;
	const isTemplate = "template" in value;
	const text = isTemplate ? value.template : value.constant;
	const allowed = field?.allowed ?? [];
	return (
		<>
			{allowed.length > 0 && !isTemplate ? (
				<NativeSelect
					style={{ flex: 1 }}
					label={label}
					value={text}
					error={wrong}
					onChange={(event) => change({ constant: event.currentTarget.value })}
					data={["", ...(allowed.includes(text) || text === "" ? [] : [text]), ...allowed]}
				/>
			) : (
				<TextInput
					style={{ flex: 1 }}
					label={label}
					value={text}
					error={wrong}
					ff={isTemplate ? "monospace" : undefined}
					onChange={({ currentTarget: { value } }) => change(isTemplate ? { template: value } : { constant: value })}
				/>
			)}
			<Checkbox
				label="Template"
				aria-label={`${field?.name ?? name} is a template`}
				checked={isTemplate}
				mb={8}
				onChange={(event) => change(event.currentTarget.checked ? { template: text } : { constant: text })}
			/>
		</>
	);
}
