/** The words for people. Names are those of the API; nothing here decides anything. */
import type {
	AcceptanceState,
	AlarmKind,
	AlarmWay,
	AppliesTo,
	AssessmentState,
	Binding,
	CauseKind,
	CloseWhen,
	DeletionPolicy,
	DetectionState,
	ExportFormat,
	FactOf,
	FindingKind,
	Grouping,
	Impact,
	Lag,
	LateMember,
	Meaning,
	OnMatch,
	PlanAction,
	Release,
	RepairKind,
	Role,
	ScanState,
	Severity,
	SeverityCounts,
	SignInShown,
	SlaState,
	StartStatus,
	Status,
	Stroke,
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

export const EXPORT_FORMATS = ["csv", "json", "sarif", "openvex", "cyclonedx"] as const satisfies readonly ExportFormat[];

export const EXPORT_FORMAT: Record<ExportFormat, { label: string; about: string }> = {
	csv: { label: "CSV", about: "A table for spreadsheets" },
	json: { label: "JSON", about: "Findings in full, as the API says them" },
	sarif: { label: "SARIF", about: "The open ones of these findings" },
	openvex: { label: "OpenVEX", about: "What was decided about vulnerabilities" },
	cyclonedx: { label: "CycloneDX VEX", about: "What was decided about vulnerabilities" },
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
	awaiting_validation: "Somebody says it is fixed. Only a scan proves it, or a validator if a person wrote it down.",
	risk_accepted: "The risk is accepted, until a person or a date ends that.",
	false_positive: "It is no weakness.",
	suppressed: "It is not to be looked at.",
	duplicate: "The same weakness as another finding.",
	fixed: "A scan that covered the place did not see it any more, or a validator found it fixed.",
};

export const HEALTHS = [
	"parked",
	"held",
	"conflict",
	"missing",
	"deleted",
	"destroyed",
	"moved",
	"type_changed",
	"merged",
	"copied",
	"retrying",
	"over_budget",
	"pending",
	"waiting",
	"in_step",
	"closed",
	"released",
] as const satisfies readonly TicketHealth[];

export const HEALTH: Record<TicketHealth, string> = {
	in_step: "In step",
	waiting: "Waiting",
	pending: "Pending",
	over_budget: "Over budget",
	conflict: "Conflict",
	retrying: "Retrying",
	parked: "Parked",
	held: "Held",
	missing: "Missing",
	deleted: "Deleted",
	destroyed: "Destroyed",
	moved: "Moved",
	type_changed: "Type changed",
	merged: "Merged",
	copied: "Copied",
	released: "Released",
	closed: "Closed",
};

export const HEALTH_MEANS: Record<TicketHealth, string> = {
	in_step: "Lockstep and the board agree.",
	waiting: "A change waits to be carried over.",
	pending: "The work item is not created yet.",
	over_budget: "The destination may get no more work items today.",
	conflict: "A person decided otherwise on the board. Their value stays; ours is shown beside it.",
	retrying: "The last try failed. Lockstep tries again by itself.",
	held: "More would happen at once, or more often, than usual. A person should look first.",
	parked: "It failed too often, or only a person can mend it.",
	missing: "The work item can no longer be read, and Azure DevOps does not say why.",
	deleted: "The work item lies in the recycle bin.",
	destroyed: "The work item was deleted for good.",
	moved: "The work item is in another project.",
	type_changed: "The work item has another type.",
	merged: "The work item was closed as a duplicate of another one.",
	copied: "Other work items carry the key of this ticket. Only this one is kept in step.",
	released: "The ticket has ended. Nothing is written for it any more.",
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
	deleted: "bad",
	destroyed: "bad",
	moved: "warn",
	type_changed: "warn",
	merged: "warn",
	copied: "warn",
	released: "quiet",
	parked: "bad",
	held: "warn",
};

export const ALARM: Record<AlarmKind, string> = {
	breaker_tripped: "Breaker tripped",
	credential_dead: "Sign-in refused",
	hooks_silent: "Service hooks silent",
	rule_stopped: "Rule stopped",
	request_waiting: "Decision asked for",
	ticket_parked: "Tickets parked",
	flapping: "Card moved back and forth",
	duplicate_work_items: "Duplicate work items",
	process_changed: "Process changed",
	budget_used_up: "Daily budget used up",
	scan_quarantined: "Scan quarantined",
	sla_breached: "Due dates breached",
	exploit_data_missing: "Exploit data not fetched",
	acceptance_ended: "Acceptances ended",
	source_failing: "Source not fetched",
};

/** How an alarm is sent. */
export const ALARM_WAY: Record<AlarmWay["way"], string> = { webhook: "Webhook", mail: "Mail" };

/** What a breaker holds back, as the continuation of "would". */
export const STROKE: Record<Stroke, string> = { create: "create", close: "close", reopen: "open again" };
/** What mends a ticket, as a button says it. */
export const REPAIR: Record<RepairKind, string> = {
	restore: "Restore it",
	replace: "Make a new one",
	release: "Release the ticket",
	follow_there: "Follow it there",
	hand_over: "Hand over…",
	bind: "Use another work item…",
	ignore: "Go on as it is",
	merge_into: "Merge into another ticket",
	move_to: "Move to another destination",
};

/** What a mend does, before it is done. */
export const REPAIR_MEANS: Record<RepairKind, string> = {
	restore: "The work item is taken back out of the recycle bin and kept in step again.",
	replace: "A new work item is made for the findings of this ticket. The old one is not followed any more.",
	release: "The ticket ends: nothing is written for it any more, its findings have no ticket, and no new one is made.",
	follow_there: "The work item is right where it is. It is kept in step there, and nothing more is said about it.",
	hand_over: "The ticket belongs to another destination, whose project and type the work item has.",
	bind: "This ticket follows another work item from now on. What people wrote there stays; our text is added.",
	ignore: "It is meant to be so: it is kept in step as it is, and nothing more is said about it.",
	merge_into: "The work item is closed as a duplicate of the one that has its findings now; then the ticket ends.",
	move_to: "The work item is closed, and a new one is made at the other destination, linked to it.",
};

/** What a state says about findings. */
export const IMPACT: Record<Impact, string> = {
	unknown: "Not said",
	low: "Low",
	medium: "Medium",
	high: "High",
	critical: "Critical",
};

export const IMPACTS = ["critical", "high", "medium", "low", "unknown"] as const satisfies readonly Impact[];

/** How a finding stands to the newest scans of the tracked branches. */
export const DETECTION: Record<DetectionState, string> = {
	detected: "Detected",
	not_covered: "Not covered",
	no_longer_detected: "No longer detected",
};

export const DETECTION_STATES = ["detected", "not_covered", "no_longer_detected"] as const satisfies readonly DetectionState[];

/** How an open finding stands to its due date, worst first. */
export const SLA_STATES = ["breached", "approaching", "on_track", "not_covered"] as const satisfies readonly SlaState[];

export const SLA: Record<SlaState, string> = {
	breached: "Breached",
	approaching: "Approaching",
	on_track: "On track",
	not_covered: "Not covered",
};

export const SLA_TONE: Record<SlaState, "good" | "quiet" | "warn" | "bad"> = {
	breached: "bad",
	approaching: "warn",
	on_track: "good",
	not_covered: "quiet",
};

/** A share between 0 and 1 in per cent, with two digits below one per cent. */
export const percent = (share: number) => `${(share * 100).toFixed(share < 0.01 ? 2 : 1)} %`;

export const MEANING: Record<Meaning, string> = {
	identified: "Identified",
	in_progress: "In Progress",
	waiting: "Waiting",
	claimed: "Awaiting Validation",
	acceptance_requested: "Risk Accepted",
	false_positive_requested: "False Positive",
	nothing: "says nothing",
};

export const DELETION_POLICY: Record<DeletionPolicy, string> = {
	ask: "Ask a person",
	restore: "Restore it from the recycle bin",
	replace: "Make a new work item",
	release: "Release the ticket",
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
	restore: "Restore",
	follow: "Follow the board",
	join: "Join",
	wait: "Wait",
};

/** Groupings by the words of the API; `by` is the one with facts of its own. */
export const GROUPING: Record<Extract<Grouping, string> | "by", string> = {
	per_finding: "One ticket for each finding",
	per_vulnerability_and_asset: "One ticket for all findings of one vulnerability on one asset",
	per_vulnerability: "One ticket for each vulnerability",
	per_correlation: "One ticket for each vulnerability in a component of an asset, whatever scanners call it",
	per_fix: "One ticket for each fix: a component and its fixed version, or a scanner's rule and file",
	per_asset: "One ticket for each asset",
	by: "One ticket for all findings with certain facts in common",
};

/** A grouping in words. */
export const groupingWords = (grouping: Grouping | undefined): string => {
	if (grouping === undefined || typeof grouping === "string") return GROUPING[grouping ?? "per_finding"];
	return `One ticket for each ${grouping.by.join(", ").replaceAll("_", " ")}`;
};

export const ON_MATCH: Record<OnMatch, string> = {
	stop: "Are not asked about what this one matches",
	go_on: "Are asked, too: one ticket for each destination",
};

export const APPLIES_TO: Record<AppliesTo, string> = {
	all_findings: "All findings that match",
	new_findings: "Only findings first seen after the rule is saved",
};

export const CLOSE_WHEN: Record<CloseWhen, string> = {
	all_closed: "When all its findings are closed: fixed, accepted or dismissed",
	all_fixed: "When all its findings are fixed",
};

export const LATE_MEMBER: Record<LateMember, string> = {
	reopen: "Joins it; a closed work item is opened again",
	add_to_open: "Joins it while it is open, else gets a new one that is linked to it",
	new_item: "Gets a new one that is linked to it",
};

export const RELEASE: Record<Release, string> = {
	at_identification: "As soon as a finding is identified",
	when_assessment_completes: "Once an assessment that it belongs to is completed",
};

export const ACCEPTANCE_STATE: Record<AcceptanceState, string> = {
	in_force: "In force",
	ended: "Ended",
	revoked: "Revoked",
};

/** Why a result is not taken in. */
const LEFT_OUT: Record<string, string> = {
	no_rule: "no rule is about its place",
	severity: "less severe than the rule wants",
	kind: "of a kind that the rule does not want",
	not_fixable: "no fixed version is known",
	no_such_asset: "there is no such asset, and the rule makes none",
};

/** Counts of what is left out, by reason in words, most first. */
export const leftOut = (counts: Record<string, number> = {}) =>
	Object.entries(counts)
		.sort(([, one], [, other]) => other - one)
		.map(([reason, left]) => `${number(left)} ${LEFT_OUT[reason] ?? reason}`);

export const START: Record<StartStatus, string> = {
	identified: "Identified: tickets follow",
	created: "Created: a person confirms first",
};

export const ASSESSMENT_STATE: Record<AssessmentState, string> = {
	planned: "Planned",
	running: "Running",
	completed: "Completed",
};

export const FACT_OF: Record<FactOf, string> = {
	finding: "Finding",
	vulnerability: "Vulnerability",
	component: "Component",
	asset: "Asset",
};

export const ROLES = [
	"reader",
	"importer",
	"developer",
	"analyst",
	"security_manager",
	"administrator",
] as const satisfies readonly Role[];

export const ROLE: Record<Role, string> = {
	reader: "Reader",
	importer: "Importer",
	developer: "Developer",
	analyst: "Analyst",
	security_manager: "Security manager",
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
/** The end of a day that was chosen, where the person sits; nothing if none was. */
export const endOfDay = (chosen: string) => (chosen ? new Date(`${chosen}T23:59:59`).toISOString() : undefined);
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

/** How long changes on the board take to be followed, if that was ever measured. */
export function lag(measured: Lag | null | undefined): string | undefined {
	if (!measured) return undefined;
	const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
	return `${seconds(measured.median_ms)} as a rule, ${seconds(measured.longest_ms)} at most (last ${number(measured.changes)})`;
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

/** What a destination takes, in a few words. */
export function boundTo(binding: Binding): string {
	switch (binding.kind) {
		case "default":
			return "everything else";
		case "group":
			return `assets tagged ${binding.tags.join(", ")}`;
		case "asset":
			return binding.asset;
		case "branch":
			return `${binding.asset}, branch ${binding.branch}`;
	}
}

/** A length for people. */
export function bytes(length: number): string {
	if (length < 1024) return `${length} bytes`;
	if (length < 1024 * 1024) return `${(length / 1024).toFixed(0)} KiB`;
	return `${(length / 1024 / 1024).toFixed(1)} MiB`;
}
