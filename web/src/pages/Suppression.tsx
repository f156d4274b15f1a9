import { Button, Checkbox, Group, SimpleGrid, Stack, Switch, Text, Textarea, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useMemo, useState } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { api, ask } from "../api/client";
import { ruleFacts, suppression as suppressionQuery, suppressionRemoval } from "../api/queries";
import type { Suppression, SuppressionPreview, SuppressionSettings } from "../api/types";
import { SeverityBar } from "../components/Bars";
import { ConfirmDelete } from "../components/ConfirmDelete";
import { Loading } from "../components/Loading";
import { SeverityMark } from "../components/Marks";
import { Notice } from "../components/Notice";
import { Page } from "../components/Page";
import { Panel } from "../components/Panel";
import { Reading } from "../components/Reading";
import { Trouble } from "../components/Trouble";
import { useMay } from "../session";
import { count, total } from "../words";
import { CriteriaEditor } from "./rule/CriteriaEditor";
import { type Group as CriteriaGroup, readCriteria, writeCriteria } from "./rule/criteria";

const ABOVE = [{ label: "Suppression", to: "/suppression" }];

export function NewSuppressionPage() {
	return (
		<Page title="New suppression rule" above={ABOVE}>
			<SuppressionForm />
		</Page>
	);
}

export function SuppressionPage() {
	const { id = "" } = useParams();
	const { data: rule, isPending, error, refetch } = useQuery(suppressionQuery(id));
	return (
		<Page title={rule?.name ?? "Suppression rule"} above={ABOVE} about={rule && `Version ${rule.version}: ${rule.about}`}>
			{!rule && <Reading of={{ isPending, error, refetch }} />}
			{rule && <SuppressionForm key={rule.version} rule={rule} />}
		</Page>
	);
}

/** A rule is saved only after it has shown what it would suppress. */
function SuppressionForm({ rule }: { rule?: Suppression }) {
	const client = useQueryClient();
	const navigate = useNavigate();
	const manager = useMay("security_manager");
	const [deleting, remove] = useDisclosure(false);
	const facts = useQuery(ruleFacts);
	const known = useMemo(() => facts.data ?? [], [facts.data]);
	const [root, setRoot] = useState<CriteriaGroup>(() => readCriteria(rule?.criteria));
	const [rest, setRest] = useState<Omit<SuppressionSettings, "criteria">>({
		name: rule?.name ?? "",
		reason: rule?.reason ?? "",
		enabled: rule?.enabled ?? true,
		until: rule?.until,
	});
	const [sure, setSure] = useState(false);
	const settings = useMemo<SuppressionSettings>(() => ({ ...rest, criteria: writeCriteria(root, known) }), [rest, root, known]);
	const preview = useMutation({
		mutationFn: () =>
			ask(api.POST("/api/v1/suppressions/preview", { body: settings, params: { query: rule ? { rule: rule.id } : {} } })),
	});
	const save = useMutation({
		mutationFn: () => {
			const query = { confirm: sure };
			return rule
				? ask(api.PUT("/api/v1/suppressions/{id}", { params: { path: { id: rule.id }, query }, body: settings }))
				: ask(api.POST("/api/v1/suppressions", { params: { query }, body: settings }));
		},
		onSuccess: () => {
			for (const word of ["configuration", "finding", "ticket"]) client.invalidateQueries({ queryKey: [word] });
			navigate("/suppression");
		},
	});
	const change = (part: Partial<SuppressionSettings>) => {
		preview.reset();
		setSure(false);
		setRest((old) => ({ ...old, ...part }));
	};
	const submit = (event: FormEvent) => {
		event.preventDefault();
		preview.mutate();
	};
	const wide = preview.data?.needs_confirmation ?? false;
	return (
		<>
			<form onSubmit={submit}>
				<fieldset disabled={!manager} style={{ border: 0, padding: 0, margin: 0 }}>
					<Panel>
						<Stack gap={12} maw={900}>
							<TextInput
								label="Name"
								required
								maxLength={200}
								value={rest.name}
								onChange={(event) => change({ name: event.currentTarget.value })}
							/>
							<Textarea
								label="Reason"
								description="It is shown on each finding that the rule suppresses."
								required
								autosize
								minRows={2}
								maxLength={1000}
								value={rest.reason}
								onChange={(event) => change({ reason: event.currentTarget.value })}
							/>
							{facts.isPending ? (
								<Loading />
							) : (
								<CriteriaEditor
									root={root}
									facts={known}
									problems={[]}
									change={(next) => {
										preview.reset();
										setSure(false);
										setRoot(next);
									}}
								/>
							)}
							<Trouble error={facts.error} retry={() => facts.refetch()} />
							<TextInput
								type="date"
								label="Last day (UTC)"
								maw={240}
								value={rest.until ?? ""}
								onChange={(event) => change({ until: event.currentTarget.value || undefined })}
							/>
							<Switch
								label="In effect"
								checked={rest.enabled ?? true}
								onChange={(event) => change({ enabled: event.currentTarget.checked })}
							/>
							{wide && (
								<Checkbox
									label="More than a quarter of what is open would be suppressed, and that is meant"
									checked={sure}
									onChange={(event) => setSure(event.currentTarget.checked)}
								/>
							)}
							{manager && (
								<Group gap={8}>
									<Button type="submit" variant={preview.isSuccess ? "default" : "filled"} loading={preview.isPending}>
										Show what it would suppress
									</Button>
									<Button
										type="button"
										onClick={() => save.mutate()}
										disabled={!preview.isSuccess || (wide && !sure)}
										loading={save.isPending}
									>
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
				</fieldset>
			</form>
			<Trouble error={save.error} />
			<Trouble error={preview.error} />
			{preview.data && <Preview preview={preview.data} />}
			{rule && <DeleteSuppression rule={rule} opened={deleting} onClose={remove.close} />}
		</>
	);
}

function Preview({ preview }: { preview: SuppressionPreview }) {
	return (
		<Panel title="What saving it would do now">
			<Stack gap={12} role="status">
				<SimpleGrid cols={{ base: 1, sm: 2 }}>
					<div>
						<Text size="sm">
							<b>{count(total(preview.suppress), "finding")}</b> of {preview.open} open would be suppressed
						</Text>
						<SeverityBar counts={preview.suppress} />
					</div>
					<div>
						<Text size="sm">
							<b>{count(total(preview.come_back), "finding")}</b> would come back
						</Text>
						<SeverityBar counts={preview.come_back} />
					</div>
				</SimpleGrid>
				<Text size="sm" c="dimmed">
					{count(preview.tickets_closing, "ticket")} would close · {count(preview.decided_by_people, "finding")} that people
					decided about stay as they are
				</Text>
				{preview.needs_confirmation && (
					<Notice tone="warn" title="That is more than a quarter of what is open">
						Narrow the criteria, or say that it is meant.
					</Notice>
				)}
				{preview.examples.length > 0 && (
					<Stack gap={4} component="ul" style={{ listStyle: "none", margin: 0, padding: 0 }} aria-label="Examples">
						{preview.examples.map((example) => (
							<li key={example.id}>
								<Group gap={8} wrap="nowrap">
									<SeverityMark severity={example.severity} />
									<span style={{ minWidth: 0, overflowWrap: "anywhere" }}>
										<Link to={`/findings/${example.id}`}>{example.title}</Link> ({example.asset})
									</span>
								</Group>
							</li>
						))}
					</Stack>
				)}
			</Stack>
		</Panel>
	);
}

function DeleteSuppression({ rule, opened, onClose }: { rule: Suppression; opened: boolean; onClose: () => void }) {
	const removal = useQuery({ ...suppressionRemoval(rule.id), enabled: opened });
	return (
		<ConfirmDelete
			name={`the suppression rule ${rule.name}`}
			opened={opened}
			onClose={onClose}
			remove={() => ask(api.DELETE("/api/v1/suppressions/{id}", { params: { path: { id: rule.id } } }))}
			leave={{ to: "/suppression", forget: suppressionQuery(rule.id).queryKey }}
			refresh={["configuration"]}
		>
			{removal.data
				? `${count(total(removal.data.come_back), "finding")} would come back.`
				: "What it suppressed comes back, unless another rule matches it."}
		</ConfirmDelete>
	);
}
