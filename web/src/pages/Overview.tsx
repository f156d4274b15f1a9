import { Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { overview } from "../api/queries";
import type { Overview, Scan } from "../api/types";
import { CountBars, SeverityBar, SeverityLegend } from "../components/Bars";
import { Loading } from "../components/Loading";
import { HealthMark, ScanStateMark, SlaMark, StatusMark } from "../components/Marks";
import { Page } from "../components/Page";
import { Panel } from "../components/Panel";
import { Time } from "../components/Time";
import { Trouble } from "../components/Trouble";
import { count, HEALTH_TONE, HEALTHS, number, SLA_STATES, SLA_TONE, total } from "../words";
import { FirstReport } from "./FirstReport";
import classes from "./Overview.module.css";

const STATUS_COLOR: Partial<Record<string, string>> = {
	identified: "var(--ls-high)",
	in_progress: "var(--ls-active)",
	waiting: "var(--ls-active)",
	awaiting_validation: "var(--ls-warn)",
	fixed: "var(--ls-good)",
};

/** What somebody needs to see first. */
export function OverviewPage() {
	const { data, isPending, error, refetch } = useQuery(overview);
	return (
		<Page title="Overview" about={data && data.assets > 0 ? `${count(data.assets, "asset")} watched` : undefined}>
			{isPending && (
				<Panel>
					<Loading lines={8} />
				</Panel>
			)}
			{error && !data && <Trouble error={error} retry={() => refetch()} />}
			{data && (data.assets === 0 && data.recent_scans.length === 0 ? <FirstReport /> : <Numbers data={data} />)}
		</Page>
	);
}

function Numbers({ data }: { data: Overview }) {
	return (
		<>
			{data.attention.length > 0 && (
				<Panel title="Needs attention">
					<ul className={classes.attention}>
						{data.attention.map((entry) => (
							<li key={entry.message}>
								<Link to={entry.link}>{entry.message}</Link>
								<span>{entry.next_step}</span>
							</li>
						))}
					</ul>
				</Panel>
			)}
			<div className="grid2">
				<div className="stack">
					<Panel title="Open findings" actions={<Text size="sm" className="nums">{`${number(total(data.open))} open`}</Text>}>
						<SeverityBar counts={data.open} height={14} />
						<SeverityLegend counts={data.open} to={(severity) => `/findings?severity=${severity}`} />
					</Panel>
					<Panel title="Due dates" actions={<Link to="/priority">SLA matrix</Link>}>
						<CountBars
							rows={SLA_STATES.map((state) => ({
								key: state,
								label: <SlaMark state={state} />,
								value: data.sla[state],
								color: `var(--ls-${SLA_TONE[state]})`,
								to: `/findings?sla=${state}`,
							}))}
						/>
						{data.known_exploited > 0 && (
							<Text size="sm" mt={8}>
								<Link to="/findings?known_exploited=true">
									{count(data.known_exploited, "open finding")} known to be exploited
								</Link>
							</Text>
						)}
					</Panel>
					<Panel title="Recent scans" actions={<Link to="/scans">All scans</Link>}>
						<ul className={classes.scans}>
							{data.recent_scans.map((scan) => (
								<RecentScan key={scan.id} scan={scan} />
							))}
						</ul>
					</Panel>
				</div>
				<div className="stack">
					<Panel title="Tickets" actions={<Link to="/tickets">All tickets</Link>}>
						{data.tickets.length === 0 ? (
							<Text size="sm" c="dimmed">
								None yet. <Link to="/connections">Connect Azure DevOps</Link> and <Link to="/rules">save a rule</Link>: findings
								that match get a work item.
							</Text>
						) : (
							<CountBars
								rows={[...data.tickets]
									.sort((a, b) => HEALTHS.indexOf(a.health) - HEALTHS.indexOf(b.health))
									.map(({ health, count }) => ({
										key: health,
										label: <HealthMark health={health} />,
										value: count,
										color: `var(--ls-${HEALTH_TONE[health]})`,
										to: `/tickets?health=${health}`,
									}))}
							/>
						)}
					</Panel>
					<Panel title="Findings by status" actions={<Link to="/findings?status=all">All findings</Link>}>
						<CountBars
							rows={data.by_status.map(({ status, count }) => ({
								key: status,
								label: <StatusMark status={status} />,
								value: count,
								color: STATUS_COLOR[status] ?? "var(--ls-quiet)",
								to: `/findings?status=${status}`,
							}))}
						/>
					</Panel>
				</div>
			</div>
		</>
	);
}

function RecentScan({ scan }: { scan: Scan }) {
	return (
		<li>
			<div className={classes.scanName}>
				<Link to={`/scans/${scan.id}`}>
					{scan.scanner} on {scan.asset.name}
				</Link>
				<span className={classes.quiet}>
					{scan.branch ? `${scan.branch} · ` : ""}
					<Time at={scan.started_at} />
				</span>
			</div>
			<div className={classes.scanNumbers}>
				{scan.state === "committed" ? (
					<>
						{scan.new > 0 && <span className={classes.worse}>+{number(scan.new)} new</span>}
						{scan.regressed > 0 && <span className={classes.worse}>{number(scan.regressed)} back</span>}
						{scan.fixed > 0 && <span className={classes.better}>{number(scan.fixed)} fixed</span>}
						{scan.new + scan.regressed + scan.fixed === 0 && <span className={classes.quiet}>nothing changed</span>}
					</>
				) : (
					<ScanStateMark state={scan.state} />
				)}
			</div>
		</li>
	);
}
