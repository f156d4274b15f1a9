import { Anchor, Button, Group, Stack, Text } from "@mantine/core";
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { api, ask } from "../api/client";
import { findings, ticketLog, ticket as ticketQuery } from "../api/queries";
import type { Ticket } from "../api/types";
import { ChosenBar } from "../components/ChosenBar";
import { Empty } from "../components/Empty";
import { Facts } from "../components/Facts";
import { FieldChanges } from "../components/FieldChanges";
import { JobProgress } from "../components/JobProgress";
import { List, More, useChoice } from "../components/List";
import { Loading } from "../components/Loading";
import { HealthMark, SeverityMark, StatusMark } from "../components/Marks";
import { Page } from "../components/Page";
import { Panel } from "../components/Panel";
import { Reading } from "../components/Reading";
import { ReconcileSummary } from "../components/ReconcileSummary";
import { Time } from "../components/Time";
import { Timeline } from "../components/Timeline";
import { Trouble } from "../components/Trouble";
import { useMay } from "../session";
import { count, HEALTH_MEANS, HEALTH_TONE } from "../words";
import { TicketActions } from "./by-hand/TicketActions";
import { Repairs } from "./Repairs";
import classes from "./Ticket.module.css";
import { Attachments } from "./ticket/Attachments";
import { Comments } from "./ticket/Comments";
import { Conflicts } from "./ticket/Conflicts";

const ABOVE = [{ label: "Tickets", to: "/tickets" }];

/** Our record of one work item: how it is, what to do, what happened. */
export function TicketPage() {
	const { id = "" } = useParams();
	const client = useQueryClient();
	const analyst = useMay("analyst");
	const [job, setJob] = useState<string>();
	const { data: ticket, isPending, error, refetch } = useQuery(ticketQuery(id));
	const retry = useMutation({
		mutationFn: () => ask(api.POST("/api/v1/tickets/{id}/retry", { params: { path: { id } } })),
		onSuccess: (saved) => client.setQueryData(ticketQuery(id).queryKey, saved),
	});
	const reconcile = useMutation({
		mutationFn: () => ask(api.POST("/api/v1/reconcile", { body: { ticket: id } })),
		onSuccess: (started) => setJob(started.id),
	});

	if (isPending || !ticket)
		return (
			<Page title="Ticket" above={ABOVE}>
				<Reading of={{ isPending, error, refetch }} lines={10} />
			</Page>
		);

	const stuck = ticket.health === "parked" || ticket.health === "retrying" || ticket.health === "missing";
	return (
		<Page
			title={ticket.title}
			above={ABOVE}
			about={
				<Group gap={14} mt={4} c="var(--mantine-color-text)">
					<HealthMark health={ticket.health} />
					<StatusMark status={ticket.status} />
					<span>{count(ticket.findings, "finding")}</span>
				</Group>
			}
			actions={
				analyst && (
					<>
						{stuck && (
							<Button variant="default" onClick={() => retry.mutate()} loading={retry.isPending}>
								Try again
							</Button>
						)}
						<Button onClick={() => reconcile.mutate()} loading={reconcile.isPending}>
							Reconcile now
						</Button>
					</>
				)
			}
		>
			<Trouble error={retry.error ?? reconcile.error} />
			{job && (
				<Panel title="Reconcile">
					<JobProgress key={job} id={job} label="Reconcile">
						{(done) => done.reconcile && <ReconcileSummary result={done.reconcile} />}
					</JobProgress>
				</Panel>
			)}
			<div className="with-aside">
				<Health ticket={ticket} />
				<Stack gap={14}>
					<WorkItem ticket={ticket} />
					{analyst && <TicketActions ticket={ticket} />}
					<Panel title="Where it belongs">
						<Facts
							facts={[
								["Connection", <Link to={`/connections/${ticket.connection.id}`}>{ticket.connection.name}</Link>],
								["Destination", <Link to={`/destinations/${ticket.destination.id}`}>{ticket.destination.name}</Link>],
								["Rules", <RuleLinks rules={ticket.rules} />],
								["Compared", ticket.synced_at ? <Time at={ticket.synced_at} /> : "never"],
								["Made", <Time at={ticket.created_at} />],
							]}
						/>
					</Panel>
				</Stack>
				<Stack gap={14}>
					<Comments id={id} />
					<Attachments id={id} />
					<Members id={id} />
					<Log id={id} />
				</Stack>
			</div>
		</Page>
	);
}

/** The rules that make the ticket what it is, the leading one first. */
function RuleLinks({ rules }: Pick<Ticket, "rules">) {
	if (rules.length === 0) return "none";
	return rules.map((rule, at) => (
		<span key={rule.id}>
			{at > 0 && ", "}
			<Link to={`/rules/${rule.id}`}>{rule.name}</Link>
		</span>
	));
}

function Health({ ticket }: { ticket: Ticket }) {
	const analyst = useMay("analyst");
	return (
		<Panel title="How it is">
			<div className={classes.health} data-tone={HEALTH_TONE[ticket.health]}>
				<Text size="sm" fw={600} className="prewrap">
					{ticket.problem ?? HEALTH_MEANS[ticket.health]}
				</Text>
				{ticket.problem && (
					<Text size="sm" c="dimmed">
						{HEALTH_MEANS[ticket.health]}
					</Text>
				)}
				{ticket.next_step && (
					<Text size="sm" mt={4} className="prewrap">
						{ticket.next_step}
					</Text>
				)}
				{analyst && <Repairs ticket={ticket} />}
				{ticket.attempts > 0 && (
					<Text size="sm" c="dimmed" mt={4}>
						{count(ticket.attempts, "failed try", "failed tries")}
						{ticket.next_attempt_at && (
							<>
								; tried next <Time at={ticket.next_attempt_at} />
							</>
						)}
					</Text>
				)}
			</div>
			<Conflicts ticket={ticket} />
		</Panel>
	);
}

function WorkItem({ ticket }: { ticket: Ticket }) {
	const item = ticket.work_item;
	return (
		<Panel title="Work item">
			{item ? (
				<Facts
					facts={[
						[
							item.work_item_type,
							<Anchor href={item.url} target="_blank" rel="noopener noreferrer" size="sm" underline="always">
								#{item.id} on the board
							</Anchor>,
						],
						["State", item.state],
						["Column", item.column],
						["Lane", item.lane],
						["Assignee", item.assignee ?? "nobody"],
						["Due", item.due_date?.slice(0, 10)],
						["Iteration", item.iteration],
						["Comments", item.comments > 0 && String(item.comments)],
						["Revision", String(item.revision)],
					]}
				/>
			) : (
				<Text size="sm" c="dimmed">
					Not created yet.
				</Text>
			)}
		</Panel>
	);
}

function Members({ id }: { id: string }) {
	const client = useQueryClient();
	const navigate = useNavigate();
	const analyst = useMay("analyst");
	const choice = useChoice();
	const split = useMutation({
		mutationFn: () =>
			ask(api.POST("/api/v1/tickets/{id}/split", { params: { path: { id } }, body: { findings: [...choice.chosen] } })),
		onSuccess: (ticket) => {
			client.invalidateQueries({ queryKey: ["ticket"] });
			client.invalidateQueries({ queryKey: ["finding"] });
			choice.clear();
			navigate(`/tickets/${ticket.id}`);
		},
	});
	const query = useInfiniteQuery(findings({ ticket: id }));
	const rows = query.data?.pages.flatMap((page) => page.items) ?? [];
	return (
		<Panel title="Findings" flush>
			{query.isPending && <Loading lines={3} />}
			{query.isError && rows.length === 0 && <Trouble error={query.error} retry={() => query.refetch()} />}
			{query.isSuccess && rows.length === 0 && <Empty title="No findings any more" />}
			{rows.length > 0 && (
				<List
					rows={rows}
					label="Findings of this ticket"
					choice={analyst && rows.length > 1 ? choice : undefined}
					titleHeader="Finding"
					id={(finding) => finding.id}
					to={(finding) => `/findings/${finding.id}`}
					title={(finding) => finding.title}
					about={(finding) => <span className="mono">{finding.place}</span>}
					columns={[
						{ header: "Severity", width: "104px", cell: (finding) => <SeverityMark severity={finding.severity} /> },
						{ header: "Status", width: "186px", cell: (finding) => <StatusMark status={finding.status} /> },
					]}
					card={(finding) => (
						<>
							<SeverityMark severity={finding.severity} />
							<StatusMark status={finding.status} />
						</>
					)}
				/>
			)}
			{query.hasNextPage && <More query={query} />}
			<Trouble error={split.error} />
			<ChosenBar chosen={choice.chosen.size} what="findings" clear={choice.clear}>
				<Button onClick={() => split.mutate()} loading={split.isPending} disabled={choice.chosen.size === rows.length}>
					Give them a work item of their own
				</Button>
			</ChosenBar>
		</Panel>
	);
}

function Log({ id }: { id: string }) {
	const query = useInfiniteQuery(ticketLog(id));
	const entries = query.data?.pages.flatMap((page) => page.items) ?? [];
	return (
		<Panel title="Log">
			{query.isPending && <Loading lines={4} />}
			{query.isError && entries.length === 0 && <Trouble error={query.error} retry={() => query.refetch()} />}
			{query.isSuccess && entries.length === 0 && <Empty title="Nothing happened yet" />}
			<Timeline entries={entries} more={(entry) => <FieldChanges fields={entry.fields} />} />
			{query.hasNextPage && <More query={query} />}
		</Panel>
	);
}
