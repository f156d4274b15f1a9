/** `/api/v1` as the pages need it, over a world in memory. */
import { createHash, randomUUID } from "node:crypto";
import { alarmRoutes } from "./alarms";
import { type Answer, NOT_FOUND, ok, page, problem, type Route, type Table } from "./answers";
import { commentRoutes } from "./comments";
import { counts, isOpen, now, ruleFacts, severityMap, statusMap, ticketRef, type World } from "./data";
import type {
	Apply,
	ApplyRequest,
	Connection,
	Destination,
	DestinationSettings,
	Finding,
	Job,
	LiveEvent,
	MapProblem,
	NewConnection,
	NewDestination,
	Overview,
	Plan,
	RuleCheck,
	RuleProblem,
	RuleSettings,
	SetStatus,
	Status,
	TemplateSet,
	Templates,
	Ticket,
} from "./types";

const STANDARD: TemplateSet = {
	name: "Standard",
	title: "[{{ first.severity }}] {{ first.title }}",
	block: "<p>{{ first.place }}</p>",
};

/** Sets of templates. */
const sets: Templates[] = [
	{
		id: randomUUID(),
		version: 1,
		set: { name: "Short", title: "{{ first.title }}" },
		destinations: [],
		work_items: 0,
		created_at: now(),
		changed_at: now(),
	},
];

const COLUMNS = [
	["New", "New"],
	["Active", "Active"],
	["In Review", "Active"],
	["Resolved", "Resolved"],
	["Closed", "Closed"],
] as const;

type Announce = (event: LiveEvent) => void;

export function routes(world: World, announce: Announce): Table {
	const find = <T extends { id: string }>(list: readonly T[], id: string | undefined) => list.find((entry) => entry.id === id);
	const one = <T extends { id: string }>(list: () => readonly T[]): Route => {
		return (_call, id) => {
			const entry = find(list(), id);
			return entry ? ok(entry) : NOT_FOUND;
		};
	};

	const slaCounts = () => {
		const counted = (state: string) => world.findings.filter((finding) => isOpen(finding.status) && finding.sla === state).length;
		return {
			breached: counted("breached"),
			approaching: counted("approaching"),
			on_track: counted("on_track"),
			not_covered: counted("not_covered"),
		};
	};
	let matrix: unknown = {
		days: {
			critical: { unknown: 7, low: 14, medium: 7, high: 7, critical: 3 },
			high: { unknown: 30, low: 45, medium: 30, high: 30, critical: 14 },
			medium: { unknown: 90, low: 120, medium: 90, high: 90, critical: 45 },
			low: { unknown: 180, low: 270, medium: 180, high: 180, critical: 90 },
		},
		known_exploited: 14,
		approaching_percent: 25,
	};
	let slaVersion = 1;
	const UPLOADS = "00000000-0000-7000-8000-000000000001";
	const source = () => ({
		id: "00000000-0000-7000-8000-000000000000",
		name: "Production cloud",
		fetch: {
			tenant: "contoso.example",
			client_id: "11111111-2222-3333-4444-555555555555",
			subscriptions: ["66666666-7777-8888-9999-000000000000"],
			every_minutes: 360,
		},
		rules: [
			{
				name: "images",
				places: ["**.azurecr.io/**"],
				min_severity: "high",
				fixable_only: true,
				asset: { name: "image $1", pattern: "azurecr[.]io/(.+)$", create: true },
				tags: ["container"],
				start: "identified",
			},
			{ name: "everything else", fixable_only: false, asset: { name: "the cloud", create: false }, start: "created" },
		],
		enabled: true,
		version: 3,
		running: false,
		due_at: "2026-03-14T12:00:00Z",
		last_run: { started_at: "2026-03-14T06:00:00Z", rows: 4210, job: "00000000-0000-7000-8000-000000000000" },
		problem: null,
		created_at: "2026-01-14T06:00:00Z",
	});
	const ingestPreview = {
		results: 412,
		taken: 190,
		left_out: { severity: 180, no_rule: 42 },
		nobodys: ["Storage accounts should restrict network access"],
		not_seen: { healthy: 1200 },
		assets: ["image shop/api", "image shop/web", "the cloud"].map((name, index) => ({
			name,
			exists: index > 0,
			created: index === 0,
			taken: [110, 60, 20][index],
			left_out: {},
			tags: index < 2 ? ["container"] : [],
			examples: ["CVE-2026-1234 in openssl"],
		})),
		assets_total: 3,
		whole: true,
	};
	const suppression = () => ({
		id: "00000000-0000-7000-8000-000000000000",
		version: 2,
		name: "Test code",
		reason: "Test code is not shipped",
		criteria: { all: [{ path: { matches: "test/**" } }] },
		enabled: true,
		until: null,
		about: "Path matches test/**",
		in_effect: true,
		findings: 14,
		created_by: "Ada Lovelace",
		created_at: "2026-03-14T06:00:00Z",
	});
	const sla = () => ({ matrix, version: slaVersion, counts: slaCounts() });

	const overview = (): Overview => {
		const by = <K extends string>(words: readonly K[]) =>
			[...new Set(words)].map((word) => [word, words.filter((w) => w === word).length] as const);
		return {
			open: counts(world.findings.filter((finding) => isOpen(finding.status))),
			by_status: by(world.findings.map((finding) => finding.status)).map(([status, count]) => ({ status, count })),
			sla: slaCounts(),
			known_exploited: world.findings.filter((finding) => isOpen(finding.status) && finding.known_exploited).length,
			tickets: by(world.tickets.map((ticket) => ticket.health)).map(([health, count]) => ({ health, count })),
			assets: world.assets.length,
			recent_scans: world.scans.slice(0, 5),
			attention: [
				{
					message: "1 scan saw suspiciously few findings.",
					next_step: "Confirm the scan if so many findings are really fixed.",
					link: "/scans",
				},
				{ message: "2 tickets are parked.", next_step: "Read what is wrong and try again.", link: "/tickets?health=parked" },
			],
		};
	};

	const setStatus = (finding: Finding, status: Status, cause: { kind: "person" | "work_item"; label: string }, what: string) => {
		world.history.get(finding.id)?.unshift({ id: randomUUID(), at: now(), cause, what, from: finding.status, to: status });
		finding.status = status;
		announce({ kind: "finding", id: finding.id });
	};

	const job = (kind: Job["kind"], result: Partial<Job>, then?: () => void): Answer => {
		const started: Job = { id: randomUUID(), kind, state: "running", done: 0, total: 4, message: "At work", created_at: now() };
		world.jobs.set(started.id, started);
		const step = () => {
			started.done += 1;
			if (started.done < 4) setTimeout(step, 150);
			else {
				Object.assign(started, result, { state: "succeeded", finished_at: now() });
				then?.();
			}
			announce({ kind: "job", id: started.id });
		};
		setTimeout(step, 150);
		return { status: 202, body: started };
	};

	const plan = (): Plan => ({
		tickets: world.tickets.slice(0, 6).map((ticket, index) => ({
			ticket_id: index === 0 ? null : ticket.id,
			work_item_id: index === 0 ? null : ticket.work_item?.id,
			title: ticket.title,
			destination: ticket.destination.name,
			action: (["create", "update", "follow", "reopen", "close", "wait"] as const)[index] ?? "update",
			fields:
				index === 0
					? [
							{ field: "Title", from: "", to: ticket.title, reason: "new work item" },
							{ field: "State", from: "", to: "New", reason: "Identified is said with New" },
						]
					: [{ field: "State", from: "Resolved", to: "Active", reason: "a scan that started after the claim still sees it" }],
			// What follows the board or waits writes nothing there.
			...(index === 2 || index === 5
				? {}
				: { fingerprint: createHash("sha256").update(ticket.id).digest("hex"), revision: index === 0 ? null : 3 }),
			reason: index === 0 ? "The rule High and critical in production matches." : "The finding changed since both sides agreed.",
		})),
		create: 1,
		update: 3,
		follow: 1,
		nothing: 31,
		over_budget: 1,
	});

	const applies: Apply[] = [];
	/** The second row is refused, as if somebody had been quicker. */
	const applying = (rows: readonly { ticket_id: string }[], undoes?: string): Apply => {
		const tickets = rows.map(({ ticket_id }, index): Apply["tickets"][number] => {
			const ticket = world.tickets.find((known) => known.id === ticket_id);
			const refused = index === 1 && !undoes;
			return {
				ticket_id,
				title: ticket?.title ?? "A new work item",
				work_item_id: ticket?.work_item?.id,
				state: refused ? "refused" : "applied",
				reason: refused ? "The work item was at revision 3, and is at revision 4 now." : null,
			};
		});
		const apply: Apply = { id: randomUUID(), at: now(), by: "admin", undoes, tickets };
		applies.push(apply);
		return apply;
	};

	/** Only what the pages show a problem for: a text that nobody typed yet. */
	const checkRule = (settings: RuleSettings): RuleCheck => {
		const problems: RuleProblem[] = [];
		const look = (node: unknown, at: string) => {
			if (Array.isArray(node)) for (const [index, inner] of node.entries()) look(inner, `${at}/${index}`);
			else if (typeof node === "object" && node) {
				for (const [word, inner] of Object.entries(node)) look(inner, `${at}/${word}`);
			} else if (node === "")
				problems.push({ at, message: "the condition is compared with an empty text", mend: "write a text" });
		};
		look(settings.criteria, "/criteria");
		return problems.length > 0 ? { problems } : { problems, matching: 37, about: "as it says" };
	};

	const check = (settings: DestinationSettings) => {
		const filled: DestinationSettings = {
			...settings,
			name: settings.name || `${settings.project} / ${settings.team || "Payments"}`,
			team: settings.team || "Payments",
			board: settings.board || "Stories",
			area: settings.area || `${settings.project}\\Payments`,
			status_map: Object.keys(settings.status_map ?? {}).length > 0 ? settings.status_map : statusMap(),
			severity_map: settings.severity_map ?? severityMap(),
			daily_budget: settings.daily_budget ?? 200,
		};
		const problems: MapProblem[] = [];
		const seen = new Map<string, string>();
		for (const [status, entry] of Object.entries(filled.status_map ?? {})) {
			if (entry.state === "Removed")
				problems.push({
					row: { status: status as Status },
					message: "'Removed' cannot be reached from the initial state 'New' of Bug",
					mend: "choose a state that the workflow can reach without passing through a closed one",
				});
			seen.set(status, entry.state ?? "");
		}
		if (!seen.has("identified"))
			problems.push({
				row: { status: "identified" },
				message: "Identified has no state or column: new work items would have no place",
				mend: "choose a state of Bug: New, Active, Resolved, Closed",
			});
		return { settings: filled, problems };
	};

	const connectionCheck = (draft?: NewConnection) => {
		const token = draft?.sign_in.method === "personal_access_token" ? draft.sign_in.token : "good";
		const good = token !== "bad";
		return {
			ok: good,
			steps: [
				{
					name: "Sign in",
					outcome: good ? "ok" : "failed",
					message: good ? "Signed in as Lockstep Service." : "Azure DevOps refused the token (401).",
					next_step: good ? undefined : "Make a new token with the scope Work Items (read & write) and put it in here.",
				},
				{ name: "Organization", outcome: good ? "ok" : "skipped", message: good ? "contoso" : "" },
				{ name: "Projects", outcome: good ? "ok" : "skipped", message: good ? "2 projects can be read." : "" },
				{ name: "May create work items", outcome: good ? "ok" : "skipped", message: good ? "A dry creation was accepted." : "" },
			],
		};
	};

	return [
		...alarmRoutes(),
		...commentRoutes(),
		["GET", /^\/version$/, () => ok({ version: "0.1.0", database: "sqlite" })],
		["POST", /^\/session\/password$/, () => ({ status: 204 })],
		["GET", /^\/overview$/, () => ok(overview())],
		[
			"GET",
			/^\/assets$/,
			({ query }) =>
				page(
					world.assets.filter((asset) => asset.name.includes(query.get("q") ?? "")),
					query,
				),
		],
		["GET", /^\/assets\/([^/]+)$/, one(() => world.assets)],
		[
			"PATCH",
			/^\/assets\/([^/]+)$/,
			({ body }, id) => {
				const asset = find(world.assets, id);
				return asset ? ok(Object.assign(asset, body)) : NOT_FOUND;
			},
		],
		[
			"POST",
			/^\/imports$/,
			({ query }) => {
				if (query.get("filename")?.endsWith(".txt"))
					return problem(
						422,
						"report_invalid",
						"The file notes.txt is no report that Lockstep knows.",
						"Send SARIF, Trivy, generic JSON or CSV.",
					);
				const none = counts([]);
				return job("import", {
					import: {
						scans: [world.scans[0]?.id ?? ""],
						already_imported: false,
						observations: 61,
						new: { ...none, critical: 1, high: 3, low: 4 },
						regressed: { ...none, high: 1 },
						still_open: { ...none, critical: 4, high: 11, medium: 22, low: 9 },
						fixed: { ...none, medium: 6 },
						quarantined: false,
						left_out: { severity: 12 },
					},
				});
			},
		],
		["GET", /^\/jobs\/([^/]+)$/, (_call, id) => (world.jobs.has(id ?? "") ? ok(world.jobs.get(id ?? "")) : NOT_FOUND)],
		[
			"GET",
			/^\/scans$/,
			({ query }) =>
				page(
					world.scans.filter((scan) => !query.get("asset") || scan.asset.id === query.get("asset")),
					query,
				),
		],
		["GET", /^\/scans\/([^/]+)$/, one(() => world.scans)],
		[
			"GET",
			/^\/scans\/([^/]+)\/comparison$/,
			(_call, id) =>
				ok({
					earlier: world.scans.at(-1),
					later: find(world.scans, id),
					new: { counts: counts(world.findings.slice(0, 4)), findings: world.findings.slice(0, 4) },
					gone: { counts: counts(world.findings.slice(4, 6)), findings: world.findings.slice(4, 6) },
					unchanged: 118,
				}),
		],
		[
			"POST",
			/^\/scans\/([^/]+)\/confirm$/,
			(_call, id) => {
				const scan = find(world.scans, id);
				if (!scan) return NOT_FOUND;
				scan.state = "committed";
				announce({ kind: "scan", id: scan.id });
				return ok(scan);
			},
		],
		[
			"GET",
			/^\/findings$/,
			({ query }) => {
				const statuses = query.get("status")?.split(",");
				const severities = query.get("severity")?.split(",");
				const text = query.get("q")?.toLowerCase();
				const found = world.findings.filter(
					(finding) =>
						(!statuses || statuses.includes(finding.status) || (statuses.includes("open") && isOpen(finding.status))) &&
						(!severities || severities.includes(finding.severity)) &&
						(!query.get("asset") || finding.asset.id === query.get("asset")) &&
						(!query.get("ticket") || finding.ticket?.id === query.get("ticket")) &&
						(!text || `${finding.title} ${finding.vulnerability_id} ${finding.place}`.toLowerCase().includes(text)),
				);
				return page(found, query);
			},
		],
		// Whatever the format and the filter: it is there to be downloaded, not to be read.
		["GET", /^\/findings\/export$/, () => ok(world.findings)],
		["GET", /^\/findings\/([^/]+)$/, one(() => world.findings)],
		["GET", /^\/findings\/([^/]+)\/history$/, ({ query }, id) => page(world.history.get(id ?? "") ?? [], query)],
		[
			"POST",
			/^\/findings\/([^/]+)\/status$/,
			({ body }, id) => {
				const finding = find(world.findings, id);
				if (!finding) return NOT_FOUND;
				const asked = body as SetStatus;
				finding.reason = asked.reason;
				finding.temporary_until = asked.until;
				finding.request = null;
				setStatus(finding, asked.status, { kind: "person", label: "admin" }, asked.reason || "Decided.");
				return ok(finding);
			},
		],
		[
			"GET",
			/^\/tickets$/,
			({ query }) => {
				const healths = query.get("health")?.split(",");
				const text = query.get("q")?.toLowerCase();
				const found = world.tickets.filter(
					(ticket) =>
						(!healths || healths.includes(ticket.health)) &&
						(!query.get("destination") || ticket.destination.id === query.get("destination")) &&
						(!text || ticket.title.toLowerCase().includes(text) || String(ticket.work_item?.id) === text),
				);
				return page(found, query);
			},
		],
		["GET", /^\/tickets\/([^/]+)$/, one(() => world.tickets)],
		["GET", /^\/tickets\/([^/]+)\/log$/, ({ query }, id) => page(world.log.get(id ?? "") ?? [], query)],
		[
			"POST",
			/^\/tickets\/([^/]+)\/conflicts\/([^/]+)$/,
			(_call, id, field) => {
				const ticket = find(world.tickets, id);
				if (!ticket) return NOT_FOUND;
				const conflicts = ticket.conflicts.filter((conflict) => conflict.key !== field);
				Object.assign(ticket, {
					conflicts,
					health: conflicts.length > 0 ? "conflict" : "in_step",
					problem: null,
					next_step: null,
				});
				return ok(ticket);
			},
		],
		[
			"POST",
			/^\/tickets\/([^/]+)\/retry$/,
			(_call, id) => {
				const ticket = find(world.tickets, id);
				if (!ticket) return NOT_FOUND;
				Object.assign(ticket, { health: "waiting", problem: null, next_step: null, attempts: 0 });
				return ok(ticket);
			},
		],
		["POST", /^\/plan$/, () => ok(plan())],
		["POST", /^\/plan\/applies$/, (call) => ok(applying((call.body as ApplyRequest).tickets))],
		["GET", /^\/plan\/applies$/, () => ok({ items: [] })],
		["GET", /^\/plan\/applies\/([^/]+)$/, (_call, id) => (find(applies, id) ? ok(find(applies, id)) : NOT_FOUND)],
		[
			"POST",
			/^\/plan\/applies\/([^/]+)\/undo$/,
			(_call, id) => {
				const before = find(applies, id);
				if (!before) return NOT_FOUND;
				const undo = applying(before.tickets, before.id);
				for (const row of before.tickets) row.undone_by = undo.id;
				return ok(undo);
			},
		],
		[
			"POST",
			/^\/reconcile$/,
			() =>
				job("reconcile", {
					reconcile: {
						tickets: world.tickets.length,
						read: world.tickets.length,
						created: 0,
						updated: 1,
						followed: 1,
						failed: 0,
					},
				}),
		],
		["GET", /^\/connections$/, ({ query }) => page(world.connections, query)],
		["POST", /^\/connections\/verify$/, ({ body }) => ok(connectionCheck(body as NewConnection))],
		[
			"POST",
			/^\/connections$/,
			({ body }) => {
				const draft = body as NewConnection;
				const made: Connection = {
					...(world.connections[0] as Connection),
					id: randomUUID(),
					name: draft.name || "Azure",
					organization: draft.organization,
					instance_url: draft.instance_url || "https://dev.azure.com",
					sign_in: { method: "personal_access_token" },
				};
				world.connections.push(made);
				return { status: 201, body: made };
			},
		],
		[
			"GET",
			/^\/connections\/sign-in$/,
			() =>
				ok({
					redirect_uri: "http://127.0.0.1:7070/connections/callback",
					managed_identity: false,
					workload_identity: true,
				}),
		],
		["POST", /^\/connections\/organizations$/, () => ok({ items: [{ id: randomUUID(), name: "contoso" }] })],
		[
			"POST",
			/^\/connections\/sign-in$/,
			() => ok({ authorize_url: "/connections/callback?code=mock&state=mock", expires_at: new Date().toISOString() }),
		],
		[
			"POST",
			/^\/connections\/sign-in\/finish$/,
			() => ok({ state: "mock", organizations: [{ id: randomUUID(), name: "contoso" }] }),
		],
		["POST", /^\/connections\/sign-in\/organization$/, () => ({ status: 201, body: world.connections[0] })],
		["GET", /^\/connections\/([^/]+)$/, one(() => world.connections)],
		[
			"PATCH",
			/^\/connections\/([^/]+)$/,
			({ body }, id) => {
				const connection = find(world.connections, id);
				const { sign_in: _secret, ...change } = body as Partial<Connection>;
				return connection ? ok(Object.assign(connection, change)) : NOT_FOUND;
			},
		],
		["POST", /^\/connections\/([^/]+)\/check$/, () => ok(connectionCheck())],
		...(["POST", "DELETE"] as const).map((method): Table[number] => [
			method,
			/^\/connections\/([^/]+)\/hooks$/,
			(_call, id) => {
				const connection = find(world.connections, id);
				return connection ? ok(Object.assign(connection, { hooks: method === "POST" ? "subscribed" : "none" })) : NOT_FOUND;
			},
		]),
		[
			"GET",
			/^\/connections\/[^/]+\/projects$/,
			({ query }) =>
				page(
					[
						{ id: randomUUID(), name: "Webshop" },
						{ id: randomUUID(), name: "Intranet" },
					],
					query,
				),
		],
		[
			"GET",
			/^\/connections\/[^/]+\/projects\/[^/]+\/teams$/,
			({ query }) =>
				page(
					[
						{ id: randomUUID(), name: "Payments", is_default: true },
						{ id: randomUUID(), name: "Storefront", is_default: false },
					],
					query,
				),
		],
		[
			"GET",
			/^\/connections\/[^/]+\/projects\/[^/]+\/teams\/[^/]+\/boards$/,
			() =>
				ok({
					boards: [
						{
							name: "Stories",
							columns: COLUMNS.map(([name, state]) => ({
								name,
								is_split: name === "In Review",
								states: { Bug: state, "User Story": state },
							})),
							lanes: ["Expedite"],
						},
					],
				}),
		],
		[
			"GET",
			/^\/connections\/[^/]+\/projects\/[^/]+\/types$/,
			() =>
				ok({
					types: ["Bug", "User Story"].map((name) => ({
						name,
						reference_name: `Microsoft.VSTS.WorkItemTypes.${name.replace(" ", "")}`,
						states: [
							{ name: "New", category: "Proposed" },
							{ name: "Active", category: "InProgress" },
							{ name: "Resolved", category: "Resolved" },
							{ name: "Closed", category: "Completed" },
							{ name: "Removed", category: "Removed" },
						],
						initial_state: "New",
						transitions: {},
						fields: name === "Bug" ? ["Microsoft.VSTS.Common.Severity"] : [],
					})),
				}),
		],
		["GET", /^\/connections\/[^/]+\/projects\/[^/]+\/types\/[^/]+\/fields$/, () => ok({ fields: [] })],
		["GET", /^\/connections\/[^/]+\/deletion$/, () => ok({ destinations: [], tickets: 0, work_items: 0, open_work_items: 0 })],
		["GET", /^\/destinations$/, ({ query }) => page(world.destinations, query)],
		["POST", /^\/destinations\/check$/, ({ body }) => ok(check(body as NewDestination))],
		[
			"POST",
			/^\/destinations$/,
			({ body }) => {
				const draft = body as NewDestination;
				const connection = find(world.connections, draft.connection_id) as Connection;
				const made: Destination = {
					...check(draft).settings,
					binding: draft.binding,
					id: randomUUID(),
					connection: { id: connection.id, name: connection.name },
					created_today: 0,
				};
				world.destinations.push(made);
				return { status: 201, body: made };
			},
		],
		["POST", /^\/destinations\/[^/]+\/plan$/, () => ok(plan())],
		["GET", /^\/destinations\/([^/]+)$/, one(() => world.destinations)],
		[
			"PUT",
			/^\/destinations\/([^/]+)$/,
			({ body }, id) => {
				const destination = find(world.destinations, id);
				const { connection_id: _connection, ...settings } = body as NewDestination;
				return destination ? ok(Object.assign(destination, settings)) : NOT_FOUND;
			},
		],
		[
			"GET",
			/^\/assets\/([^/]+)\/branches$/,
			() =>
				ok([
					{
						name: "feature/checkout",
						tracked: false,
						last_scan_at: "2026-03-20T06:00:00Z",
						open: counts(world.findings.slice(0, 9)),
					},
					{ name: "main", tracked: true, last_scan_at: "2026-03-19T06:00:00Z", open: counts(world.findings.slice(0, 14)) },
				]),
		],
		[
			"GET",
			/^\/assets\/([^/]+)\/comparison$/,
			() =>
				ok({
					only_head: counts(world.findings.slice(0, 2)),
					only_base: counts(world.findings.slice(2, 5)),
					both: counts(world.findings.slice(5, 14)),
				}),
		],
		[
			"GET",
			/^\/assessments$/,
			() =>
				ok(
					(["running", "planned", "completed"] as const).map((state, index) => ({
						id: `00000000-0000-7000-8000-00000000000${index}`,
						name: ["Penetration test of the checkout, spring", "Review of the build", "Campaign 2025"][index],
						description: index === 0 ? "By an external team; scope: everything a customer can reach." : "",
						starts_on: "2026-03-02",
						ends_on: index === 1 ? null : "2026-03-13",
						state,
						created_at: "2026-02-20T06:00:00Z",
						completed_at: state === "completed" ? "2026-03-14T06:00:00Z" : null,
						open: counts(world.findings.slice(0, 9 - index * 3)),
						closed: index * 4,
						scans: 3 - index,
					})),
				),
		],
		[
			"GET",
			/^\/acceptances$/,
			() =>
				ok({
					items: (["in_force", "ended", "revoked"] as const).map((state, index) => ({
						id: `00000000-0000-7000-8000-00000000000${index}`,
						state,
						reason: ["Only reachable from the office network", "It goes with the move to the new platform", "Test system"][index],
						evidence: index === 0 ? "The firewall rule was looked at by the network team." : "",
						link: index === 0 ? "https://wiki.example/decisions/7" : null,
						until: index === 2 ? null : "2027-01-31T23:59:59Z",
						days_left: [73, -4, null][index],
						at_end: index === 1 ? "keep" : "reopen",
						approver: "Ada Lovelace",
						requested_by: index === 1 ? "Grace Hopper" : null,
						granted_at: "2026-03-14T06:00:00Z",
						extended_at: index === 0 ? "2026-04-14T06:00:00Z" : null,
						extended_by: index === 0 ? "Ada Lovelace" : null,
						revoked_at: index === 2 ? "2026-05-14T06:00:00Z" : null,
						revoked_by: index === 2 ? "Ada Lovelace" : null,
						revoked_reason: index === 2 ? "It is reachable after all." : null,
						findings: [12, 2, 0][index],
						covered: [12, 3, 4][index],
					})),
				}),
		],
		["GET", /^\/acceptance-policy$/, () => ok({ end_required: true, longest_days: 365 })],
		[
			"GET",
			/^\/sources$/,
			() => ok([source(), { ...source(), id: UPLOADS, name: "Monorepo", fetch: null, last_run: null, due_at: null }]),
		],
		["GET", /^\/sources\/[0-9a-f-]+$/, () => ok(source())],
		["POST", /^\/sources\/[0-9a-f-]+\/preview$/, () => ok(ingestPreview)],
		["GET", /^\/suppressions$/, () => ok([suppression()])],
		["GET", /^\/suppressions\/[0-9a-f-]+$/, () => ok(suppression())],
		[
			"POST",
			/^\/suppressions\/preview$/,
			() =>
				ok({
					open: 40,
					suppress: counts(world.findings.slice(0, 7)),
					come_back: counts([]),
					decided_by_people: 2,
					tickets_closing: 3,
					examples: world.findings.slice(0, 3).map((finding) => ({
						id: finding.id,
						title: finding.title,
						severity: finding.severity,
						asset: finding.asset.name,
					})),
					needs_confirmation: false,
				}),
		],
		["GET", /^\/sla$/, () => ok(sla())],
		["POST", /^\/sla\/preview$/, () => ok({ ...slaCounts(), breached: slaCounts().breached + 3 })],
		[
			"PUT",
			/^\/sla$/,
			({ body }) => {
				matrix = body;
				slaVersion += 1;
				return ok(sla());
			},
		],
		[
			"GET",
			/^\/exploit-data$/,
			() =>
				ok([
					{
						source: "epss",
						loaded: {
							published_at: "2026-03-20T00:00:00Z",
							loaded_at: "2026-03-20T06:00:00Z",
							version: "v2026.03.14",
							records: 271_408,
							origin: "epss_scores-2026-03-20.csv.gz",
							loaded_by: "admin",
						},
						url: null,
						problem: null,
					},
					{
						source: "kev",
						loaded: null,
						url: "https://mirror.example/known_exploited_vulnerabilities.json",
						problem: "https://mirror.example/known_exploited_vulnerabilities.json answered 503",
					},
				]),
		],
		["GET", /^\/templates$/, ({ query }) => page(sets, query)],
		["GET", /^\/templates\/standard$/, () => ok(STANDARD)],
		[
			"POST",
			/^\/templates$/,
			({ body }) => {
				const made: Templates = {
					id: randomUUID(),
					version: 1,
					set: body as TemplateSet,
					destinations: [],
					work_items: 0,
					created_at: now(),
					changed_at: now(),
				};
				sets.push(made);
				return { status: 201, body: made };
			},
		],
		[
			"POST",
			/^\/templates\/preview$/,
			({ body }) => {
				const { set } = body as { set: TemplateSet };
				const wrong = set.title?.includes("{{ fist") ?? false;
				const row = { row: "title", line: 1, message: "there is no 'fist'", mend: "use one of: first, findings" };
				const examples = world.findings.slice(0, 2).map((finding) => ({
					ticket: null,
					finding: finding.id,
					name: finding.title,
					title: set.title && !wrong ? set.title.replace(/\{\{.*?\}\}/g, finding.title) : `[High] ${finding.title}`,
					title_length: 40,
					block: `<p><b>high</b> · ${finding.vulnerability_id}</p><ul><li><a href="https://example.com/">here</a></li></ul><script>alert(1)</script>`,
					block_length: 120,
					comment: "<p>A scan covered its place and did not see it any more.</p>",
					tags: [],
				}));
				return ok({ problems: wrong ? [row] : [], examples });
			},
		],
		["GET", /^\/templates\/([^/]+)$/, one(() => sets)],
		[
			"GET",
			/^\/routing$/,
			() => {
				const [first] = world.destinations;
				const step = first && {
					destination: { id: first.id, name: first.name ?? "" },
					reason: "is the default: nothing more specific takes it",
				};
				return ok({ taken_by: step, others: [] });
			},
		],
		["GET", /^\/rules$/, ({ query }) => page(world.rules, query)],
		[
			"POST",
			/^\/rules\/plan$/,
			() =>
				ok({
					...plan(),
					existing: { ...plan(), tickets: plan().tickets.slice(0, 1) },
					matching: 37,
					with_ticket: 31,
					taken: 1,
					destinations: [
						{
							id: world.destinations[0]?.id,
							name: world.destinations[0]?.name,
							findings: 5,
							create: 1,
							join: 3,
							wait: 1,
							why: "the budget of 200 a day is used up",
						},
					],
				}),
		],
		["POST", /^\/rules\/check$/, ({ body }) => ok(checkRule(body as RuleSettings))],
		["GET", /^\/rules\/counts$/, () => ok(world.rules.map((rule) => ({ id: rule.id, matching: 37 })))],
		["GET", /^\/rules\/facts$/, () => ok(ruleFacts)],
		[
			"PUT",
			/^\/rules\/order$/,
			({ body }) => {
				const { rules } = body as { rules: string[] };
				world.rules.sort((left, right) => rules.indexOf(left.id) - rules.indexOf(right.id));
				return ok({ items: world.rules });
			},
		],
		[
			"POST",
			/^\/rules$/,
			({ body }) => {
				const made = {
					...(body as RuleSettings),
					id: randomUUID(),
					version: 1,
					about: "as it says",
					since: now(),
					created_at: now(),
				};
				world.rules.push(made);
				return { status: 201, body: made };
			},
		],
		["GET", /^\/rules\/([^/]+)$/, one(() => world.rules)],
		[
			"PUT",
			/^\/rules\/([^/]+)$/,
			({ body }, id) => {
				const rule = find(world.rules, id);
				return rule ? ok(Object.assign(rule, body, { version: rule.version + 1 })) : NOT_FOUND;
			},
		],
		["GET", /^\/tokens$/, ({ query }) => page(world.tokens, query)],
		[
			"POST",
			/^\/tokens$/,
			({ body }) => {
				const made = { ...(body as { name: string; role: "reader" }), id: randomUUID(), created_at: now() };
				world.tokens.push(made);
				return { status: 201, body: { ...made, secret: `lks_${randomUUID().replaceAll("-", "")}` } };
			},
		],
		...(["rules", "destinations", "connections", "tokens"] as const).map((kind): Table[number] => [
			"DELETE",
			new RegExp(`^/${kind}/([^/]+)$`),
			(_call, id) => {
				const list: { id: string }[] = world[kind];
				const index = list.findIndex((entry) => entry.id === id);
				if (index < 0) return NOT_FOUND;
				list.splice(index, 1);
				return { status: 204 };
			},
		]),
	];
}

/** A person moves a card on the mock's board: what the real engine does after a hook. */
export function moveCard(world: World, workItem: number, state: string, announce: Announce): Ticket | undefined {
	const ticket = world.tickets.find((entry) => entry.work_item?.id === workItem);
	if (!ticket?.work_item) return undefined;
	ticket.work_item = { ...ticket.work_item, state, column: state, revision: ticket.work_item.revision + 1 };
	const status: Status = state === "Active" ? "in_progress" : state === "New" ? "identified" : "awaiting_validation";
	ticket.status = status;
	for (const finding of world.findings.filter((entry) => entry.ticket?.id === ticket.id)) {
		world.history.get(finding.id)?.unshift({
			id: randomUUID(),
			at: now(),
			cause: { kind: "work_item", label: `Bug ${workItem}, revision ${ticket.work_item.revision}` },
			what: `The card was moved to ${state}.`,
			from: finding.status,
			to: status,
		});
		finding.status = status;
		finding.ticket = ticketRef(ticket);
		announce({ kind: "finding", id: finding.id });
	}
	announce({ kind: "ticket", id: ticket.id });
	return ticket;
}
