import { Button, Group, NativeSelect, Radio, Stack, Switch, TagsInput, Text, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useNavigate, useParams } from "react-router";
import { api, ask } from "../api/client";
import { rule as ruleQuery } from "../api/queries";
import type { Grouping, Rule, RuleSettings, Severity } from "../api/types";
import { Confirm } from "../components/Confirm";
import { Loading } from "../components/Loading";
import { Page } from "../components/Page";
import { Panel } from "../components/Panel";
import { PlanView } from "../components/PlanView";
import { Trouble } from "../components/Trouble";
import { useMay } from "../session";
import { count, GROUPING, SEVERITIES, SEVERITY } from "../words";

const ABOVE = [{ label: "Rules", to: "/rules" }];

export function NewRulePage() {
	return (
		<Page title="New rule" above={ABOVE}>
			<RuleForm />
		</Page>
	);
}

export function RulePage() {
	const { id = "" } = useParams();
	const { data: rule, isPending, error, refetch } = useQuery(ruleQuery(id));
	return (
		<Page
			title={rule?.name ?? "Rule"}
			above={ABOVE}
			about={rule && `Version ${rule.version}, matches ${count(rule.matching, "open finding")}`}
		>
			{isPending && (
				<Panel>
					<Loading />
				</Panel>
			)}
			{error && !rule && <Trouble error={error} retry={() => refetch()} />}
			{rule && <RuleForm key={rule.version} rule={rule} />}
		</Page>
	);
}

/** A rule is saved only after it has shown what it would do. */
function RuleForm({ rule }: { rule?: Rule }) {
	const client = useQueryClient();
	const navigate = useNavigate();
	const administrator = useMay("administrator");
	const [deleting, remove] = useDisclosure(false);
	const [settings, setSettings] = useState<RuleSettings>({
		name: rule?.name ?? "",
		enabled: rule?.enabled ?? true,
		criteria: rule?.criteria ?? {},
		grouping: rule?.grouping ?? "per_finding",
	});
	const preview = useMutation({ mutationFn: () => ask(api.POST("/api/v1/rules/plan", { body: settings })) });
	const save = useMutation({
		mutationFn: () =>
			rule
				? ask(api.PUT("/api/v1/rules/{id}", { params: { path: { id: rule.id } }, body: settings }))
				: ask(api.POST("/api/v1/rules", { body: settings })),
		onSuccess: (saved) => {
			client.setQueryData(ruleQuery(saved.id).queryKey, saved);
			client.invalidateQueries({ queryKey: ["configuration"] });
			navigate("/rules");
		},
	});
	const change = (part: Partial<RuleSettings>) => {
		preview.reset();
		setSettings((old) => ({ ...old, ...part }));
	};
	const submit = (event: FormEvent) => {
		event.preventDefault();
		preview.mutate();
	};
	// A board that does not answer must not keep anybody from switching a rule off.
	const shown = preview.isSuccess || preview.isError;

	return (
		<>
			<Panel title="Settings">
				<form onSubmit={submit}>
					<fieldset disabled={!administrator} style={{ border: 0, padding: 0, margin: 0, maxWidth: 640 }}>
						<Stack gap={12}>
							<TextInput
								label="Name"
								required
								value={settings.name}
								onChange={(event) => change({ name: event.currentTarget.value })}
								placeholder="Critical and high in production"
							/>
							<NativeSelect
								label="Severity at least"
								value={settings.criteria?.severity_at_least ?? ""}
								onChange={(event) => {
									const least = (event.currentTarget.value || undefined) as Severity | undefined;
									change({ criteria: { ...settings.criteria, severity_at_least: least } });
								}}
								data={[{ value: "", label: "Any" }, ...SEVERITIES.map((value) => ({ value, label: SEVERITY[value] }))]}
							/>
							<TagsInput
								label="Tags of the asset"
								description="The asset must have all of them. None: every asset."
								value={settings.criteria?.asset_tags ?? []}
								onChange={(asset_tags) => change({ criteria: { ...settings.criteria, asset_tags } })}
								splitChars={[","]}
							/>
							<Radio.Group
								label="Which findings share a ticket"
								value={settings.grouping ?? "per_finding"}
								onChange={(grouping) => change({ grouping: grouping as Grouping })}
							>
								<Stack gap={6} mt={4}>
									{(Object.keys(GROUPING) as Grouping[]).map((value) => (
										<Radio key={value} value={value} label={GROUPING[value]} />
									))}
								</Stack>
							</Radio.Group>
							<Switch
								label="In effect"
								checked={settings.enabled ?? true}
								onChange={(event) => change({ enabled: event.currentTarget.checked })}
							/>
							{administrator && (
								<Group gap={8}>
									<Button type="submit" variant={shown ? "default" : "filled"} loading={preview.isPending}>
										Show what it would do
									</Button>
									<Button type="button" onClick={() => save.mutate()} disabled={!shown} loading={save.isPending}>
										Save
									</Button>
									{rule && (
										<Button type="button" variant="subtle" color="red" c="var(--ls-bad)" onClick={remove.open}>
											Delete
										</Button>
									)}
								</Group>
							)}
						</Stack>
					</fieldset>
				</form>
			</Panel>
			<Trouble error={save.error} />
			{preview.isError && <Trouble error={preview.error} />}
			{preview.data && (
				<Panel title="What saving it would do now" flush>
					<PlanView plan={preview.data} />
				</Panel>
			)}
			{!shown && administrator && (
				<Text size="sm" c="dimmed">
					Save becomes possible once the rule has shown what it would do.
				</Text>
			)}
			{rule && <DeleteRule rule={rule} opened={deleting} onClose={remove.close} />}
		</>
	);
}

function DeleteRule({ rule, opened, onClose }: { rule: Rule; opened: boolean; onClose: () => void }) {
	const client = useQueryClient();
	const navigate = useNavigate();
	const remove = useMutation({
		mutationFn: () => ask(api.DELETE("/api/v1/rules/{id}", { params: { path: { id: rule.id } } })),
		onSuccess: async () => {
			// First away from the page: it would ask again for what is gone.
			await navigate("/rules");
			client.removeQueries({ queryKey: ruleQuery(rule.id).queryKey });
			client.invalidateQueries({ queryKey: ["configuration"] });
		},
	});
	return (
		<Confirm
			opened={opened}
			title={`Delete ${rule.name}?`}
			yes="Delete"
			danger
			busy={remove.isPending}
			error={remove.error}
			onYes={() => remove.mutate()}
			onClose={onClose}
		>
			It makes no further tickets. The plan shows what becomes of those it made.
		</Confirm>
	);
}
