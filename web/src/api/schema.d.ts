/**
 * Types of `/api/v1`, in the shape that openapi-typescript writes.
 * `npm run types` replaces this file from the server's OpenAPI document.
 */

type Json<T> = { headers: { [name: string]: unknown }; content: { "application/json": T } };
type Failure = { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } };
type Nothing = { headers: { [name: string]: unknown }; content?: never };
type Parameters<Query, Path> = { query?: Query; header?: never; path: Path; cookie?: never };
type NoPath = { query?: never; header?: never; path?: never; cookie?: never };
type Answer<Code extends number, T> = { responses: { [code in Code]: T } & { default: Failure } };
type Get<T, Query = never> = { parameters: { query?: Query; header?: never; path?: never; cookie?: never }; requestBody?: never } & Answer<200, Json<T>>;
type GetOne<T, Path, Query = never> = { parameters: Parameters<Query, Path>; requestBody?: never } & Answer<200, Json<T>>;
type Send<Body, Code extends number, T> = { parameters: NoPath; requestBody: { content: { "application/json": Body } } } & Answer<Code, T>;
type Do<Code extends number, T> = { parameters: NoPath; requestBody?: never } & Answer<Code, T>;
type SendTo<Body, Code extends number, T, Path = Id> = { parameters: Parameters<never, Path>; requestBody: { content: { "application/json": Body } } } & Answer<Code, T>;
type DoTo<Code extends number, T, Path = Id> = { parameters: Parameters<never, Path>; requestBody?: never } & Answer<Code, T>;
type Id = { id: string };
type S = components["schemas"];
type Page<T> = { items: T[]; next_cursor?: string | null };
type PageQuery = { cursor?: string | null; limit?: number | null };

export interface paths {
	"/api/v1/session": { get: Get<S["Me"]>; post: Send<S["SignIn"], 200, Json<S["Me"]>>; delete: Do<204, Nothing> };
	"/api/v1/session/password": { post: Send<S["ChangePassword"], 204, Nothing> };
	"/api/v1/tokens": { get: Get<Page<S["Token"]>, PageQuery>; post: Send<S["NewToken"], 201, Json<S["CreatedToken"]>> };
	"/api/v1/tokens/{id}": { delete: DoTo<204, Nothing> };
	"/api/v1/version": { get: Get<S["Version"]> };
	"/api/v1/overview": { get: Get<S["Overview"]> };
	"/api/v1/assets": { get: Get<Page<S["Asset"]>, PageQuery & { q?: string | null }> };
	"/api/v1/assets/{id}": { get: GetOne<S["Asset"], Id>; patch: SendTo<S["AssetChange"], 200, Json<S["Asset"]>> };
	"/api/v1/jobs/{id}": { get: GetOne<S["Job"], Id> };
	"/api/v1/scans": { get: Get<Page<S["Scan"]>, PageQuery & { asset?: string | null }> };
	"/api/v1/scans/{id}": { get: GetOne<S["Scan"], Id> };
	"/api/v1/scans/{id}/confirm": { post: DoTo<200, Json<S["Scan"]>> };
	"/api/v1/findings": {
		get: Get<
			Page<S["FindingSummary"]>,
			PageQuery & { status?: string | null; severity?: string | null; asset?: string | null; ticket?: string | null; q?: string | null }
		>;
	};
	"/api/v1/findings/{id}": { get: GetOne<S["Finding"], Id> };
	"/api/v1/findings/{id}/history": { get: GetOne<Page<S["HistoryEntry"]>, Id, PageQuery> };
	"/api/v1/findings/{id}/status": { post: SendTo<S["SetStatus"], 200, Json<S["Finding"]>> };
	"/api/v1/tickets": { get: Get<Page<S["Ticket"]>, PageQuery & { health?: string | null; destination?: string | null; q?: string | null }> };
	"/api/v1/tickets/{id}": { get: GetOne<S["Ticket"], Id> };
	"/api/v1/tickets/{id}/log": { get: GetOne<Page<S["TicketLogEntry"]>, Id, PageQuery> };
	"/api/v1/tickets/{id}/retry": { post: DoTo<200, Json<S["Ticket"]>> };
	"/api/v1/plan": { post: Do<200, Json<S["Plan"]>> };
	"/api/v1/reconcile": { post: Send<S["ReconcileRequest"], 202, Json<S["Job"]>> };
	"/api/v1/connections": { get: Get<Page<S["Connection"]>, PageQuery>; post: Send<S["NewConnection"], 201, Json<S["Connection"]>> };
	"/api/v1/connections/verify": { post: Send<S["NewConnection"], 200, Json<S["ConnectionCheck"]>> };
	"/api/v1/connections/{id}": {
		get: GetOne<S["Connection"], Id>;
		patch: SendTo<S["ConnectionChange"], 200, Json<S["Connection"]>>;
		delete: DoTo<204, Nothing>;
	};
	"/api/v1/connections/{id}/check": { post: DoTo<200, Json<S["ConnectionCheck"]>> };
	"/api/v1/connections/{id}/hooks": { post: DoTo<200, Json<S["Connection"]>>; delete: DoTo<200, Json<S["Connection"]>> };
	"/api/v1/connections/{id}/projects": { get: GetOne<Page<S["BoardProject"]>, Id> };
	"/api/v1/connections/{id}/projects/{project}/teams": { get: GetOne<Page<S["BoardTeam"]>, Id & { project: string }> };
	"/api/v1/connections/{id}/projects/{project}/teams/{team}/boards": { get: GetOne<S["TeamBoards"], Id & { project: string; team: string }> };
	"/api/v1/connections/{id}/projects/{project}/types": { get: GetOne<S["ProjectTypes"], Id & { project: string }> };
	"/api/v1/destinations": { get: Get<Page<S["Destination"]>, PageQuery>; post: Send<S["NewDestination"], 201, Json<S["Destination"]>> };
	"/api/v1/destinations/check": { post: Send<S["NewDestination"], 200, Json<S["DestinationCheck"]>> };
	"/api/v1/destinations/{id}": {
		get: GetOne<S["Destination"], Id>;
		put: SendTo<S["NewDestination"], 200, Json<S["Destination"]>>;
		delete: DoTo<204, Nothing>;
	};
	"/api/v1/rules": { get: Get<Page<S["Rule"]>, PageQuery>; post: Send<S["RuleSettings"], 201, Json<S["Rule"]>> };
	"/api/v1/rules/plan": { post: Send<S["RuleSettings"], 200, Json<S["Plan"]>> };
	"/api/v1/rules/{id}": { get: GetOne<S["Rule"], Id>; put: SendTo<S["RuleSettings"], 200, Json<S["Rule"]>>; delete: DoTo<204, Nothing> };
}

export interface components {
	schemas: {
		Problem: { type: string; code: string; status: number; title: string; detail: string; next_step: string; fields?: S["FieldProblem"][] };
		FieldProblem: { pointer: string; detail: string };
		Named: { id: string; name: string };
		SignIn: { username: string; password: string };
		Role: "reader" | "importer" | "analyst" | "administrator";
		Me: { user_id?: string | null; name: string; role: S["Role"] };
		ChangePassword: { current: string; new: string };
		NewToken: { name: string; role: S["Role"]; expires_at?: string | null };
		Token: { id: string; name: string; role: S["Role"]; created_at: string; expires_at?: string | null; last_used_at?: string | null };
		CreatedToken: S["Token"] & { secret: string };
		Version: { version: string; database: string };
		Cause: { kind: S["CauseKind"]; label: string };
		CauseKind: "scan" | "rule" | "person" | "work_item" | "clock";
		LiveEvent: { kind: S["LiveEventKind"]; id?: string | null };
		LiveEventKind: "finding" | "ticket" | "scan" | "job" | "connection" | "configuration";

		Severity: "info" | "low" | "medium" | "high" | "critical";
		SeverityCounts: { critical: number; high: number; medium: number; low: number; info: number };
		Asset: {
			id: string;
			name: string;
			tags: string[];
			tracked_branches: string[];
			created_at: string;
			last_scan_at?: string | null;
			open: S["SeverityCounts"];
		};
		AssetChange: { tags?: string[] | null; tracked_branches?: string[] | null };
		Job: {
			id: string;
			kind: S["JobKind"];
			state: S["JobState"];
			done: number;
			total?: number | null;
			message: string;
			problem?: S["Problem"] | null;
			import?: S["ImportResult"] | null;
			reconcile?: S["ReconcileResult"] | null;
			created_at: string;
			finished_at?: string | null;
		};
		JobKind: "import" | "reconcile";
		JobState: "queued" | "running" | "succeeded" | "failed";
		ImportResult: {
			scans: string[];
			already_imported: boolean;
			observations: number;
			new: S["SeverityCounts"];
			regressed: S["SeverityCounts"];
			still_open: S["SeverityCounts"];
			fixed: S["SeverityCounts"];
			quarantined: boolean;
		};
		ReconcileResult: { tickets: number; read: number; created: number; updated: number; followed: number; failed: number };
		Scan: {
			id: string;
			asset: S["Named"];
			scanner: string;
			scanner_version?: string | null;
			format: string;
			configuration: string;
			branch?: string | null;
			commit?: string | null;
			started_at: string;
			imported_at: string;
			state: S["ScanState"];
			coverage: S["Coverage"];
			observations: number;
			new: number;
			regressed: number;
			fixed: number;
			filename?: string | null;
		};
		ScanState: "staging" | "committed" | "quarantined" | "failed";
		Coverage: { extent: S["CoverageExtent"]; rules?: string[] | null; paths?: string[] };
		CoverageExtent: "full" | "partial";

		FindingKind: "code" | "component" | "secret" | "misconfiguration" | "license" | "web" | "host";
		Status:
			| "draft"
			| "created"
			| "identified"
			| "in_progress"
			| "waiting"
			| "awaiting_validation"
			| "risk_accepted"
			| "false_positive"
			| "suppressed"
			| "duplicate"
			| "fixed";
		FallBack: "created" | "identified";
		Request: { kind: "risk_acceptance" | "false_positive"; by: string; at: string };
		FindingSummary: {
			id: string;
			asset: S["Named"];
			title: string;
			severity: S["Severity"];
			status: S["Status"];
			kind: S["FindingKind"];
			vulnerability_id: string;
			place: string;
			scanner: string;
			first_seen_at: string;
			last_seen_at: string;
			regressed: number;
			request?: S["Request"] | null;
			temporary_until?: string | null;
			ticket?: S["TicketRef"] | null;
		};
		TicketRef: {
			id: string;
			work_item_id?: number | null;
			url?: string | null;
			health: S["TicketHealth"];
			state?: string | null;
			column?: string | null;
			assignee?: string | null;
		};
		Finding: S["FindingSummary"] & {
			vulnerability: S["Vulnerability"];
			message?: string | null;
			location: S["Location"];
			related_locations: S["Location"][];
			component?: S["Component"] | null;
			scanner_severity?: string | null;
			fingerprint: string;
			reason?: string | null;
			detections: S["Detection"][];
		};
		Vulnerability: {
			id: string;
			aliases?: string[];
			name?: string | null;
			description?: string | null;
			remediation?: string | null;
			cwes?: number[];
			cvss_vector?: string | null;
			cvss_score?: number | null;
			references?: string[];
			tags?: string[];
		};
		Location: {
			path?: string;
			start_line?: number | null;
			end_line?: number | null;
			start_column?: number | null;
			snippet?: string | null;
			logical?: string | null;
		};
		Component: {
			name: string;
			version?: string | null;
			fixed_version?: string | null;
			ecosystem?: string | null;
			purl?: string | null;
			path?: string | null;
		};
		Detection: {
			scanner: string;
			configuration: string;
			branch?: string | null;
			tracked: boolean;
			last_seen_at: string;
			last_absent_at?: string | null;
		};
		HistoryEntry: { id: string; at: string; cause: S["Cause"]; what: string; from?: S["Status"] | null; to?: S["Status"] | null };
		SetStatus: { status: S["Status"]; reason?: string | null; until?: string | null; then?: S["FallBack"] };
		Overview: {
			open: S["SeverityCounts"];
			by_status: S["StatusCount"][];
			tickets: S["HealthCount"][];
			assets: number;
			recent_scans: S["Scan"][];
			attention: S["Attention"][];
		};
		StatusCount: { status: S["Status"]; count: number };
		HealthCount: { health: S["TicketHealth"]; count: number };
		Attention: { message: string; next_step: string; link: string };

		TicketHealth: "in_step" | "waiting" | "pending" | "over_budget" | "conflict" | "retrying" | "parked" | "missing" | "closed";
		Ticket: {
			id: string;
			title: string;
			health: S["TicketHealth"];
			problem?: string | null;
			next_step?: string | null;
			status: S["Status"];
			connection: S["Named"];
			destination: S["Named"];
			rule?: S["Named"] | null;
			work_item?: S["WorkItemShown"] | null;
			findings: number;
			conflicts: S["Conflict"][];
			attempts: number;
			next_attempt_at?: string | null;
			synced_at?: string | null;
			created_at: string;
		};
		WorkItemShown: {
			id: number;
			revision: number;
			url: string;
			work_item_type: string;
			state: string;
			column?: string | null;
			lane?: string | null;
			assignee?: string | null;
			iteration: string;
			comments: number;
		};
		Conflict: { field: string; ours: string; theirs: string };
		TicketLogEntry: { id: string; at: string; cause: S["Cause"]; what: string; fields: S["FieldChange"][] };
		FieldChange: { field: string; from: string; to: string; reason: string };
		Plan: { tickets: S["TicketPlan"][]; create: number; update: number; follow: number; nothing: number; over_budget: number };
		TicketPlan: {
			ticket_id?: string | null;
			work_item_id?: number | null;
			title: string;
			destination: string;
			action: S["PlanAction"];
			fields: S["FieldChange"][];
			reason: string;
		};
		PlanAction: "create" | "update" | "close" | "reopen" | "follow" | "wait";
		ReconcileRequest: { ticket?: string | null; sweep?: boolean };

		Connection: {
			id: string;
			name: string;
			description: string;
			instance_url: string;
			organization: string;
			sign_in: S["SignInShown"];
			mode: S["ConnectionMode"];
			problem?: string | null;
			hook_url: string;
			hooks: S["HookState"];
			last_contact_at?: string | null;
			created_at: string;
		};
		ConnectionMode: "active" | "paused";
		HookState: "none" | "subscribed";
		SignInShown: { method: "personal_access_token" } | { method: "client_secret"; tenant: string; client_id: string };
		SignInMethod:
			| { method: "personal_access_token"; token: string }
			| { method: "client_secret"; tenant: string; client_id: string; client_secret: string; authority?: string | null };
		NewConnection: { name?: string; description?: string; instance_url?: string; organization: string; sign_in: S["SignInMethod"] };
		ConnectionChange: {
			name?: string | null;
			description?: string | null;
			sign_in?: S["SignInMethod"] | null;
			mode?: S["ConnectionMode"] | null;
		};
		CheckStep: { name: string; outcome: S["CheckOutcome"]; message: string; next_step?: string | null };
		CheckOutcome: "ok" | "failed" | "skipped";
		ConnectionCheck: { ok: boolean; steps: S["CheckStep"][] };
		BoardProject: { id: string; name: string };
		BoardTeam: { id: string; name: string; is_default: boolean };
		TeamBoards: { boards: S["BoardLayout"][] };
		BoardLayout: { name: string; columns: S["Column"][]; lanes: string[] };
		Column: { name: string; is_split: boolean; states: { [type: string]: string } };
		ProjectTypes: { types: S["WorkItemType"][] };
		WorkItemType: {
			name: string;
			reference_name: string;
			states: S["State"][];
			initial_state?: string | null;
			transitions: { [state: string]: string[] };
			fields: string[];
		};
		State: { name: string; category: S["StateCategory"] };
		StateCategory: "Proposed" | "InProgress" | "Resolved" | "Completed" | "Removed";
		DestinationSettings: {
			name?: string;
			is_default?: boolean;
			project: string;
			team?: string;
			board?: string;
			lane?: string;
			work_item_type: string;
			area?: string;
			iteration?: string;
			tags?: string[];
			severity_map?: S["SeverityMap"];
			status_map?: S["StatusMap"];
			daily_budget?: number;
		};
		SeverityMap: { [severity: string]: S["SeverityTarget"] };
		SeverityTarget: { priority: number; severity?: string | null };
		StatusMap: { [status: string]: S["StatusEntry"] };
		Target: { state?: string | null; column?: string | null };
		StatusEntry: S["Target"] & { accepted?: S["Target"][] };
		MapProblem: { row?: S["Status"] | null; message: string; mend: string };
		Destination: S["DestinationSettings"] & {
			id: string;
			connection: S["Named"];
			asset?: S["Named"] | null;
			created_today: number;
			problem?: string | null;
		};
		NewDestination: S["DestinationSettings"] & { connection_id: string; asset?: string | null };
		DestinationCheck: { settings: S["DestinationSettings"]; problems: S["MapProblem"][] };
		Criteria: { severity_at_least?: S["Severity"] | null; asset_tags?: string[] };
		Grouping: "per_finding" | "per_vulnerability_and_asset";
		RuleSettings: { name: string; enabled?: boolean; criteria?: S["Criteria"]; grouping?: S["Grouping"] };
		Rule: S["RuleSettings"] & { id: string; version: number; matching: number; created_at: string };
	};
}
