import { Button, Group, Modal, Stack } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Link, useParams } from "react-router";
import { api, ask } from "../api/client";
import { connection as connectionQuery, deletion, destinations } from "../api/queries";
import { useBeginSignIn } from "../api/signIn";
import type { Connection, ConnectionChange } from "../api/types";
import { CheckSteps } from "../components/CheckSteps";
import { ConfirmDelete } from "../components/ConfirmDelete";
import { Empty } from "../components/Empty";
import { Facts } from "../components/Facts";
import { List } from "../components/List";
import { Loading } from "../components/Loading";
import { Notice } from "../components/Notice";
import { Page } from "../components/Page";
import { Panel } from "../components/Panel";
import { Reading } from "../components/Reading";
import { EMPTY_TOKEN, isComplete, type SignInDraft, SignInFields } from "../components/SignInFields";
import { Time } from "../components/Time";
import { Trouble } from "../components/Trouble";
import { useMay } from "../session";
import { boundTo, count, lag, number, signsInWith } from "../words";
import { ConnectionMark } from "./Connections";
import { Hooks } from "./connection/Hooks";
import { Unfinished } from "./setup/Unfinished";

const ABOVE = [{ label: "Connections", to: "/connections" }];

/** One connection: how it is, how changes arrive, where its work items go. */
export function ConnectionPage() {
	const { id = "" } = useParams();
	const client = useQueryClient();
	const analyst = useMay("analyst");
	const administrator = useMay("administrator");
	const { data: connection, isPending, error, refetch } = useQuery(connectionQuery(id));
	const check = useMutation({ mutationFn: () => ask(api.POST("/api/v1/connections/{id}/check", { params: { path: { id } } })) });
	const change = useMutation({
		mutationFn: (body: ConnectionChange) => ask(api.PATCH("/api/v1/connections/{id}", { params: { path: { id } }, body })),
		onSuccess: (saved) => {
			client.setQueryData(connectionQuery(id).queryKey, saved);
			client.invalidateQueries({ queryKey: ["connection"] });
		},
	});
	const [replacing, replace] = useDisclosure(false);
	const [deleting, remove] = useDisclosure(false);

	if (isPending || !connection)
		return (
			<Page title="Connection" above={ABOVE}>
				<Reading of={{ isPending, error, refetch }} />
			</Page>
		);

	return (
		<Page
			title={connection.name}
			above={ABOVE}
			about={<ConnectionMark connection={connection} />}
			actions={
				<>
					{administrator && (
						<Button
							variant="default"
							onClick={() => change.mutate({ mode: connection.mode === "active" ? "paused" : "active" })}
							loading={change.isPending}
						>
							{connection.mode === "active" ? "Pause" : "Resume"}
						</Button>
					)}
					{administrator && connection.mode === "active" && (
						<Button variant="default" onClick={() => change.mutate({ mode: "shadow" })} loading={change.isPending}>
							Shadow mode
						</Button>
					)}
					{analyst && (
						<Button onClick={() => check.mutate()} loading={check.isPending}>
							Check connection
						</Button>
					)}
				</>
			}
		>
			{connection.problem && (
				<Notice tone="bad" title="It does nothing at the moment">
					<span className="prewrap">{connection.problem}</span>
					{administrator && connection.sign_in.method === "person" && (
						<Group mt={8}>
							<SignInAgain connection={connection} />
						</Group>
					)}
				</Notice>
			)}
			<Unfinished connection={connection} />
			{connection.mode === "shadow" && (
				<Notice tone="warn" title="Shadow mode: it is said what would happen, and nothing is done.">
					Neither is anything written to the board, nor is a card followed. The <Link to="/plan">plan</Link> shows what happens
					when it ends.
				</Notice>
			)}
			{connection.mode === "paused" && <Notice tone="warn" title="Paused: the board is read, nothing is written." />}
			<Trouble error={change.error ?? check.error} />
			{check.data && (
				<Panel title="Check">
					<CheckSteps check={check.data} />
				</Panel>
			)}
			<div className="grid2">
				<Stack gap={14}>
					<Destinations connection={connection} />
					<Panel title="How changes on the board arrive">
						<Hooks connection={connection} />
					</Panel>
				</Stack>
				<Panel title="Facts">
					<Facts
						facts={[
							["Organization", connection.organization],
							["Instance", connection.instance_url],
							["Signs in with", signsInWith(connection.sign_in)],
							["Last contact", connection.last_contact_at ? <Time at={connection.last_contact_at} /> : "never"],
							["Changes are read of", connection.feed === "projects" ? "each project (more is not allowed)" : "the organization"],
							["Board moves followed after", lag(connection.lag)],
							["Made", <Time at={connection.created_at} />],
							["Remark", connection.description],
						]}
					/>
					{administrator && (
						<Group gap={8} mt={14}>
							{connection.sign_in.method === "person" && !connection.problem && <SignInAgain connection={connection} />}
							<Button variant="default" onClick={replace.open}>
								Replace sign-in
							</Button>
							<Button variant="subtle" color="red" c="var(--ls-bad)" onClick={remove.open}>
								Delete
							</Button>
						</Group>
					)}
				</Panel>
			</div>
			<Modal opened={replacing} onClose={replace.close} title="Replace sign-in">
				<ReplaceSignIn
					connection={connection}
					save={(sign_in) => change.mutate({ sign_in }, { onSuccess: replace.close })}
					busy={change.isPending}
					error={change.error}
				/>
			</Modal>
			<DeleteConnection connection={connection} opened={deleting} onClose={remove.close} />
		</Page>
	);
}

function Destinations({ connection }: { connection: Connection }) {
	const administrator = useMay("administrator");
	const { data, isPending, error, refetch } = useQuery(destinations);
	const rows = data?.items.filter((destination) => destination.connection.id === connection.id) ?? [];
	const add = administrator && (
		<Button
			component={Link}
			to={`/connections/${connection.id}/destinations/new`}
			variant={rows.length > 0 ? "default" : "filled"}
		>
			Add a destination
		</Button>
	);
	return (
		<Panel title="Destinations" actions={rows.length > 0 && add} flush>
			{isPending && <Loading lines={3} />}
			{error && !data && <Trouble error={error} retry={() => refetch()} />}
			{data && rows.length === 0 && (
				<Empty title="No work items go here yet" action={add}>
					A destination names the project, team and board that get them.
				</Empty>
			)}
			{rows.length > 0 && (
				<List
					rows={rows}
					label="Destinations"
					titleHeader="Destination"
					id={(row) => row.id}
					to={(row) => `/destinations/${row.id}`}
					title={(row) => row.name || `${row.project} ${row.work_item_type}`}
					about={(row) =>
						row.drift?.problems[0]?.message ?? [row.project, row.team, row.board, row.work_item_type].filter(Boolean).join(" · ")
					}
					columns={[
						{ header: "For", width: "30%", cell: (row) => boundTo(row.binding) },
						{
							header: "Created today",
							width: "112px",
							align: "right",
							cell: (row) => `${number(row.created_today)} / ${number(row.daily_budget ?? 200)}`,
						},
					]}
					card={(row) => <span>{boundTo(row.binding)}</span>}
				/>
			)}
		</Panel>
	);
}

/** Goes through Microsoft's pages again with the application that is known. */
function SignInAgain({ connection }: { connection: Connection }) {
	const begin = useBeginSignIn();
	return (
		<>
			<Button onClick={() => begin.mutate({ connection_id: connection.id })} loading={begin.isPending}>
				Sign in with Microsoft again
			</Button>
			<Trouble error={begin.error} />
		</>
	);
}

type ReplaceProps = {
	connection: Connection;
	save: (signIn: NonNullable<ConnectionChange["sign_in"]>) => void;
	busy: boolean;
	error: unknown;
};

function ReplaceSignIn({ connection, save, busy, error }: ReplaceProps) {
	const [draft, setDraft] = useState<SignInDraft>(EMPTY_TOKEN);
	const begin = useBeginSignIn();
	const submit = (event: FormEvent) => {
		event.preventDefault();
		if (draft.method === "person") {
			const { method: _, ...application } = draft;
			begin.mutate({ connection_id: connection.id, application });
		} else save(draft);
	};
	return (
		<form onSubmit={submit}>
			<Stack gap={12}>
				<SignInFields value={draft} onChange={setDraft} />
				<Trouble error={error ?? begin.error} />
				<Group justify="flex-end">
					<Button type="submit" disabled={!isComplete(draft)} loading={busy || begin.isPending}>
						{draft.method === "person" ? "Continue to Microsoft" : "Replace"}
					</Button>
				</Group>
			</Stack>
		</form>
	);
}

function DeleteConnection({ connection, opened, onClose }: { connection: Connection; opened: boolean; onClose: () => void }) {
	const { data: loss } = useQuery({ ...deletion(connection.id), enabled: opened });
	return (
		<ConfirmDelete
			name={connection.name}
			opened={opened}
			onClose={onClose}
			remove={() => ask(api.DELETE("/api/v1/connections/{id}", { params: { path: { id: connection.id } } }))}
			leave={{ to: "/connections", forget: connectionQuery(connection.id).queryKey }}
			refresh={["connection"]}
		>
			{loss ? (
				<>
					{loss.destinations.length > 0
						? `${count(loss.destinations.length, "destination")} (${loss.destinations.join(", ")}) and ${count(loss.tickets, "ticket")} go with it.`
						: "It has no destinations."}{" "}
					{loss.work_items > 0 &&
						`${count(loss.work_items, "work item")}, ${number(loss.open_work_items)} of them open, stay on the board and are kept in step by nobody.`}
				</>
			) : (
				"Its destinations go with it, and its tickets are no longer kept in step. Work items on the board stay as they are."
			)}
		</ConfirmDelete>
	);
}
