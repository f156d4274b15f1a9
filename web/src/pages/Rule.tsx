import { Button, Group, MultiSelect, NativeSelect, Radio, SimpleGrid, Stack, Switch, Text, TextInput } from "@mantine/core";
import { useDebouncedValue, useDisclosure } from "@mantine/hooks";
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useMemo, useState } from "react";
import { useNavigate, useParams } from "react-router";
import { api, ask } from "../api/client";
import { destinations as destinationsQuery, ruleCheck, ruleFacts, rule as ruleQuery } from "../api/queries";
import type { AppliesTo, AutoClose, CloseWhen, Grouping, LateMember, OnMatch, Release, Rule, RuleSettings } from "../api/types";
import { ConfirmDelete } from "../components/ConfirmDelete";
import { Loading } from "../components/Loading";
import { Notice } from "../components/Notice";
import { Page } from "../components/Page";
import { Panel } from "../components/Panel";
import { Reading } from "../components/Reading";
import { Trouble } from "../components/Trouble";
import { useMay } from "../session";
import { APPLIES_TO, CLOSE_WHEN, count, GROUPING, LATE_MEMBER, ON_MATCH, RELEASE } from "../words";
import { CriteriaEditor, Problems } from "./rule/CriteriaEditor";
import { type Group as CriteriaGroup, readCriteria, writeCriteria } from "./rule/criteria";
import { RulePlanView } from "./rule/RulePlanView";

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
		<Page title={rule?.name ?? "Rule"} above={ABOVE} about={rule && `Version ${rule.version}: ${rule.about}`}>
			{!rule && <Reading of={{ isPending, error, refetch }} />}
			{rule?.problem && (
				<Notice tone="bad" title="The rule has stopped" role="status">
					{rule.problem}
				</Notice>
			)}
			{rule && <RuleForm key={rule.version} rule={rule} />}
		</Page>
	);
}

/** Work items are closed as the status map says. */
const AS_MAPPED: AutoClose = { enabled: true, when: "all_closed", state: null, not_for_temporary: false };

/** The words of the API for a grouping without facts of its own. */
const namedOf = (grouping: Grouping) => (typeof grouping === "string" ? grouping : "by");

/** A rule is saved only after it has shown what it would do. */
function RuleForm({ rule }: { rule?: Rule }) {
	const client = useQueryClient();
	const navigate = useNavigate();
	const administrator = useMay("administrator");
	const [deleting, remove] = useDisclosure(false);
	const facts = useQuery(ruleFacts);
	const destinations = useQuery(destinationsQuery);
	const known = useMemo(() => facts.data ?? [], [facts.data]);
	const [root, setRoot] = useState<CriteriaGroup>(() => readCriteria(rule?.criteria));
	const [rest, setRest] = useState<Omit<RuleSettings, "criteria">>({
		name: rule?.name ?? "",
		enabled: rule?.enabled ?? true,
		on_match: rule?.on_match ?? "stop",
		applies_to: rule?.applies_to ?? "all_findings",
		from: rule?.from,
		until: rule?.until,
		destination: rule?.destination,
		grouping: rule?.grouping ?? "per_finding",
		initial_state: rule?.initial_state,
		auto_close: rule?.auto_close ?? AS_MAPPED,
		late_member: rule?.late_member ?? "reopen",
		release: rule?.release ?? "at_identification",
	});
	const settings = useMemo<RuleSettings>(() => ({ ...rest, criteria: writeCriteria(root, known) }), [rest, root, known]);
	const [asked] = useDebouncedValue(settings, 400);
	const check = useQuery({ ...ruleCheck(asked), enabled: facts.isSuccess, placeholderData: keepPreviousData });
	// A form that nobody filled in yet is not scolded for its empty name.
	const problems = (check.data?.problems ?? []).filter((problem) => problem.at !== "/name" || rest.name !== "");
	const at = (path: string) => problems.filter((problem) => problem.at === path || problem.at.startsWith(`${path}/`));
	const preview = useMutation({
		mutationFn: () => ask(api.POST("/api/v1/rules/plan", { body: settings, params: { query: rule ? { rule: rule.id } : {} } })),
	});
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
		setRest((old) => ({ ...old, ...part }));
	};
	const submit = (event: FormEvent) => {
		event.preventDefault();
		preview.mutate();
	};
	// What cannot be planned must not keep anybody from switching a rule off.
	const shown = preview.isSuccess || preview.isError;
	const grouping = rest.grouping ?? "per_finding";
	const closing = rest.auto_close ?? AS_MAPPED;
	const close = (part: Partial<AutoClose>) => change({ auto_close: { ...closing, ...part } });
	const pinned = rest.destination && !destinations.data?.items.some((one) => one.id === rest.destination);

	return (
		<>
			<form onSubmit={submit}>
				<fieldset disabled={!administrator} style={{ border: 0, padding: 0, margin: 0 }}>
					<Stack gap={14}>
						<Panel title="Which findings">
							<Stack gap={12} maw={900}>
								<TextInput
									label="Name"
									required
									value={rest.name}
									maxLength={200}
									onChange={(event) => change({ name: event.currentTarget.value })}
									placeholder="Critical and high in production"
									error={at("/name")[0]?.message}
								/>
								{facts.isPending ? (
									<Loading />
								) : (
									<CriteriaEditor
										root={root}
										facts={known}
										problems={problems}
										change={(next) => {
											preview.reset();
											setRoot(next);
										}}
									/>
								)}
								<Trouble error={facts.error} retry={() => facts.refetch()} />
								<Text size="sm" role="status" aria-live="polite">
									{check.data?.matching != null ? (
										<>
											Matches <b>{count(check.data.matching, "open finding")}</b>
											{check.data.about && <Text span c="dimmed">{` · ${check.data.about}`}</Text>}
										</>
									) : check.isFetching ? (
										"Counting…"
									) : (
										"The criteria make no sense yet."
									)}
								</Text>
								<NativeSelect
									label="New or all"
									value={rest.applies_to}
									onChange={(event) => change({ applies_to: event.currentTarget.value as AppliesTo })}
									data={Object.entries(APPLIES_TO).map(([value, label]) => ({ value, label }))}
								/>
							</Stack>
						</Panel>
						<Panel title="Which tickets">
							<Stack gap={12} maw={640}>
								<Radio.Group
									label="Which findings share a ticket"
									value={namedOf(grouping)}
									onChange={(value) => change({ grouping: value === "by" ? { by: ["component"] } : (value as Grouping) })}
								>
									<Stack gap={6} mt={4}>
										{Object.entries(GROUPING).map(([value, label]) => (
											<Radio key={value} value={value} label={label} />
										))}
									</Stack>
								</Radio.Group>
								{typeof grouping !== "string" && (
									<MultiSelect
										label="Facts that they have in common"
										value={grouping.by}
										onChange={(by) => change({ grouping: { by } })}
										data={known.filter((fact) => fact.groups).map((fact) => ({ value: fact.name, label: fact.label }))}
										maxValues={8}
									/>
								)}
								<Problems problems={at("/grouping")} />
								<NativeSelect
									label="Destination"
									value={rest.destination ?? ""}
									onChange={(event) => change({ destination: event.currentTarget.value || undefined })}
									data={[
										{ value: "", label: "Where the asset is bound, else the default one" },
										...(destinations.data?.items ?? []).map((one) => ({ value: one.id, label: one.name ?? one.id })),
										...(pinned && rest.destination ? [{ value: rest.destination, label: "A destination that was deleted" }] : []),
									]}
								/>
								<Problems problems={at("/destination")} />
								<TextInput
									label="State of new work items"
									description="Blank: the state of the destination's status map. It has to read back as Identified."
									value={rest.initial_state ?? ""}
									onChange={(event) => change({ initial_state: event.currentTarget.value || undefined })}
								/>
								<Problems problems={at("/initial_state")} />
							</Stack>
						</Panel>
						<Panel title="Closing">
							<Stack gap={12} maw={640}>
								<NativeSelect
									label="A work item is closed"
									value={closing.enabled === false ? "off" : (closing.when ?? "all_closed")}
									onChange={(event) => {
										const when = event.currentTarget.value;
										close(when === "off" ? { enabled: false } : { enabled: true, when: when as CloseWhen });
									}}
									data={[
										...Object.entries(CLOSE_WHEN).map(([value, label]) => ({ value, label })),
										{ value: "off", label: "Never by Lockstep: people close it" },
									]}
								/>
								<TextInput
									label="Set its state to"
									description="Blank: the state of the destination's status map. It has to read back as closed."
									value={closing.state ?? ""}
									disabled={closing.enabled === false}
									onChange={(event) => close({ state: event.currentTarget.value || null })}
								/>
								<Problems problems={at("/auto_close")} />
								<Switch
									label="Do not close for temporary status changes"
									checked={closing.not_for_temporary ?? false}
									disabled={closing.enabled === false}
									onChange={(event) => close({ not_for_temporary: event.currentTarget.checked })}
								/>
								<NativeSelect
									label="A finding whose group has a work item already"
									value={rest.late_member}
									onChange={(event) => change({ late_member: event.currentTarget.value as LateMember })}
									data={Object.entries(LATE_MEMBER).map(([value, label]) => ({ value, label }))}
								/>
							</Stack>
						</Panel>
						<Panel title="When">
							<Stack gap={12} maw={640}>
								<NativeSelect
									label="Its tickets are made"
									value={rest.release}
									onChange={(event) => change({ release: event.currentTarget.value as Release })}
									data={Object.entries(RELEASE).map(([value, label]) => ({ value, label }))}
								/>
								<NativeSelect
									label="Rules behind this one"
									value={rest.on_match}
									onChange={(event) => change({ on_match: event.currentTarget.value as OnMatch })}
									data={Object.entries(ON_MATCH).map(([value, label]) => ({ value, label }))}
								/>
								<SimpleGrid cols={{ base: 1, sm: 2 }}>
									<TextInput
										type="date"
										label="First day (UTC)"
										value={rest.from ?? ""}
										onChange={(event) => change({ from: event.currentTarget.value || undefined })}
									/>
									<TextInput
										type="date"
										label="Last day (UTC)"
										value={rest.until ?? ""}
										onChange={(event) => change({ until: event.currentTarget.value || undefined })}
									/>
								</SimpleGrid>
								<Problems problems={at("/until")} />
								<Switch
									label="In effect"
									checked={rest.enabled ?? true}
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
						</Panel>
					</Stack>
				</fieldset>
			</form>
			<Trouble error={save.error} />
			{preview.isError && <Trouble error={preview.error} />}
			{preview.data && (
				<Panel title="What saving it would do now" flush>
					<RulePlanView plan={preview.data} />
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
	return (
		<ConfirmDelete
			name={rule.name}
			opened={opened}
			onClose={onClose}
			remove={() => ask(api.DELETE("/api/v1/rules/{id}", { params: { path: { id: rule.id } } }))}
			leave={{ to: "/rules", forget: ruleQuery(rule.id).queryKey }}
			refresh={["configuration"]}
		>
			It makes no further tickets. Those it made stay.
		</ConfirmDelete>
	);
}
