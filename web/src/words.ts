/** The words for people. Names are those of the API; nothing here decides anything. */
import type {
	CauseKind,
	FindingKind,
	Grouping,
	PlanAction,
	Role,
	ScanState,
	Severity,
	SeverityCounts,
	SignInShown,
	Status,
	TicketHealth,
} from "./api/types";

export const SEVERITIES = ["critical", "high", "medium", "low", "info"] as const satisfies readonly Severity[];

export const SEVERITY: Record<Severity, string> = {
	critical: "Critical",
	high: "High",
	medium: "Medium",
	low: "Low",
	info: "Info",
};

export const STATUSES = [
	"draft",
	"created",
	"identified",
	"in_progress",
	"waiting",
	"awaiting_validation",
	"risk_accepted",
	"false_positive",
	"suppressed",
	"duplicate",
	"fixed",
] as const satisfies readonly Status[];

export const STATUS: Record<Status, string> = {
	draft: "Draft",
	created: "Created",
	identified: "Identified",
	in_progress: "In Progress",
	waiting: "Waiting",
	awaiting_validation: "Awaiting Validation",
	risk_accepted: "Risk Accepted",
	false_positive: "False Positive",
	suppressed: "Suppressed",
	duplicate: "Duplicate",
	fixed: "Fixed",
};

/** What a status says, in one sentence. */
export const STATUS_MEANS: Record<Status, string> = {
	draft: "A manual finding that is not published yet.",
	created: "Seen by a scan, nobody has looked at it yet.",
	identified: "Confirmed. Tickets are made from here on.",
	in_progress: "Somebody works on it.",
	waiting: "Work on it waits for something.",
	awaiting_validation: "Somebody says it is fixed. Only a scan proves it.",
	risk_accepted: "The risk is accepted, until a person or a date ends that.",
	false_positive: "It is no weakness.",
	suppressed: "It is not to be looked at.",
	duplicate: "The same weakness as another finding.",
	fixed: "A scan that covered the place did not see it any more.",
};

export const HEALTHS = [
	"parked",
	"conflict",
	"missing",
	"retrying",
	"over_budget",
	"pending",
	"waiting",
	"in_step",
	"closed",
] as const satisfies readonly TicketHealth[];

export const HEALTH: Record<TicketHealth, string> = {
	in_step: "In step",
	waiting: "Waiting",
	pending: "Pending",
	over_budget: "Over budget",
	conflict: "Conflict",
	retrying: "Retrying",
	parked: "Parked",
	missing: "Missing",
	closed: "Closed",
};

export const HEALTH_MEANS: Record<TicketHealth, string> = {
	in_step: "Lockstep and the board agree.",
	waiting: "A change waits to be carried over.",
	pending: "The work item is not created yet.",
	over_budget: "The destination may get no more work items today.",
	conflict: "A person decided otherwise on the board. Their value stays; ours is shown beside it.",
	retrying: "The last try failed. Lockstep tries again by itself.",
	parked: "It failed too often, or only a person can mend it.",
	missing: "The work item was deleted or can no longer be read.",
	closed: "All its findings are closed, and so is the work item.",
};

/** How much a health asks of a person. */
export const HEALTH_TONE: Record<TicketHealth, "good" | "quiet" | "warn" | "bad"> = {
	in_step: "good",
	closed: "quiet",
	waiting: "quiet",
	pending: "quiet",
	over_budget: "warn",
	conflict: "warn",
	retrying: "warn",
	missing: "bad",
	parked: "bad",
};

export const KIND: Record<FindingKind, string> = {
	code: "Code",
	component: "Component",
	secret: "Secret",
	misconfiguration: "Misconfiguration",
	license: "Licence",
	web: "Web",
	host: "Host",
};

export const CAUSE: Record<CauseKind, string> = {
	scan: "Scan",
	rule: "Rule",
	person: "Person",
	work_item: "Board",
	clock: "Clock",
};

export const SCAN_STATE: Record<ScanState, string> = {
	staging: "Being read",
	committed: "In effect",
	quarantined: "Quarantined",
	failed: "Failed",
};

export const ACTION: Record<PlanAction, string> = {
	create: "Create",
	update: "Change",
	close: "Close",
	reopen: "Reopen",
	follow: "Follow the board",
	wait: "Wait",
};

export const GROUPING: Record<Grouping, string> = {
	per_finding: "One ticket for each finding",
	per_vulnerability_and_asset: "One ticket for all findings of one vulnerability on one asset",
};

export const ROLES = ["reader", "importer", "analyst", "administrator"] as const satisfies readonly Role[];

export const ROLE: Record<Role, string> = {
	reader: "Reader",
	importer: "Importer",
	analyst: "Analyst",
	administrator: "Administrator",
};

/** Each role includes the ones before it. */
export function includes(role: Role, needed: Role): boolean {
	return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}

export function total(counts: SeverityCounts): number {
	return SEVERITIES.reduce((sum, severity) => sum + counts[severity], 0);
}

const NUMBER = new Intl.NumberFormat("en");
export const number = (value: number) => NUMBER.format(value);

/** `1 finding`, `2 findings`. */
export function count(value: number, word: string, words = `${word}s`): string {
	return `${number(value)} ${value === 1 ? word : words}`;
}

const DAY = new Intl.DateTimeFormat("en", { day: "numeric", month: "short", year: "numeric" });
const MOMENT = new Intl.DateTimeFormat("en", {
	day: "numeric",
	month: "short",
	year: "numeric",
	hour: "2-digit",
	minute: "2-digit",
	hourCycle: "h23",
	timeZoneName: "short",
});

export const day = (at: string) => DAY.format(new Date(at));
export const moment = (at: string) => MOMENT.format(new Date(at));

const AGO = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const STEPS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
	["year", 31_536_000],
	["month", 2_592_000],
	["week", 604_800],
	["day", 86_400],
	["hour", 3_600],
	["minute", 60],
];

/** How long ago, or how far off, in the largest fitting unit. */
export function ago(at: string, now: number): string {
	const seconds = (new Date(at).getTime() - now) / 1000;
	for (const [unit, length] of STEPS) {
		if (Math.abs(seconds) >= length) return AGO.format(Math.round(seconds / length), unit);
	}
	return "just now";
}

/** `src/app.ts:12–14`. */
export function place(path: string, start?: number | null, end?: number | null): string {
	if (!start) return path;
	return end && end !== start ? `${path}:${start}–${end}` : `${path}:${start}`;
}

/** How a connection signs in, as the end of a sentence. */
export function signsInWith(signIn: SignInShown): string {
	switch (signIn.method) {
		case "personal_access_token":
			return "personal access token";
		case "client_secret":
			return `Entra application ${signIn.client_id} of ${signIn.tenant}`;
		case "managed_identity":
			return signIn.client_id ? `managed identity ${signIn.client_id} of the server` : "managed identity of the server";
		case "workload_identity":
			return `Entra application ${signIn.client_id} of ${signIn.tenant}, which trusts the server's platform`;
		case "person":
			return `${signIn.name}, signed in with Microsoft (application ${signIn.client_id})`;
	}
}
