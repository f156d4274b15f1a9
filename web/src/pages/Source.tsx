import { Button, Group, Radio, Stack, Switch, Text, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { api, ask } from "../api/client";
import { source as sourceQuery, sources } from "../api/queries";
import type { NewFetch, Source } from "../api/types";
import { ConfirmDelete } from "../components/ConfirmDelete";
import { Facts } from "../components/Facts";
import { Notice } from "../components/Notice";
import { Page } from "../components/Page";
import { Panel } from "../components/Panel";
import { Reading } from "../components/Reading";
import { Time } from "../components/Time";
import { Trouble } from "../components/Trouble";
import { useMay } from "../session";
import { number } from "../words";
import { SourceState } from "./Sources";
import { FetchFields } from "./source/FetchFields";
import { PreviewPanel } from "./source/PreviewPanel";
import { type DraftRule, draftRules, newRule, RulesEditor, sentRules } from "./source/RulesEditor";

const ABOVE = [{ label: "Sources", to: "/sources" }];
const NO_FETCH: NewFetch = { tenant: "", client_id: "", client_secret: "", subscriptions: [], every_minutes: 360 };

/** A source is made switched off: its page shows what it would take in before it is fetched. */
export function NewSourcePage() {
	const client = useQueryClient();
	const navigate = useNavigate();
	const [name, setName] = useState("");
	const [kind, setKind] = useState("uploads");
	const [fetch, setFetch] = useState(NO_FETCH);
	const [rules, setRules] = useState<DraftRule[]>(() => [newRule("everything")]);
	const make = useMutation({
		mutationFn: () => {
			const body = { name, fetch: kind === "defender" ? fetch : undefined, rules: sentRules(rules), enabled: false };
			return ask(api.POST("/api/v1/sources", { body }));
		},
		onSuccess: (made) => {
			client.invalidateQueries({ queryKey: sources.queryKey });
			navigate(`/sources/${made.id}`);
		},
	});
	const submit = (event: FormEvent) => {
		event.preventDefault();
		make.mutate();
	};
	return (
		<Page title="New source" above={ABOVE}>
			<form onSubmit={submit}>
				<Stack gap={14}>
					<Panel>
						<Stack gap={12} maw={640}>
							<TextInput
								label="Name"
								description="It stays: imports name it."
								required
								maxLength={100}
								value={name}
								onChange={(event) => setName(event.currentTarget.value)}
							/>
							<Radio.Group label="Its reports" value={kind} onChange={setKind}>
								<Stack gap={6} mt={6}>
									<Radio value="uploads" label="are uploaded by people and pipelines that name it" />
									<Radio value="defender" label="are fetched from Microsoft Defender for Cloud" />
								</Stack>
							</Radio.Group>
							{kind === "defender" && <FetchFields fetch={fetch} change={setFetch} secretKept={false} />}
						</Stack>
					</Panel>
					<Panel title="Rules">
						<RulesEditor rules={rules} change={setRules} />
					</Panel>
					<Trouble error={make.error} />
					<Group>
						<Button type="submit" loading={make.isPending}>
							Save
						</Button>
						<Text size="sm" c="dimmed">
							Then look at a preview. Nothing is fetched before you switch it on.
						</Text>
					</Group>
				</Stack>
			</form>
		</Page>
	);
}

export function SourcePage() {
	const { id = "" } = useParams();
	const { data: source, isPending, error, refetch } = useQuery(sourceQuery(id));
	const administrator = useMay("administrator");
	const [deleting, remove] = useDisclosure(false);
	if (!source)
		return (
			<Page title="Source" above={ABOVE}>
				<Reading of={{ isPending, error, refetch }} lines={8} />
			</Page>
		);
	return (
		<Page
			title={source.name}
			above={ABOVE}
			about={source.fetch ? "Fetched from Microsoft Defender for Cloud" : "Its reports are uploaded"}
			actions={
				administrator && (
					<>
						{source.fetch && source.enabled && <FetchNow source={source} />}
						<Button variant="subtle" color="red" c="var(--ls-bad)" onClick={remove.open}>
							Delete
						</Button>
					</>
				)
			}
		>
			{source.problem && (
				<Notice tone="bad" title="It could not be fetched" role="status">
					{source.problem}
				</Notice>
			)}
			{source.fetch && <Runs source={source} administrator={administrator} />}
			<SourceForm key={source.version} source={source} administrator={administrator} />
			<ConfirmDelete
				name={`the source ${source.name}`}
				opened={deleting}
				onClose={remove.close}
				remove={() => ask(api.DELETE("/api/v1/sources/{id}", { params: { path: { id: source.id } } }))}
				leave={{ to: "/sources", forget: sourceQuery(source.id).queryKey }}
				refresh={sources.queryKey}
			>
				Its assets, scans and findings stay. Uploads that name it are refused.
			</ConfirmDelete>
		</Page>
	);
}

function FetchNow({ source }: { source: Source }) {
	const client = useQueryClient();
	const run = useMutation({
		mutationFn: () => ask(api.POST("/api/v1/sources/{id}/run", { params: { path: { id: source.id } } })),
		onSettled: () => client.invalidateQueries({ queryKey: sources.queryKey }),
	});
	return (
		<>
			<Trouble error={run.error} />
			<Button variant="default" onClick={() => run.mutate()} loading={run.isPending || source.running}>
				Fetch now
			</Button>
		</>
	);
}

/** How often it is fetched, and how that went. */
function Runs({ source, administrator }: { source: Source; administrator: boolean }) {
	const client = useQueryClient();
	const set = useMutation({
		mutationFn: (enabled: boolean) =>
			ask(api.PATCH("/api/v1/sources/{id}", { params: { path: { id: source.id } }, body: { enabled, version: source.version } })),
		onSuccess: (saved) => client.setQueryData(sourceQuery(saved.id).queryKey, saved),
		onSettled: () => client.invalidateQueries({ queryKey: sources.queryKey }),
	});
	return (
		<Panel title="Runs" actions={<SourceState source={source} />}>
			<Stack gap={10}>
				<Switch
					label="Fetch it by itself"
					checked={source.enabled}
					disabled={!administrator || set.isPending}
					onChange={(event) => set.mutate(event.currentTarget.checked)}
				/>
				<Facts
					facts={[
						["Next", source.due_at && <Time at={source.due_at} />],
						["Last", source.last_run && <Time at={source.last_run.started_at} />],
						["Rows", source.last_run && number(source.last_run.rows)],
						["Its scans", source.last_run && <Link to="/scans">on the page of scans</Link>],
					]}
				/>
				<Trouble error={set.error} />
			</Stack>
		</Panel>
	);
}

function SourceForm({ source, administrator }: { source: Source; administrator: boolean }) {
	const client = useQueryClient();
	const [fetch, setFetch] = useState<NewFetch | undefined>(source.fetch ? { ...source.fetch, client_secret: "" } : undefined);
	const [rules, setRules] = useState(() => draftRules(source.rules));
	const save = useMutation({
		mutationFn: () => {
			// A blank secret is none: the old one stays.
			const sent = fetch && { ...fetch, client_secret: fetch.client_secret || undefined };
			const body = { fetch: sent, rules: sentRules(rules), version: source.version };
			return ask(api.PATCH("/api/v1/sources/{id}", { params: { path: { id: source.id } }, body }));
		},
		onSuccess: (saved) => {
			client.setQueryData(sourceQuery(saved.id).queryKey, saved);
			client.invalidateQueries({ queryKey: sources.queryKey });
		},
	});
	const submit = (event: FormEvent) => {
		event.preventDefault();
		save.mutate();
	};
	return (
		<>
			<form onSubmit={submit}>
				<fieldset disabled={!administrator} style={{ border: 0, padding: 0, margin: 0 }}>
					<Stack gap={14}>
						{fetch && (
							<Panel title="Where it is fetched from">
								<Stack maw={640}>
									<FetchFields fetch={fetch} change={setFetch} secretKept />
								</Stack>
							</Panel>
						)}
						<Panel title="Rules">
							<RulesEditor rules={rules} change={setRules} />
						</Panel>
						<Trouble error={save.error} />
						{administrator && (
							<div>
								<Button type="submit" loading={save.isPending}>
									Save
								</Button>
							</div>
						)}
					</Stack>
				</fieldset>
			</form>
			<PreviewPanel source={source} rules={sentRules(rules)} />
		</>
	);
}
