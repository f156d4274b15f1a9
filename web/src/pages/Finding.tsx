import { Anchor, Badge, Button, Group, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link, useParams } from "react-router";
import { findingHistory, finding as findingQuery, findings } from "../api/queries";
import type { Finding, Location } from "../api/types";
import { Empty } from "../components/Empty";
import { Facts } from "../components/Facts";
import { More } from "../components/List";
import { Loading } from "../components/Loading";
import { DetectionMark, HealthMark, SeverityMark, SlaMark, StatusMark, TemporaryMark } from "../components/Marks";
import { Notice } from "../components/Notice";
import { Page } from "../components/Page";
import { Panel } from "../components/Panel";
import { Reading } from "../components/Reading";
import { RouteSaid } from "../components/RouteSaid";
import { Time } from "../components/Time";
import { Timeline } from "../components/Timeline";
import { Trouble } from "../components/Trouble";
import { useMay } from "../session";
import { ASSESSMENT_STATE, day, IMPACT, KIND, percent, place, STATUS, STATUS_MEANS } from "../words";
import { AcceptDialog } from "./acceptance/AcceptDialog";
import { CreateTicketDialog } from "./by-hand/CreateTicketDialog";
import { Detections } from "./Detections";
import classes from "./Detections.module.css";
import { ManualActions } from "./finding/ManualActions";
import { SetStatusDialog } from "./SetStatusDialog";

const ABOVE = [{ label: "Findings", to: "/findings" }];

/** One weakness: what, where, why its status is what it is, and what happened to it. */
export function FindingPage() {
	const { id = "" } = useParams();
	const { data: finding, isPending, error, refetch } = useQuery(findingQuery(id));
	const analyst = useMay("analyst");
	const [deciding, { open, close }] = useDisclosure(false);
	const [creating, create] = useDisclosure(false);
	const [accepting, accept] = useDisclosure(false);
	const manager = useMay("security_manager");

	if (isPending || !finding)
		return (
			<Page title="Finding" above={ABOVE}>
				<Reading of={{ isPending, error, refetch }} lines={10} />
			</Page>
		);

	// What is proved fixed is proved, and a draft is published first.
	const decidable = finding.status !== "fixed" && finding.status !== "draft";
	return (
		<Page
			title={finding.title}
			above={ABOVE}
			about={
				<Group gap={14} mt={4} c="var(--mantine-color-text)">
					<SeverityMark severity={finding.severity} />
					<StatusMark status={finding.status} />
					<TemporaryMark finding={finding} />
					<DetectionMark finding={finding} />
					<Link to={`/findings?asset=${finding.asset.id}`} style={{ color: "inherit" }}>
						{finding.asset.name}
					</Link>
				</Group>
			}
			actions={
				analyst && (
					<>
						{finding.manual && <ManualActions finding={finding} />}
						{decidable && !finding.ticket && (
							<Button variant="default" onClick={create.open}>
								Create a work item…
							</Button>
						)}
						{decidable && manager && finding.status !== "risk_accepted" && (
							<Button variant="default" onClick={accept.open}>
								Accept the risk…
							</Button>
						)}
						{decidable && <Button onClick={open}>Set status</Button>}
					</>
				)
			}
		>
			{finding.request && (
				<Notice
					tone="warn"
					title={finding.request.kind === "risk_acceptance" ? "Acceptance requested" : "False positive suggested"}
				>
					{finding.request.by} asked for it on {day(finding.request.at)}.{" "}
					{analyst
						? "Set the status to agree, or to Identified to refuse: then the card goes back with your reason in a comment."
						: "An analyst decides."}
				</Notice>
			)}
			<div className="with-aside">
				<What finding={finding} />
				<Stack gap={14}>
					<Why finding={finding} />
					<Priority finding={finding} />
					<TicketPanel finding={finding} />
					<Panel title="Facts">
						<Facts
							facts={[
								["Kind", KIND[finding.kind]],
								["Scanner", finding.scanner],
								["Its severity", finding.scanner_severity],
								["First seen", <Time at={finding.first_seen_at} />],
								["Last seen", <Time at={finding.last_seen_at} />],
								["Regressed", finding.regressed > 0 && `${finding.regressed}×`],
								["CVSS", finding.vulnerability.cvss_score?.toFixed(1)],
								[
									"Vector",
									finding.vulnerability.cvss_vector && <span className="mono">{finding.vulnerability.cvss_vector}</span>,
								],
								["Fingerprint", <span className="mono">{finding.fingerprint}</span>],
							]}
						/>
					</Panel>
				</Stack>
				<Stack gap={14}>
					<Where finding={finding} />
					<Panel title="Seen by" flush>
						<Detections detections={finding.detections} />
					</Panel>
					{finding.correlated.length > 0 && <Correlated finding={finding} />}
					<History id={id} />
				</Stack>
			</div>
			<SetStatusDialog finding={finding} opened={deciding} onClose={close} />
			<CreateTicketDialog findings={[finding.id]} opened={creating} onClose={create.close} />
			<AcceptDialog findings={[finding.id]} opened={accepting} onClose={accept.close} />
		</Page>
	);
}

function What({ finding }: { finding: Finding }) {
	const { vulnerability } = finding;
	return (
		<Panel title={vulnerability.name && vulnerability.name !== finding.title ? vulnerability.name : "What it is"}>
			<Group gap={6} mb={8}>
				<Badge variant="default" tt="none" radius="sm">
					{vulnerability.id}
				</Badge>
				{vulnerability.aliases?.map((alias) => (
					<Badge key={alias} variant="default" tt="none" radius="sm" fw={400}>
						{alias}
					</Badge>
				))}
				{vulnerability.cwes?.map((cwe) => (
					<Badge key={cwe} variant="default" tt="none" radius="sm" fw={400}>
						CWE-{cwe}
					</Badge>
				))}
			</Group>
			{finding.message && <Words>{finding.message}</Words>}
			{vulnerability.description && vulnerability.description !== finding.message && <Words>{vulnerability.description}</Words>}
			{vulnerability.remediation && (
				<>
					<Text size="sm" fw={600} mt={10}>
						What to do
					</Text>
					<Words>{vulnerability.remediation}</Words>
				</>
			)}
			{!finding.message && !vulnerability.description && !vulnerability.remediation && (
				<Text size="sm" c="dimmed">
					The report says no more about it.
				</Text>
			)}
			{vulnerability.references && vulnerability.references.length > 0 && (
				<>
					<Text size="sm" fw={600} mt={10}>
						Read on
					</Text>
					<ul style={{ margin: "2px 0 0", paddingLeft: 18, fontSize: "var(--mantine-font-size-sm)" }}>
						{vulnerability.references.map((reference) => (
							<li key={reference} style={{ overflowWrap: "anywhere" }}>
								<Elsewhere href={reference}>{reference}</Elsewhere>
							</li>
						))}
					</ul>
				</>
			)}
		</Panel>
	);
}

/** Text of a scanner: shown as it is, never as markup. */
function Words({ children }: { children: string }) {
	return (
		<Text size="sm" className="prewrap" mb={6}>
			{children}
		</Text>
	);
}

/** A link out of Lockstep. Only web addresses become links: the text comes from a scanner. */
function Elsewhere({ href, children }: { href: string; children: ReactNode }) {
	if (!/^https?:\/\//i.test(href)) return <>{children}</>;
	return (
		<Anchor href={href} target="_blank" rel="noopener noreferrer" size="sm" underline="always">
			{children}
		</Anchor>
	);
}

function Where({ finding }: { finding: Finding }) {
	const { component, location, related_locations: related } = finding;
	return (
		<Panel title="Where">
			<Facts
				facts={[
					["Asset", finding.asset.name],
					["Component", component && [component.name, component.version].filter(Boolean).join(" ")],
					["Fixed in", component && (component.fixed_version || "no fixed version is known")],
					["Ecosystem", component?.ecosystem],
					["Package", component?.purl && <span className="mono">{component.purl}</span>],
					["Found in", component?.path && <span className="mono">{component.path}</span>],
				]}
			/>
			{location.path ? (
				<Place location={location} />
			) : (
				!component && <Text size="sm">{finding.place || "The report names no place."}</Text>
			)}
			{related.length > 0 && (
				<details style={{ marginTop: 10 }}>
					<summary>
						{related.length} further {related.length === 1 ? "place" : "places"}
					</summary>
					{related.map((location) => (
						<Place key={`${location.path}:${location.start_line}:${location.start_column}`} location={location} />
					))}
				</details>
			)}
		</Panel>
	);
}

function Place({ location }: { location: Location }) {
	return (
		<div style={{ marginTop: 8 }}>
			<div className="mono">
				{place(location.path ?? "", location.start_line, location.end_line)}
				{location.logical && ` in ${location.logical}`}
			</div>
			{location.snippet && (
				// biome-ignore lint/a11y/noNoninteractiveTabindex: long lines are scrolled with the keyboard too.
				<pre className="snippet" style={{ marginTop: 4 }} tabIndex={0}>
					{location.snippet}
				</pre>
			)}
		</div>
	);
}

function Why({ finding }: { finding: Finding }) {
	return (
		<Panel title="Status">
			<Text size="sm" fw={600}>
				<StatusMark status={finding.status} />
			</Text>
			<Text size="sm" c="dimmed" mt={2}>
				{STATUS_MEANS[finding.status]}
			</Text>
			{finding.reason && (
				<Text size="sm" className="prewrap" mt={6}>
					“{finding.reason}”
				</Text>
			)}
			{finding.acceptance && (
				<Text size="sm" mt={6} className="prewrap">
					Accepted by {finding.acceptance.approver}
					{finding.acceptance.until && ` until ${day(finding.acceptance.until)}`}:{" "}
					<Link to={`/findings?status=all&acceptance=${finding.acceptance.id}`}>all findings of this acceptance</Link>
					{finding.acceptance.evidence && `\n${finding.acceptance.evidence}`}
					{finding.acceptance.link && (
						<>
							{"\n"}
							<Anchor
								href={finding.acceptance.link}
								target="_blank"
								rel="noreferrer noopener"
								style={{ overflowWrap: "anywhere" }}
							>
								{finding.acceptance.link}
							</Anchor>
						</>
					)}
				</Text>
			)}
			{finding.duplicate_of && (
				<Text size="sm" mt={6}>
					<Link to={`/findings/${finding.duplicate_of}`}>The finding that goes on</Link>
				</Text>
			)}
			{finding.suppressed_by && (
				<Text size="sm" mt={6}>
					By the rule{" "}
					<Link to={`/suppression/${finding.suppressed_by.id}`}>{finding.suppressed_by.name ?? "that was deleted"}</Link>. Another
					status, set by a person, stands above it.
				</Text>
			)}
			{finding.temporary_until && (
				<Text size="sm" mt={6}>
					It holds until {day(finding.temporary_until)}, then it is {STATUS[finding.temporary_then ?? "identified"]}.
				</Text>
			)}
		</Panel>
	);
}

/** What other scanners report of the same vulnerability in the same component: findings with a life of their own. */
function Correlated({ finding }: { finding: Finding }) {
	const query = useInfiniteQuery(findings({ correlated_with: finding.id }));
	const others = query.data?.pages.flatMap((page) => page.items) ?? [];
	return (
		<Panel title="The same vulnerability and component" flush>
			{query.isPending && <Loading lines={2} />}
			{query.isError && others.length === 0 && <Trouble error={query.error} retry={() => query.refetch()} />}
			<ul className={classes.list}>
				{others.map((other) => (
					<li key={other.id}>
						<div>
							<Link to={`/findings/${other.id}`}>{other.vulnerability_id}</Link>
							<div className={classes.quiet}>
								{other.scanner} · <span className="mono">{other.place}</span>
							</div>
						</div>
						<StatusMark status={other.status} />
					</li>
				))}
			</ul>
			{query.hasNextPage && <More query={query} />}
		</Panel>
	);
}

/** How much it matters: risk, due date, and what the world knows about its exploitation. */
function Priority({ finding }: { finding: Finding }) {
	const known = finding.exploits.filter((exploit) => exploit.kev);
	return (
		<Panel title="Priority">
			<Facts
				facts={[
					["Risk score", `${finding.risk} of 100`],
					["Due", finding.sla && finding.due_at && day(finding.due_at)],
					["Due date", finding.sla && <SlaMark state={finding.sla} />],
					["Open since", finding.sla && <Time at={finding.open_since} />],
					["Business impact", IMPACT[finding.impact]],
					["Owner", finding.asset_owner],
					...finding.assessments.map(
						(assessment) =>
							[
								"Assessment",
								<Link key={assessment.id} to={`/findings?status=all&assessment=${assessment.id}`}>
									{assessment.name} ({ASSESSMENT_STATE[assessment.state].toLowerCase()})
								</Link>,
							] as const,
					),
					...finding.exploits
						.filter((exploit) => typeof exploit.epss === "number")
						.map(
							(exploit) =>
								[
									finding.exploits.length > 1 ? `EPSS of ${exploit.cve}` : "EPSS",
									`${percent(exploit.epss ?? 0)}, more than ${percent(exploit.percentile ?? 0)} of all`,
								] as const,
						),
				]}
			/>
			{known.map(({ cve, kev }) => (
				<Notice key={cve} tone="warn" title={`${cve} is known to be exploited${kev?.ransomware ? ", also by ransomware" : ""}`}>
					In the KEV catalogue since {day(kev?.added_on ?? "")}. {kev?.required_action}
				</Notice>
			))}
		</Panel>
	);
}

function TicketPanel({ finding }: { finding: Finding }) {
	const { ticket } = finding;
	return (
		<Panel title="Ticket" actions={ticket && <HealthMark health={ticket.health} />}>
			{ticket ? (
				<Facts
					facts={[
						[
							"Work item",
							ticket.work_item_id && ticket.url ? (
								<Elsewhere href={ticket.url}>#{ticket.work_item_id} on the board</Elsewhere>
							) : (
								"not created yet"
							),
						],
						["State", ticket.state],
						["Column", ticket.column],
						["Assignee", ticket.work_item_id && (ticket.assignee || "nobody")],
						["Details", <Link to={`/tickets/${ticket.id}`}>Open the ticket</Link>],
					]}
				/>
			) : (
				<>
					<Text size="sm" c="dimmed" mb={6}>
						None. A <Link to="/rules">rule</Link> decides which findings get one.
					</Text>
					<RouteSaid of={{ finding: finding.id }} />
				</>
			)}
		</Panel>
	);
}

function History({ id }: { id: string }) {
	const query = useInfiniteQuery(findingHistory(id));
	const entries = query.data?.pages.flatMap((page) => page.items) ?? [];
	return (
		<Panel title="History">
			{query.isPending && <Loading lines={4} />}
			{query.isError && entries.length === 0 && <Trouble error={query.error} retry={() => query.refetch()} />}
			{query.isSuccess && entries.length === 0 && <Empty title="Nothing happened yet" />}
			<Timeline
				entries={entries}
				more={(entry) =>
					entry.to && (
						<Group gap={8} mt={3}>
							{entry.from && (
								<>
									<StatusMark status={entry.from} />
									<span aria-hidden="true">→</span>
								</>
							)}
							<StatusMark status={entry.to} />
						</Group>
					)
				}
			/>
			{query.hasNextPage && <More query={query} />}
		</Panel>
	);
}
