import { Button, Group, Switch, Text } from "@mantine/core";
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useSearchParams } from "react-router";
import { api, ask } from "../api/client";
import { alarms, breakers } from "../api/queries";
import type { Alarm, Breaker } from "../api/types";
import { Empty } from "../components/Empty";
import { More } from "../components/List";
import { Loading } from "../components/Loading";
import { Notice } from "../components/Notice";
import { Page } from "../components/Page";
import { Panel } from "../components/Panel";
import { Time } from "../components/Time";
import { Trouble } from "../components/Trouble";
import { useMay } from "../session";
import { ALARM, count, STROKE } from "../words";
import { Targets } from "./alarms/Targets";
import classes from "./Tokens.module.css";

/** What a person should know: alarms, what breakers hold back, and where alarms are sent. */
export function AlarmsPage() {
	const [params, setParams] = useSearchParams();
	const all = params.get("all") === "true";
	const query = useInfiniteQuery(alarms(all));
	const administrator = useMay("administrator");
	const rows = query.data?.pages.flatMap((page) => page.items) ?? [];
	return (
		<Page title="Alarms" about="What a person should know. Each stays until its cause is gone">
			<Held />
			<Panel
				title="Alarms"
				flush
				actions={
					<Switch
						label="Also those that are over"
						checked={all}
						onChange={(event) => setParams(event.currentTarget.checked ? { all: "true" } : {}, { replace: true })}
					/>
				}
			>
				{query.isPending && <Loading />}
				{query.isError && rows.length === 0 && <Trouble error={query.error} retry={() => query.refetch()} />}
				{query.data && rows.length === 0 && (
					<Empty title="No alarms">Here it says when something waits for a person, until it does not any more.</Empty>
				)}
				<ul className={classes.tokens} aria-label="Alarms">
					{rows.map((alarm) => (
						<AlarmRow key={alarm.id} alarm={alarm} />
					))}
				</ul>
				{rows.length > 0 && <More query={query} />}
			</Panel>
			{administrator && <Targets />}
		</Page>
	);
}

function AlarmRow({ alarm }: { alarm: Alarm }) {
	const client = useQueryClient();
	const analyst = useMay("analyst");
	const acknowledge = useMutation({
		mutationFn: () => ask(api.POST("/api/v1/alarms/{id}/acknowledge", { params: { path: { id: alarm.id } } })),
		onSuccess: () => client.invalidateQueries({ queryKey: ["alarm"] }),
	});
	return (
		<li>
			<div>
				<div className={classes.name}>
					{ALARM[alarm.kind]}: {alarm.link === "/alarms" ? alarm.what : <Link to={alarm.link}>{alarm.what}</Link>}
				</div>
				<div className={classes.quiet}>
					{alarm.next_step} Since <Time at={alarm.raised_at} />
					{alarm.cleared_at && (
						<>
							, over since <Time at={alarm.cleared_at} />
						</>
					)}
					{alarm.acknowledged_by && ` · seen by ${alarm.acknowledged_by}`}
				</div>
				<Trouble error={acknowledge.error} />
			</div>
			{analyst && !alarm.acknowledged_by && !alarm.cleared_at && (
				<Button
					variant="default"
					size="compact-sm"
					loading={acknowledge.isPending}
					onClick={() => acknowledge.mutate()}
					aria-label={`Acknowledge: ${ALARM[alarm.kind]}`}
				>
					Acknowledge
				</Button>
			)}
		</li>
	);
}

/** What would have happened all at once. */
function Held() {
	const { data, error } = useQuery(breakers);
	if (error && !data) return <Trouble error={error} />;
	if (!data || data.items.length === 0) return null;
	return (
		<>
			{data.items.map((breaker) => (
				<HeldBack key={breaker.id} breaker={breaker} />
			))}
		</>
	);
}

function HeldBack({ breaker }: { breaker: Breaker }) {
	const client = useQueryClient();
	const analyst = useMay("analyst");
	const decide = useMutation({
		mutationFn: (verdict: "approve" | "dismiss") => {
			const params = { path: { id: breaker.id } };
			return verdict === "approve"
				? ask(api.POST("/api/v1/breakers/{id}/approve", { params }))
				: ask(api.POST("/api/v1/breakers/{id}/dismiss", { params }));
		},
		onSuccess: () => client.invalidateQueries({ queryKey: ["alarm"] }),
	});
	const rest = breaker.tickets - breaker.some.length;
	return (
		<Notice
			tone="warn"
			title={`${breaker.destination.name} would ${STROKE[breaker.stroke]} ${count(breaker.tickets, "work item")} at once`}
		>
			<Text size="sm">
				{breaker.dismissed_by
					? `${breaker.dismissed_by} left them as they are.`
					: `More than the usual ${breaker.bound}: nothing of it is done before somebody decides.`}
			</Text>
			<ul>
				{breaker.some.map((ticket) => (
					<li key={ticket.id}>
						<Link to={`/tickets/${ticket.id}`}>{ticket.name}</Link>
					</li>
				))}
				{rest > 0 && <li>and {rest} more</li>}
			</ul>
			<Trouble error={decide.error} />
			{analyst && (
				<Group gap={8}>
					<Button size="compact-sm" loading={decide.isPending} onClick={() => decide.mutate("approve")}>
						Let these through
					</Button>
					{!breaker.dismissed_by && (
						<Button size="compact-sm" variant="default" loading={decide.isPending} onClick={() => decide.mutate("dismiss")}>
							Leave them as they are
						</Button>
					)}
				</Group>
			)}
		</Notice>
	);
}
