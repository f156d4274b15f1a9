import { Button, Group, Stack, Text } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useParams, useSearchParams } from "react-router";
import { api, ask } from "../api/client";
import { connection as connectionQuery, destinations, rules } from "../api/queries";
import type { Connection, Destination, NewDestination, SeverityMap } from "../api/types";
import { CheckSteps } from "../components/CheckSteps";
import { Loading } from "../components/Loading";
import { ToneMark } from "../components/Marks";
import { Notice } from "../components/Notice";
import { Page } from "../components/Page";
import { Panel } from "../components/Panel";
import { PlanView } from "../components/PlanView";
import { Trouble } from "../components/Trouble";
import { useMay } from "../session";
import { boundTo } from "../words";
import { Hooks } from "./connection/Hooks";
import { asDraft } from "./Destination";
import { DestinationForm } from "./DestinationForm";
import { SeverityMapEditor } from "./destination/SeverityMapEditor";
import { SettingUp } from "./setup/SettingUp";
import { STEPS, type Step, stepsDone } from "./setup/steps";

/** The usual values, shown until somebody decides. */
const USUAL: SeverityMap = {
	critical: { priority: 1, severity: "1 - Critical" },
	high: { priority: 2, severity: "2 - High" },
	medium: { priority: 3, severity: "3 - Medium" },
	low: { priority: 4, severity: "4 - Low" },
	info: { priority: 4, severity: "4 - Low" },
};

/** Step by step from a connection to work items. Where it stands is read from what there is, so it can be left at any time. */
export function SetupPage() {
	const { id = "" } = useParams();
	const [params, setParams] = useSearchParams();
	const administrator = useMay("administrator");
	const { data: connection, error, refetch } = useQuery(connectionQuery(id));
	const { data: places } = useQuery(destinations);
	const { data: known } = useQuery(rules);
	const check = useMutation({ mutationFn: () => ask(api.POST("/api/v1/connections/{id}/check", { params: { path: { id } } })) });
	const above = [
		{ label: "Integrations", to: "/integrations" },
		...(connection ? [{ label: connection.name, to: `/connections/${id}` }] : []),
	];
	if (!connection || !places || !known)
		return (
			<Page title="Set up" above={above}>
				<Panel>{error ? <Trouble error={error} retry={() => refetch()} /> : <Loading />}</Panel>
			</Page>
		);
	const own = places.items.filter((place) => place.connection.id === id);
	const done = stepsDone(connection, own, known.items);
	const asked = STEPS.find((step) => step.name === params.get("step"));
	const step = asked ?? STEPS.find((step) => !done.has(step.name)) ?? STEPS[STEPS.length - 1];
	const goTo = (next: Step) => setParams({ step: next });
	if (!step) return null;
	return (
		<Page
			title={`Set up ${connection.name}`}
			above={above}
			about="It can be left and resumed at any time."
			actions={
				<Button variant="default" onClick={() => check.mutate()} loading={check.isPending}>
					Check connection
				</Button>
			}
		>
			<SettingUp done={done} current={step.name} connection={id} />
			{check.error && <Trouble error={check.error} />}
			{check.data && (
				<Panel title="Check">
					<CheckSteps check={check.data} />
				</Panel>
			)}
			{!administrator && <Notice tone="warn" title="Only an administrator can set this up." />}
			{step.name === "severities" && <Severities connection={connection} next={() => goTo("destination")} />}
			{step.name === "destination" && <Destinations connection={connection} own={own} next={() => goTo("statuses")} />}
			{step.name === "statuses" && <Statuses own={own} next={() => goTo("webhook")} />}
			{step.name === "webhook" && (
				<Panel title="How changes on the board arrive">
					<Hooks connection={connection} />
					<Group mt={14}>
						<Button onClick={() => goTo("rule")}>Continue</Button>
					</Group>
				</Panel>
			)}
			{step.name === "rule" && <FirstRule connection={connection} rules={known.items} />}
		</Page>
	);
}

function Severities({ connection, next }: { connection: Connection; next: () => void }) {
	const client = useQueryClient();
	const [map, setMap] = useState<SeverityMap>(connection.severity_map ?? USUAL);
	const save = useMutation({
		mutationFn: () =>
			ask(api.PATCH("/api/v1/connections/{id}", { params: { path: { id: connection.id } }, body: { severity_map: map } })),
		onSuccess: (saved) => {
			client.setQueryData(connectionQuery(connection.id).queryKey, saved);
			client.invalidateQueries({ queryKey: ["connection"] });
			next();
		},
	});
	return (
		<Panel title="Severity map">
			<Text size="sm" c="dimmed" mb={8}>
				How severe findings are said on work items. New destinations begin with it; each may say it differently.
			</Text>
			<SeverityMapEditor map={map} hasSeverityField change={setMap} />
			<Trouble error={save.error} />
			<Group mt={14}>
				<Button onClick={() => save.mutate()} loading={save.isPending}>
					Save and continue
				</Button>
			</Group>
		</Panel>
	);
}

type OwnProps = { connection: Connection; own: readonly Destination[]; next: () => void };

function Destinations({ connection, own, next }: OwnProps) {
	const [adding, setAdding] = useState(own.length === 0);
	const hasDefault = own.some((place) => place.binding.kind === "default");
	const start: NewDestination = {
		connection_id: connection.id,
		binding: hasDefault ? { kind: "asset", asset: "" } : { kind: "default" },
		project: "",
		work_item_type: "",
	};
	return (
		<>
			{own.length > 0 && (
				<Panel title="Destinations">
					<ul style={{ margin: "0 0 10px", paddingLeft: 20 }}>
						{own.map((place) => (
							<li key={place.id}>
								<Link to={`/destinations/${place.id}`}>{place.name}</Link> for {boundTo(place.binding)}
							</li>
						))}
					</ul>
					<Group gap={8}>
						<Button onClick={next}>Continue</Button>
						{!adding && (
							<Button variant="default" onClick={() => setAdding(true)}>
								Add another
							</Button>
						)}
					</Group>
				</Panel>
			)}
			{adding && (
				<DestinationForm
					key={own.length}
					start={start}
					onSaved={() => {
						setAdding(false);
						if (own.length === 0) next();
					}}
				/>
			)}
		</>
	);
}

function Statuses({ own, next }: { own: readonly Destination[]; next: () => void }) {
	const [chosen, choose] = useState(own[0]?.id);
	const place = own.find((place) => place.id === chosen) ?? own[0];
	if (!place)
		return (
			<Notice tone="warn" title="There is no destination yet">
				The status map belongs to a destination: <Link to="?step=destination">add one first</Link>.
			</Notice>
		);
	return (
		<Stack gap={14}>
			{own.length > 1 && (
				<Group gap={8} role="group" aria-label="Destination">
					{own.map((other) => (
						<Button
							key={other.id}
							variant={other.id === place.id ? "filled" : "default"}
							aria-pressed={other.id === place.id}
							onClick={() => choose(other.id)}
						>
							{other.name}
						</Button>
					))}
				</Group>
			)}
			<DestinationForm key={place.id} id={place.id} start={asDraft(place)} only="statuses" onSaved={next} />
		</Stack>
	);
}

function FirstRule({ connection, rules: known }: { connection: Connection; rules: readonly { id: string; name: string }[] }) {
	const client = useQueryClient();
	const body = { name: "Everything identified" };
	const plan = useMutation({ mutationFn: () => ask(api.POST("/api/v1/rules/plan", { body })) });
	const save = useMutation({
		mutationFn: () => ask(api.POST("/api/v1/rules", { body })),
		onSuccess: () => client.invalidateQueries({ queryKey: ["configuration"] }),
	});
	if (known.length > 0)
		return (
			<Panel title="What makes work items">
				<Text size="sm">
					{known.length === 1 ? "This rule decides" : "These rules decide"} which findings get one:{" "}
					{known.map((rule, index) => (
						<span key={rule.id}>
							{index > 0 && ", "}
							<Link to={`/rules/${rule.id}`}>{rule.name}</Link>
						</span>
					))}
					.
				</Text>
				<Text size="sm" mt={8}>
					<ToneMark tone="good">Everything is set up.</ToneMark>
				</Text>
				<Group mt={14} gap={8}>
					<Button component={Link} to={`/connections/${connection.id}`}>
						Done
					</Button>
					<Button component={Link} to="/plan" variant="default">
						Show the plan
					</Button>
				</Group>
			</Panel>
		);
	return (
		<>
			<Panel title="What makes work items">
				<Text size="sm">
					Nothing becomes a work item without a rule that says so. The usual first one is “Everything identified”: each identified
					finding gets a work item at its destination. It is a rule like any other, to be narrowed or switched off later.
				</Text>
				<Trouble error={plan.error ?? save.error} />
				<Group mt={14} gap={8}>
					<Button onClick={() => plan.mutate()} loading={plan.isPending} variant={plan.data ? "default" : "filled"}>
						Show what it would do
					</Button>
					<Button onClick={() => save.mutate()} loading={save.isPending} disabled={!plan.data}>
						Save the rule
					</Button>
					<Button component={Link} to="/rules/new" variant="subtle">
						Make another rule
					</Button>
				</Group>
			</Panel>
			{plan.data && (
				<Panel title="What saving it would do now">
					<PlanView plan={plan.data} />
				</Panel>
			)}
		</>
	);
}
