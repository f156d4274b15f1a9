import {
	Button,
	Checkbox,
	CloseButton,
	Group,
	MultiSelect,
	NativeSelect,
	SimpleGrid,
	Stack,
	TagsInput,
	TextInput,
} from "@mantine/core";
import type { FindingKind, IngestRule, Severity, StartStatus } from "../../api/types";
import { PlaceButtons } from "../../components/PlaceButtons";
import { KIND, SEVERITIES, SEVERITY, START } from "../../words";
import classes from "./RulesEditor.module.css";

/** A rule while it is edited: names change, so it has an identity of its own. */
export type DraftRule = IngestRule & { key: string };

let last = 0;
const key = () => `rule-${++last}`;

export const draftRules = (rules: readonly IngestRule[]): DraftRule[] => rules.map((rule) => ({ ...rule, key: key() }));

/** The rules as they are sent. */
export const sentRules = (rules: readonly DraftRule[]): IngestRule[] => rules.map(({ key: _key, ...rule }) => rule);

export const newRule = (name: string): DraftRule => ({ key: key(), name, asset: { name: "", create: true } });

type Props = { rules: readonly DraftRule[]; change: (rules: DraftRule[]) => void };

/** Rules in their order: the first that is about the place of a result decides. */
export function RulesEditor({ rules, change }: Props) {
	const rows = rules.map((rule) => ({ id: rule.key, name: rule.name || "the rule" }));
	const set = (at: string, part: Partial<IngestRule>) =>
		change(rules.map((rule) => (rule.key === at ? { ...rule, ...part } : rule)));
	return (
		<Stack gap={12}>
			<ol className={classes.rules} aria-label="Ingest rules">
				{rules.map((rule, index) => (
					<li key={rule.key}>
						<Group justify="space-between" mb={8} wrap="nowrap">
							<b>{index + 1}</b>
							<Group gap={4} wrap="nowrap">
								<PlaceButtons
									row={{ id: rule.key, name: rule.name || "the rule" }}
									rows={rows}
									busy={false}
									order={(keys) => change(keys.flatMap((wanted) => rules.filter((one) => one.key === wanted)))}
								/>
								{rules.length > 1 && (
									<CloseButton
										aria-label={`Remove ${rule.name || "the rule"}`}
										onClick={() => change(rules.filter((one) => one.key !== rule.key))}
									/>
								)}
							</Group>
						</Group>
						<Fields rule={rule} set={(part) => set(rule.key, part)} />
					</li>
				))}
			</ol>
			<div>
				<Button type="button" variant="default" size="compact-sm" onClick={() => change([...rules, newRule("")])}>
					Add a rule
				</Button>
			</div>
		</Stack>
	);
}

function Fields({ rule, set }: { rule: IngestRule; set: (part: Partial<IngestRule>) => void }) {
	const { asset } = rule;
	return (
		<Stack gap={10}>
			<SimpleGrid cols={{ base: 1, sm: 2 }}>
				<TextInput
					label="Rule"
					description="What people call it."
					required
					maxLength={300}
					value={rule.name}
					onChange={(event) => set({ name: event.currentTarget.value })}
				/>
				<TextInput
					label="Asset"
					description="With a pattern, $1 is what its first group found."
					required
					maxLength={300}
					value={asset.name}
					onChange={(event) => set({ asset: { ...asset, name: event.currentTarget.value } })}
				/>
				<TagsInput
					label="Places"
					description="Paths, resource ids or addresses it is about, such as src/**; none: every one."
					value={rule.places ?? []}
					onChange={(places) => set({ places })}
					acceptValueOnBlur
				/>
				<TextInput
					label="Pattern for the asset"
					description="A regular expression, searched in the place. Not found: the rule is not about it."
					maxLength={300}
					className="mono"
					value={asset.pattern ?? ""}
					onChange={(event) => set({ asset: { ...asset, pattern: event.currentTarget.value || undefined } })}
				/>
				<TagsInput
					label="But not"
					description="Places that it is not about."
					value={rule.except ?? []}
					onChange={(except) => set({ except })}
					acceptValueOnBlur
				/>
				<TagsInput
					label="Tags of the asset"
					description="Added to those it has."
					value={rule.tags ?? []}
					onChange={(tags) => set({ tags })}
					splitChars={[","]}
					acceptValueOnBlur
				/>
				<NativeSelect
					label="Severity at least"
					value={rule.min_severity ?? ""}
					onChange={(event) => set({ min_severity: (event.currentTarget.value || undefined) as Severity | undefined })}
					data={[{ value: "", label: "Any" }, ...SEVERITIES.map((value) => ({ value, label: SEVERITY[value] }))]}
				/>
				<MultiSelect
					label="Kinds"
					placeholder={rule.kinds?.length ? undefined : "Every kind"}
					value={rule.kinds ?? []}
					onChange={(kinds) => set({ kinds: kinds as FindingKind[] })}
					data={Object.entries(KIND).map(([value, label]) => ({ value, label }))}
				/>
				<NativeSelect
					label="New findings start as"
					value={rule.start ?? "identified"}
					onChange={(event) => set({ start: event.currentTarget.value as StartStatus })}
					data={Object.entries(START).map(([value, label]) => ({ value, label }))}
				/>
				<Stack gap={8} justify="flex-end">
					<Checkbox
						label="Only what has a fixed version"
						checked={rule.fixable_only ?? false}
						onChange={(event) => set({ fixable_only: event.currentTarget.checked })}
					/>
					<Checkbox
						label="Make assets that are not there"
						checked={asset.create ?? true}
						onChange={(event) => set({ asset: { ...asset, create: event.currentTarget.checked } })}
					/>
				</Stack>
			</SimpleGrid>
		</Stack>
	);
}
