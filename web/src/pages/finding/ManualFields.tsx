import { Group, NativeSelect, NumberInput, Stack, TagsInput, Textarea, TextInput } from "@mantine/core";
import type { Finding, FindingKind, ManualFinding, Severity } from "../../api/types";
import { KIND, SEVERITIES, SEVERITY } from "../../words";

type Props = {
	said: ManualFinding;
	change: (said: ManualFinding) => void;
	/** Vulnerability and kind are settled. */
	exists: boolean;
};

/** What a person writes down about a weakness. */
export function ManualFields({ said, change, exists }: Props) {
	const set = (part: Partial<ManualFinding>) => change({ ...said, ...part });
	return (
		<Stack gap={12}>
			<TextInput
				label="Title"
				description="One line that names the weakness and its place."
				required
				maxLength={500}
				value={said.title}
				onChange={(event) => set({ title: event.currentTarget.value })}
			/>
			<Group grow align="flex-start">
				<NativeSelect
					label="Severity"
					value={said.severity ?? ""}
					onChange={(event) => set({ severity: (event.currentTarget.value || undefined) as Severity | undefined })}
					data={[
						{ value: "", label: "As the CVSS vector says" },
						...SEVERITIES.map((value) => ({ value, label: SEVERITY[value] })),
					]}
				/>
				<NativeSelect
					label="Kind"
					disabled={exists}
					value={said.kind ?? "code"}
					onChange={(event) => set({ kind: event.currentTarget.value as FindingKind })}
					data={Object.entries(KIND).map(([value, label]) => ({ value, label }))}
				/>
			</Group>
			<Group grow align="flex-start">
				<TextInput
					label="Place"
					description="Path in the asset, or an address."
					value={said.path ?? ""}
					onChange={(event) => set({ path: event.currentTarget.value || undefined })}
				/>
				<NumberInput
					label="Line"
					description="If it is in a file."
					min={1}
					allowDecimal={false}
					value={said.start_line ?? ""}
					onChange={(line) => set({ start_line: typeof line === "number" ? line : undefined, end_line: undefined })}
				/>
			</Group>
			<Textarea
				label="What was seen"
				description="And how to see it again: it stands in the work item."
				autosize
				minRows={3}
				value={said.message ?? ""}
				onChange={(event) => set({ message: event.currentTarget.value || undefined })}
			/>
			<Textarea
				label="What to do about it"
				autosize
				minRows={2}
				value={said.remediation ?? ""}
				onChange={(event) => set({ remediation: event.currentTarget.value || undefined })}
			/>
			<Group grow align="flex-start">
				<TextInput
					label="Vulnerability"
					description="A CVE, or a word of your own."
					disabled={exists}
					value={said.id ?? ""}
					onChange={(event) => set({ id: event.currentTarget.value || undefined })}
				/>
				<TagsInput
					label="CWEs"
					description="Such as CWE-79. Enter ends one."
					value={said.cwes ?? []}
					onChange={(cwes) => set({ cwes })}
					splitChars={[",", " "]}
					acceptValueOnBlur
				/>
			</Group>
			<TextInput
				label="CVSS vector"
				className="mono"
				value={said.cvss_vector ?? ""}
				// A score of another vector says nothing.
				onChange={(event) => set({ cvss_vector: event.currentTarget.value || undefined, cvss_score: undefined })}
			/>
		</Stack>
	);
}

/** What stands in a finding, to be changed. */
export function saidOf({ title, severity, kind, message, location, component, vulnerability }: Finding): ManualFinding {
	return {
		id: vulnerability.id,
		title,
		severity,
		kind,
		message,
		path: location.path || undefined,
		start_line: location.start_line,
		end_line: location.end_line,
		snippet: location.snippet,
		component: component?.name,
		component_version: component?.version,
		fixed_version: component?.fixed_version,
		name: vulnerability.name,
		description: vulnerability.description,
		remediation: vulnerability.remediation,
		cwes: vulnerability.cwes?.map((cwe) => `CWE-${cwe}`),
		cvss_vector: vulnerability.cvss_vector,
		cvss_score: vulnerability.cvss_score,
		references: vulnerability.references,
		tags: vulnerability.tags,
	};
}
