/** A small installation that looks lived in: every status, every health, hostile text. Made anew at each start. */
import { randomUUID } from "node:crypto";
import type {
	Asset,
	Connection,
	Destination,
	Finding,
	FindingSummary,
	HistoryEntry,
	Job,
	Named,
	Rule,
	RuleFact,
	Scan,
	Severity,
	SeverityCounts,
	Status,
	Ticket,
	TicketHealth,
	TicketLogEntry,
	Token,
} from "./types";

const HOUR = 3_600_000;
export const now = () => new Date().toISOString();
const before = (hours: number) => new Date(Date.now() - hours * HOUR).toISOString();

const OPEN: readonly Status[] = ["created", "identified", "in_progress", "waiting", "awaiting_validation"];
export const isOpen = (status: Status) => OPEN.includes(status);

export function counts(findings: readonly { severity: Severity }[]): SeverityCounts {
	const sum: SeverityCounts = { critical: 0, high: 0, medium: 0, low: 0, info: 0 };
	for (const finding of findings) sum[finding.severity] += 1;
	return sum;
}

export type World = {
	assets: Asset[];
	scans: Scan[];
	findings: Finding[];
	history: Map<string, HistoryEntry[]>;
	tickets: Ticket[];
	log: Map<string, TicketLogEntry[]>;
	connections: Connection[];
	destinations: Destination[];
	rules: Rule[];
	tokens: Token[];
	jobs: Map<string, Job>;
};

const ASSETS = [
	["webshop/storefront", ["production", "internet"]],
	["webshop/payments", ["production", "pci"]],
	["webshop/search", ["production"]],
	["registry/webshop-base:2026.11", ["image"]],
	["infrastructure/landing-zone-with-a-rather-long-name-that-goes-on", ["cloud", "production", "shared"]],
] as const;

type Template = Pick<Finding, "title" | "severity" | "kind" | "vulnerability_id" | "place" | "scanner"> & {
	details: Partial<Finding>;
};

const TEMPLATES: readonly Template[] = [
	{
		title: "SQL query built from user-controlled sources",
		severity: "critical",
		kind: "code",
		vulnerability_id: "js/sql-injection",
		place: "src/orders/search.ts:41",
		scanner: "CodeQL",
		details: {
			message: "This query string depends on a user-provided value.",
			location: {
				path: "src/orders/search.ts",
				start_line: 41,
				end_line: 43,
				logical: "searchOrders",
				snippet:
					'  const sql = "SELECT * FROM orders WHERE customer = \'" + request.query.customer + "\' ORDER BY created_at DESC LIMIT 100";\n  // <script>alert(1)</script>\n  return database.query(sql);',
			},
		},
	},
	{
		title: "<img src=x onerror=alert(1)> Reflected cross-site scripting",
		severity: "high",
		kind: "code",
		vulnerability_id: "js/reflected-xss",
		place: "src/pages/error.tsx:12",
		scanner: "CodeQL",
		details: {
			message: "Cross-site scripting vulnerability due to a user-provided value.",
			location: { path: "src/pages/error.tsx", start_line: 12, snippet: "res.send('<h1>' + req.query.message + '</h1>')" },
		},
	},
	{
		title: "openssl 3.0.11-1: CVE-2026-20191",
		severity: "critical",
		kind: "component",
		vulnerability_id: "CVE-2026-20191",
		place: "debian 12 (openssl)",
		scanner: "Trivy",
		details: {
			component: {
				name: "openssl",
				version: "3.0.11-1~deb12u2",
				fixed_version: "3.0.15-1~deb12u1",
				ecosystem: "debian",
				purl: "pkg:deb/debian/openssl@3.0.11-1~deb12u2?arch=amd64",
			},
		},
	},
	{
		title: "Storage account allows public access",
		severity: "medium",
		kind: "misconfiguration",
		vulnerability_id: "AVD-AZU-0007",
		place: "modules/storage/main.tf:18",
		scanner: "Trivy",
		details: { location: { path: "modules/storage/main.tf", start_line: 18, end_line: 26 } },
	},
	{
		title: "AWS access key in a file",
		severity: "high",
		kind: "secret",
		vulnerability_id: "aws-access-key-id",
		place: "deploy/.env.old:3",
		scanner: "Gitleaks",
		details: { location: { path: "deploy/.env.old", start_line: 3 } },
	},
	{
		title: "Missing rate limiting",
		severity: "low",
		kind: "code",
		vulnerability_id: "js/missing-rate-limiting",
		place: "src/server.ts:77",
		scanner: "CodeQL",
		details: { location: { path: "src/server.ts", start_line: 77 } },
	},
	{
		title: "lodash 4.17.20: command injection in template",
		severity: "high",
		kind: "component",
		vulnerability_id: "CVE-2021-23337",
		place: "package-lock.json (lodash)",
		scanner: "Trivy",
		details: {
			component: { name: "lodash", version: "4.17.20", fixed_version: "4.17.21", ecosystem: "npm", path: "package-lock.json" },
		},
	},
	{
		title: "Unpinned base image",
		severity: "info",
		kind: "misconfiguration",
		vulnerability_id: "DS001",
		place: "Dockerfile:1",
		scanner: "Trivy",
		details: { location: { path: "Dockerfile", start_line: 1, snippet: "FROM node:latest" } },
	},
];

const STATUS_CYCLE: readonly Status[] = [
	"identified",
	"identified",
	"in_progress",
	"identified",
	"created",
	"fixed",
	"awaiting_validation",
	"identified",
	"waiting",
	"risk_accepted",
	"identified",
	"false_positive",
	"fixed",
	"suppressed",
	"identified",
	"duplicate",
];

const HEALTH_CYCLE: readonly TicketHealth[] = [
	"in_step",
	"in_step",
	"conflict",
	"in_step",
	"parked",
	"waiting",
	"in_step",
	"retrying",
	"pending",
	"in_step",
	"missing",
	"over_budget",
];

const STATE: Partial<Record<Status, readonly [state: string, column: string]>> = {
	created: ["New", "New"],
	identified: ["New", "New"],
	in_progress: ["Active", "Active"],
	waiting: ["Active", "In Review"],
	awaiting_validation: ["Resolved", "Resolved"],
};

const PROBLEM: Partial<Record<TicketHealth, readonly [problem: string, next: string]>> = {
	parked: [
		"Azure DevOps refused the change: TF401320: Rule Error for field Root Cause. Error code: Required, HasValues, LimitedToValues, AllowsOldValue, InvalidEmpty.",
		"Give the field Root Cause a default value in the process, or fill it in on the work item, then try again.",
	],
	retrying: ["Azure DevOps did not answer in time.", "Nothing: Lockstep tries again by itself."],
	missing: ["The work item was deleted on the board.", "Restore it from the recycle bin, or set the findings' status."],
	over_budget: [
		"Webshop / Payments got its 200 work items for today.",
		"Wait until midnight UTC, or raise the daily budget of the destination.",
	],
};

export function makeWorld(): World {
	const connection: Connection = {
		id: randomUUID(),
		name: "Azure",
		description: "",
		instance_url: "https://dev.azure.com",
		organization: "contoso",
		sign_in: { method: "client_secret", tenant: "contoso.example", client_id: "5d1f3a9e-6c1b-4f7e-9a55-0d2f9b7c1e33" },
		mode: "active",
		hook_url: `https://lockstep.contoso.example/hooks/azure-devops/${"k7Qv2mXw9Lr4Tz8Bn1Yc6Hd3".repeat(2)}`,
		hooks: "none",
		hook_problems: [],
		feed: "organization",
		lag: { changes: 37, last_ms: 640, median_ms: 410, longest_ms: 28_300 },
		last_contact_at: before(0.02),
		created_at: before(700),
	};
	const destinations: Destination[] = (["Payments", "Storefront"] as const).map((team, index) => ({
		id: randomUUID(),
		connection: { id: connection.id, name: connection.name },
		binding: index === 0 ? { kind: "default" } : { kind: "group", tags: ["team:storefront"] },
		asset: null,
		name: `Webshop / ${team}`,
		project: "Webshop",
		team,
		board: "Stories",
		lane: "",
		work_item_type: "Bug",
		area: `Webshop\\${team}`,
		iteration: { policy: "backlog" },
		tags: ["security"],
		severity_map: severityMap(),
		status_map: statusMap(),
		daily_budget: 200,
		fields: {
			assignee: "",
			templates: null,
			parent: null,
			values: {},
			due_date: "sla",
			owners: { title: "ask", priority: "ask", severity: "ask", due_date: "ask", description: "ask" },
		},
		created_today: index === 0 ? 12 : 0,
	}));
	const rule: Rule = {
		id: randomUUID(),
		version: 3,
		name: "High and critical in production",
		enabled: true,
		criteria: { all: [{ severity: { at_least: "high" } }, { asset_tag: { is: "production" } }] },
		about: "Severity at least high and Tag of the asset is production",
		grouping: "per_finding",
		since: before(600),
		created_at: before(600),
	};
	const assets: Asset[] = ASSETS.map(([name, tags]) => ({
		id: randomUUID(),
		name,
		archived: false,
		tags: [...tags],
		tracked_branches: ["main"],
		owner: "",
		impact: "unknown",
		created_at: before(720),
		last_scan_at: before(3),
		open: counts([]),
	}));

	const findings: Finding[] = [];
	const tickets: Ticket[] = [];
	const history = new Map<string, HistoryEntry[]>();
	const log = new Map<string, TicketLogEntry[]>();
	const destination = destinations[0] as Destination;
	for (let index = 0; index < 132; index += 1) {
		const template = TEMPLATES[(index * 5) % TEMPLATES.length] as Template;
		const asset = assets[index % assets.length] as Asset;
		const status = STATUS_CYCLE[index % STATUS_CYCLE.length] as Status;
		const finding = makeFinding(template, asset, status, index);
		findings.push(finding);
		history.set(finding.id, makeHistory(finding));
		if (isOpen(status) && status !== "created" && (finding.severity === "critical" || finding.severity === "high")) {
			const health = HEALTH_CYCLE[tickets.length % HEALTH_CYCLE.length] as TicketHealth;
			const ticket = makeTicket(finding, health, 1201 + tickets.length, connection, destination, rule);
			tickets.push(ticket);
			log.set(ticket.id, makeLog(ticket));
		}
	}
	for (const asset of assets)
		asset.open = counts(findings.filter((finding) => finding.asset.id === asset.id && isOpen(finding.status)));

	const scans: Scan[] = Array.from({ length: 64 }, (_, index) => makeScan(assets[index % assets.length] as Asset, index));
	const tokens: Token[] = [
		{ id: randomUUID(), name: "Nightly pipeline", role: "importer", created_at: before(500), last_used_at: before(3) },
		{ id: randomUUID(), name: "Dashboard", role: "reader", created_at: before(200), expires_at: before(-1000) },
	];
	return {
		assets,
		scans,
		findings,
		history,
		tickets,
		log,
		connections: [connection],
		destinations,
		rules: [rule],
		tokens,
		jobs: new Map(),
	};
}

const named = (thing: { id: string; name?: string }): Named => ({ id: thing.id, name: thing.name ?? "" });

function makeFinding(template: Template, asset: Asset, status: Status, index: number): Finding {
	const place = template.place.replace(/:(\d+)$/, (_, line: string) => `:${Number(line) + index}`);
	const { details, ...summary } = template;
	return {
		id: randomUUID(),
		asset: named(asset),
		...summary,
		place,
		status,
		first_seen_at: before(600 - index),
		last_seen_at: before(3 + (index % 40)),
		regressed: index % 9 === 0 ? 1 : 0,
		request: index === 3 ? { kind: "risk_acceptance", by: "Mona Blake", at: before(20) } : null,
		temporary_until: status === "risk_accepted" ? before(-24 * 60) : null,
		detection: index % 6 === 2 ? "not_covered" : "detected",
		correlated: template.kind === "component" && index % 4 === 0 ? [{ scanner: "Grype", findings: 1 }] : [],
		ticket: null,
		risk: { critical: 86, high: 61, medium: 38, low: 16, info: 0 }[template.severity],
		epss: template.kind === "component" ? 0.412 : null,
		known_exploited: template.kind === "component" && index % 5 === 0,
		due_at: template.severity === "info" ? null : before((index % 7) * 24 * 60 - 3 * 24 * 60),
		sla: isOpen(status)
			? template.severity === "info"
				? "not_covered"
				: (["approaching", "approaching", "on_track", "breached"] as const)[index % 4]
			: null,
		asset_owner: index % 2 === 0 ? "Team Payments" : "",
		impact: "high",
		open_since: before(600 - index),
		manual: null,
		duplicate_of: null,
		acceptance:
			status === "risk_accepted"
				? {
						id: "00000000-0000-7000-8000-000000000000",
						reason: "Only reachable from the office network",
						evidence: "The firewall rule was looked at.",
						link: "https://wiki.example/decisions/7",
						approver: "Ada Lovelace",
						until: "2027-01-31T23:59:59Z",
					}
				: null,
		suppressed_by: status === "suppressed" ? { id: "00000000-0000-7000-8000-000000000000", name: "Test code" } : null,
		assessments:
			index % 3 === 0
				? [{ id: "00000000-0000-7000-8000-000000000000", name: "Penetration test of the checkout, spring", state: "running" }]
				: [],
		exploits:
			template.kind === "component"
				? [
						{
							cve: template.vulnerability_id,
							epss: 0.412,
							percentile: 0.97,
							kev:
								index % 5 === 0
									? {
											added_on: "2026-03-01",
											due_on: "2026-03-22",
											ransomware: true,
											required_action: "Apply updates of the vendor.",
										}
									: null,
						},
					]
				: [],
		vulnerability: {
			id: template.vulnerability_id,
			aliases: template.kind === "component" ? ["GHSA-35jh-r3h4-6jhm"] : [],
			name: null,
			description:
				"Text from a scanner is shown as it is.\n\n<b>Markup stays text</b>, so do [links](javascript:alert(1)).\n\nIf a database query is built from user-provided data without sanitization, a malicious user may be able to run arbitrary queries.",
			remediation: "Use prepared statements, or upgrade to the version without the weakness.",
			cwes: template.kind === "code" ? [89] : [],
			cvss_score: template.severity === "critical" ? 9.8 : null,
			cvss_vector: template.severity === "critical" ? "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H" : null,
			references: ["https://cwe.mitre.org/data/definitions/89.html", "javascript:alert(1)"],
			tags: [],
		},
		message: null,
		location: {},
		related_locations: index % 4 === 0 ? [{ path: "src/routes.ts", start_line: 9 }] : [],
		component: null,
		scanner_severity: "error",
		fingerprint: `v1:${randomUUID().replaceAll("-", "")}`,
		reason: status === "risk_accepted" ? "Only reachable from the build network; the team replaces it in spring." : null,
		detections: [
			{
				scanner: template.scanner,
				configuration: "nightly",
				branch: "main",
				tracked: true,
				last_seen_at: before(status === "fixed" ? 60 : 3),
				last_absent_at: status === "fixed" ? before(3) : null,
			},
			{
				scanner: template.scanner,
				configuration: "pull-request",
				branch: "feature/checkout",
				tracked: false,
				last_seen_at: before(30),
			},
		],
		...details,
	};
}

function makeHistory(finding: Finding): HistoryEntry[] {
	const scan = { kind: "scan", label: `${finding.scanner} on ${finding.asset.name}, started ${finding.first_seen_at}` } as const;
	const entries: HistoryEntry[] = [
		{ id: randomUUID(), at: finding.first_seen_at, cause: scan, what: "Seen for the first time.", from: null, to: "identified" },
	];
	if (finding.status !== "identified")
		entries.unshift({
			id: randomUUID(),
			at: finding.last_seen_at,
			cause: isOpen(finding.status)
				? { kind: "work_item", label: "Bug 1201, revision 4, Mona Blake" }
				: { kind: finding.status === "fixed" ? "scan" : "person", label: finding.status === "fixed" ? scan.label : "admin" },
			what: isOpen(finding.status) ? "The card was moved on the board." : "Decided.",
			from: "identified",
			to: finding.status,
		});
	return entries;
}

function makeTicket(
	finding: Finding,
	health: TicketHealth,
	number: number,
	connection: Connection,
	destination: Destination,
	rule: Rule,
): Ticket {
	const [state, column] = STATE[finding.status] ?? ["New", "New"];
	const exists = health !== "pending" && health !== "over_budget";
	const [problem, next_step] = PROBLEM[health] ?? [null, null];
	const ticket: Ticket = {
		id: randomUUID(),
		title: `[${finding.severity}] ${finding.title}`,
		health,
		copies: [],
		repairs: health === "deleted" ? ["restore", "replace", "bind", "release"] : [],
		problem,
		next_step: health === "conflict" ? "Decide whose value counts." : next_step,
		status: finding.status,
		connection: named(connection),
		destination: named(destination),
		rules: [named(rule)],
		work_item: exists
			? {
					id: number,
					revision: 4,
					url: `https://dev.azure.com/contoso/Webshop/_workitems/edit/${number}`,
					work_item_type: "Bug",
					state,
					column,
					assignee: number % 3 === 0 ? "Mona Blake" : null,
					iteration: "Webshop\\Sprint 12",
					comments: number % 4,
					due_date: null,
				}
			: null,
		findings: 1,
		conflicts: health === "conflict" ? [{ field: "Priority", key: "priority", ours: "1", theirs: "3" }] : [],
		attempts: health === "retrying" ? 2 : health === "parked" ? 8 : 0,
		next_attempt_at: health === "retrying" ? before(-0.1) : null,
		synced_at: exists ? before(0.2) : null,
		created_at: before(90),
	};
	finding.ticket = ticketRef(ticket);
	return ticket;
}

export function ticketRef(ticket: Ticket): FindingSummary["ticket"] {
	return {
		id: ticket.id,
		work_item_id: ticket.work_item?.id,
		url: ticket.work_item?.url,
		health: ticket.health,
		state: ticket.work_item?.state,
		column: ticket.work_item?.column,
		assignee: ticket.work_item?.assignee,
	};
}

function makeLog(ticket: Ticket): TicketLogEntry[] {
	if (!ticket.work_item) return [];
	return [
		{
			id: randomUUID(),
			at: before(2),
			cause: { kind: "scan", label: "CodeQL on webshop/payments" },
			what: "Severity followed the scanner.",
			fields: [
				{ field: "Severity", from: "3 - Medium", to: "2 - High", reason: "the finding is high" },
				{ field: "Priority", from: "3", to: "2", reason: "the finding is high" },
			],
		},
		{
			id: randomUUID(),
			at: before(90),
			cause: { kind: "rule", label: `${ticket.rules[0]?.name}, version 3` },
			what: `Created ${ticket.work_item.work_item_type} ${ticket.work_item.id}.`,
			fields: [
				{ field: "Title", from: "", to: ticket.title, reason: "new work item" },
				{ field: "State", from: "", to: "New", reason: "Identified is said with New" },
			],
		},
	];
}

function makeScan(asset: Asset, index: number): Scan {
	return {
		id: randomUUID(),
		asset: named(asset),
		scanner: index % 2 === 0 ? "CodeQL" : "Trivy",
		scanner_version: "2.19.3",
		format: index % 2 === 0 ? "sarif" : "trivy",
		configuration: "nightly",
		branch: "main",
		commit: "9f1c2e7ab34d5e6f708192a3b4c5d6e7f8091a2b",
		started_at: before(3 + index * 8),
		imported_at: before(2.9 + index * 8),
		state: index === 1 ? "quarantined" : index === 6 ? "failed" : "committed",
		coverage: { extent: index % 7 === 3 ? "partial" : "full", paths: [] },
		observations: 40 + index,
		new: index % 4,
		regressed: index % 9 === 0 ? 1 : 0,
		fixed: index % 3,
		filename: index % 2 === 0 ? "codeql.sarif" : "trivy.json",
	};
}

export function severityMap(): NonNullable<Destination["severity_map"]> {
	return {
		critical: { priority: 1, severity: "1 - Critical" },
		high: { priority: 2, severity: "2 - High" },
		medium: { priority: 3, severity: "3 - Medium" },
		low: { priority: 4, severity: "4 - Low" },
		info: { priority: 4, severity: "4 - Low" },
	};
}

export function statusMap(): NonNullable<Destination["status_map"]> {
	return {
		identified: { state: "New" },
		in_progress: { state: "Active", accepted: [{ column: "In Review" }] },
		awaiting_validation: { state: "Resolved" },
		risk_accepted: { state: "Closed" },
		false_positive: { state: "Closed" },
		fixed: { state: "Closed" },
	};
}

const test = (name: RuleOperatorName, label: string) => ({ name, label });
type RuleOperatorName = RuleFact["operators"][number]["name"];

/** Some of what criteria may ask for: one of each sort that the pages know. */
export const ruleFacts: RuleFact[] = [
	{
		name: "severity",
		label: "Severity",
		of: "finding",
		kind: "severity",
		groups: true,
		words: ["info", "low", "medium", "high", "critical"],
		operators: [test("at_least", "at least"), test("is_one_of", "is one of")],
	},
	{
		name: "title",
		label: "Title",
		of: "finding",
		kind: "text",
		groups: true,
		words: [],
		operators: [test("is", "is"), test("is_one_of", "is one of"), test("contains", "contains"), test("is_set", "is set")],
	},
	{
		name: "first_seen",
		label: "First seen",
		of: "finding",
		kind: "time",
		groups: false,
		words: [],
		operators: [test("since", "since"), test("until", "until")],
	},
	{
		name: "fix_available",
		label: "Fix available",
		of: "component",
		kind: "truth",
		groups: true,
		words: [],
		operators: [test("is", "is")],
	},
	{
		name: "asset_tag",
		label: "Tag of the asset",
		of: "asset",
		kind: "text",
		groups: false,
		words: [],
		operators: [test("is", "is"), test("contains", "contains")],
	},
];
