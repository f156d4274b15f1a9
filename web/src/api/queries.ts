/**
 * Every read of the pages. The first word of a key is the kind of thing it shows, so that a live event of that kind
 * finds what to read again (see `live.ts`).
 */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { ApiError, api, ask } from "./client";
import type { Page, RuleSettings } from "./types";

/** Filters of a list as they stand in the address; absent ones are not sent. */
export type Filters = Record<string, string | undefined>;

const PAGE_SIZE = 50;

function pages<T>(key: readonly unknown[], read: (cursor: string | undefined) => Promise<Page<T>>) {
	return infiniteQueryOptions({
		queryKey: key,
		queryFn: ({ pageParam }) => read(pageParam),
		initialPageParam: undefined as string | undefined,
		getNextPageParam: (page: Page<T>) => page.next_cursor ?? undefined,
	});
}

export const session = queryOptions({
	queryKey: ["session"],
	queryFn: async () => {
		try {
			return await ask(api.GET("/api/v1/session"));
		} catch (error) {
			if (error instanceof ApiError && error.problem.status === 401) return null;
			throw error;
		}
	},
	staleTime: Number.POSITIVE_INFINITY,
});

export const version = queryOptions({
	queryKey: ["version"],
	queryFn: () => ask(api.GET("/api/v1/version")),
	staleTime: Number.POSITIVE_INFINITY,
});

export const alarms = (all: boolean) =>
	pages(["alarm", "list", String(all)], (cursor) =>
		ask(api.GET("/api/v1/alarms", { params: { query: { all, cursor, limit: PAGE_SIZE } } })),
	);

export const alarmCounts = queryOptions({ queryKey: ["alarm", "count"], queryFn: () => ask(api.GET("/api/v1/alarms/count")) });

export const alarmTargets = queryOptions({
	queryKey: ["alarm", "targets"],
	queryFn: () => ask(api.GET("/api/v1/alarm-targets")),
});

export const breakers = queryOptions({ queryKey: ["alarm", "breakers"], queryFn: () => ask(api.GET("/api/v1/breakers")) });

export const overview = queryOptions({ queryKey: ["overview"], queryFn: () => ask(api.GET("/api/v1/overview")) });

export const assessments = queryOptions({
	queryKey: ["configuration", "assessments"],
	queryFn: () => ask(api.GET("/api/v1/assessments")),
});

export const acceptances = (state?: string) =>
	pages(["configuration", "acceptances", state ?? ""], (cursor) =>
		ask(api.GET("/api/v1/acceptances", { params: { query: { state, cursor, limit: PAGE_SIZE } } })),
	);

export const acceptancePolicy = queryOptions({
	queryKey: ["configuration", "acceptance-policy"],
	queryFn: () => ask(api.GET("/api/v1/acceptance-policy")),
});

export const suppressions = queryOptions({
	queryKey: ["configuration", "suppressions"],
	queryFn: () => ask(api.GET("/api/v1/suppressions")),
});

export const suppression = (id: string) =>
	queryOptions({
		queryKey: ["configuration", "suppressions", id],
		queryFn: () => ask(api.GET("/api/v1/suppressions/{id}", { params: { path: { id } } })),
	});

export const suppressionRemoval = (id: string) =>
	queryOptions({
		queryKey: ["configuration", "suppressions", id, "removal"],
		queryFn: () => ask(api.GET("/api/v1/suppressions/{id}/removal", { params: { path: { id } } })),
	});

export const scanComparison = (id: string, other: string) =>
	queryOptions({
		queryKey: ["scan", id, "comparison", other],
		queryFn: () =>
			ask(api.GET("/api/v1/scans/{id}/comparison", { params: { path: { id }, query: other ? { with: other } : {} } })),
		placeholderData: keepPreviousData,
	});

export const sources = queryOptions({ queryKey: ["configuration", "sources"], queryFn: () => ask(api.GET("/api/v1/sources")) });

export const source = (id: string) =>
	queryOptions({
		queryKey: ["configuration", "sources", id],
		queryFn: () => ask(api.GET("/api/v1/sources/{id}", { params: { path: { id } } })),
	});

export const sla = queryOptions({ queryKey: ["configuration", "sla"], queryFn: () => ask(api.GET("/api/v1/sla")) });

export const exploitData = queryOptions({
	queryKey: ["configuration", "exploit-data"],
	queryFn: () => ask(api.GET("/api/v1/exploit-data")),
});

export const assets = (q?: string) =>
	pages(["asset", "list", q ?? ""], (cursor) =>
		ask(api.GET("/api/v1/assets", { params: { query: { q, cursor, limit: PAGE_SIZE } } })),
	);

export const asset = (id: string) =>
	queryOptions({ queryKey: ["asset", id], queryFn: () => ask(api.GET("/api/v1/assets/{id}", { params: { path: { id } } })) });

export const branches = (id: string) =>
	queryOptions({
		queryKey: ["asset", id, "branches"],
		queryFn: () => ask(api.GET("/api/v1/assets/{id}/branches", { params: { path: { id } } })),
	});

export const comparison = (id: string, base: string, head: string) =>
	queryOptions({
		queryKey: ["asset", id, "comparison", base, head],
		queryFn: () => ask(api.GET("/api/v1/assets/{id}/comparison", { params: { path: { id }, query: { base, head } } })),
	});

export const job = (id: string) =>
	queryOptions({
		queryKey: ["job", id],
		queryFn: () => ask(api.GET("/api/v1/jobs/{id}", { params: { path: { id } } })),
		// Live events tell sooner; the clock is for a connection without them.
		refetchInterval: (query) => (query.state.data?.finished_at ? false : 1000),
	});

export const scans = (asset?: string) =>
	pages(["scan", "list", asset ?? ""], (cursor) =>
		ask(api.GET("/api/v1/scans", { params: { query: { asset, cursor, limit: PAGE_SIZE } } })),
	);

export const scan = (id: string) =>
	queryOptions({ queryKey: ["scan", id], queryFn: () => ask(api.GET("/api/v1/scans/{id}", { params: { path: { id } } })) });

/** Filters of findings; numbers and truths stand in the address as words. */
export const findings = ({ known_exploited, min_risk, min_epss, order, correlated_as_one, ...words }: Filters) =>
	pages(["finding", "list", words, known_exploited, min_risk, min_epss, order, correlated_as_one], (cursor) =>
		ask(
			api.GET("/api/v1/findings", {
				params: {
					query: {
						...words,
						known_exploited: known_exploited === undefined ? undefined : known_exploited === "true",
						min_risk: min_risk === undefined ? undefined : Number(min_risk),
						min_epss: min_epss === undefined ? undefined : Number(min_epss),
						correlated_as_one: correlated_as_one === "true" || undefined,
						order: order === "risk" ? "risk" : undefined,
						cursor,
						limit: PAGE_SIZE,
					},
				},
			}),
		),
	);

export const finding = (id: string) =>
	queryOptions({ queryKey: ["finding", id], queryFn: () => ask(api.GET("/api/v1/findings/{id}", { params: { path: { id } } })) });

export const findingHistory = (id: string) =>
	pages(["finding", id, "history"], (cursor) =>
		ask(api.GET("/api/v1/findings/{id}/history", { params: { path: { id }, query: { cursor, limit: PAGE_SIZE } } })),
	);

export const tickets = (filters: Filters) =>
	pages(["ticket", "list", filters], (cursor) =>
		ask(api.GET("/api/v1/tickets", { params: { query: { ...filters, cursor, limit: PAGE_SIZE } } })),
	);

export const ticket = (id: string) =>
	queryOptions({ queryKey: ["ticket", id], queryFn: () => ask(api.GET("/api/v1/tickets/{id}", { params: { path: { id } } })) });

export const ticketLog = (id: string) =>
	pages(["ticket", id, "log"], (cursor) =>
		ask(api.GET("/api/v1/tickets/{id}/log", { params: { path: { id }, query: { cursor, limit: PAGE_SIZE } } })),
	);

export const ticketComments = (id: string) =>
	queryOptions({
		queryKey: ["ticket", id, "comments"],
		queryFn: () => ask(api.GET("/api/v1/tickets/{id}/comments", { params: { path: { id } } })),
	});

export const ticketAttachments = (id: string) =>
	queryOptions({
		queryKey: ["ticket", id, "attachments"],
		queryFn: () => ask(api.GET("/api/v1/tickets/{id}/attachments", { params: { path: { id } } })),
	});

/** What became of an apply; asked again until nothing of it is open any more. */
export const applied = (id: string) =>
	queryOptions({
		queryKey: ["apply", id],
		queryFn: () => ask(api.GET("/api/v1/plan/applies/{id}", { params: { path: { id } } })),
		refetchInterval: (query) => (query.state.data?.tickets.some((row) => row.state === "waiting") ? 1500 : false),
	});

/** A plan reads the live board, so it is only made when somebody asks for it. */
export const plan = queryOptions({
	queryKey: ["plan"],
	queryFn: () => ask(api.POST("/api/v1/plan")),
	staleTime: Number.POSITIVE_INFINITY,
});

export const connections = queryOptions({
	queryKey: ["connection", "list"],
	queryFn: () => ask(api.GET("/api/v1/connections", { params: { query: { limit: 200 } } })),
});

export const signInOptions = queryOptions({
	queryKey: ["connection", "sign-in"],
	queryFn: () => ask(api.GET("/api/v1/connections/sign-in")),
	staleTime: Number.POSITIVE_INFINITY,
});

export const connection = (id: string) =>
	queryOptions({
		queryKey: ["connection", id],
		queryFn: () => ask(api.GET("/api/v1/connections/{id}", { params: { path: { id } } })),
	});

/** What goes with a connection when it is deleted. */
export const deletion = (id: string) =>
	queryOptions({
		queryKey: ["connection", id, "deletion"],
		queryFn: () => ask(api.GET("/api/v1/connections/{id}/deletion", { params: { path: { id } } })),
		staleTime: 0,
	});

export const destinations = queryOptions({
	queryKey: ["configuration", "destinations"],
	queryFn: () => ask(api.GET("/api/v1/destinations", { params: { query: { limit: 200 } } })),
});

export const destination = (id: string) =>
	queryOptions({
		queryKey: ["configuration", "destinations", id],
		queryFn: () => ask(api.GET("/api/v1/destinations/{id}", { params: { path: { id } } })),
	});

export const templates = queryOptions({
	queryKey: ["configuration", "templates"],
	queryFn: () => ask(api.GET("/api/v1/templates")),
});

export const templateSet = (id: string) =>
	queryOptions({
		queryKey: ["configuration", "templates", id],
		queryFn: () => ask(api.GET("/api/v1/templates/{id}", { params: { path: { id } } })),
	});

export const standardTemplates = queryOptions({
	queryKey: ["standard templates"],
	queryFn: () => ask(api.GET("/api/v1/templates/standard")),
	staleTime: Number.POSITIVE_INFINITY,
});

/** Where the work items of a finding, or of the findings of an asset, go. */
export const route = (of: { finding: string } | { asset: string; branch?: string }) =>
	queryOptions({
		queryKey: ["configuration", "route", of],
		queryFn: () => ask(api.GET("/api/v1/routing", { params: { query: of } })),
	});

export const initialStates = (id: string) =>
	queryOptions({
		queryKey: ["configuration", "destinations", id, "initial states"],
		queryFn: () => ask(api.GET("/api/v1/destinations/{id}/initial-states", { params: { path: { id } } })),
	});

export const rules = queryOptions({
	queryKey: ["configuration", "rules"],
	queryFn: () => ask(api.GET("/api/v1/rules")),
});

/** How many open findings each rule matches: dearer than the rules themselves, so the list does not wait for it. */
export const ruleCounts = queryOptions({
	queryKey: ["configuration", "rules", "counts"],
	queryFn: () => ask(api.GET("/api/v1/rules/counts")),
	staleTime: 30_000,
});

export const ruleFacts = queryOptions({
	queryKey: ["rule-facts"],
	queryFn: () => ask(api.GET("/api/v1/rules/facts")),
	staleTime: Number.POSITIVE_INFINITY,
});

export const ruleCheck = (settings: RuleSettings) =>
	queryOptions({
		queryKey: ["rule-check", settings],
		queryFn: () => ask(api.POST("/api/v1/rules/check", { body: settings })),
		gcTime: 0,
	});

export const rule = (id: string) =>
	queryOptions({
		queryKey: ["configuration", "rules", id],
		queryFn: () => ask(api.GET("/api/v1/rules/{id}", { params: { path: { id } } })),
	});

export const tokens = queryOptions({
	queryKey: ["tokens"],
	queryFn: () => ask(api.GET("/api/v1/tokens", { params: { query: { limit: 200 } } })),
});

// What a board looks like changes rarely and costs calls to Azure DevOps: it is kept for some minutes.
const BOARD_FACTS = 5 * 60_000;

export const boardProjects = (id: string) =>
	queryOptions({
		queryKey: ["board", id, "projects"],
		queryFn: () => ask(api.GET("/api/v1/connections/{id}/projects", { params: { path: { id } } })),
		staleTime: BOARD_FACTS,
	});

export const boardTeams = (id: string, project: string) =>
	queryOptions({
		queryKey: ["board", id, project, "teams"],
		queryFn: () => ask(api.GET("/api/v1/connections/{id}/projects/{project}/teams", { params: { path: { id, project } } })),
		enabled: project !== "",
		staleTime: BOARD_FACTS,
	});

export const teamBoards = (id: string, project: string, team: string) =>
	queryOptions({
		queryKey: ["board", id, project, team, "boards"],
		queryFn: () =>
			ask(
				api.GET("/api/v1/connections/{id}/projects/{project}/teams/{team}/boards", { params: { path: { id, project, team } } }),
			),
		enabled: project !== "" && team !== "",
		staleTime: BOARD_FACTS,
	});

export const typeFields = (id: string, project: string, type: string) =>
	queryOptions({
		queryKey: ["board", id, project, "fields", type],
		queryFn: () =>
			ask(
				api.GET("/api/v1/connections/{id}/projects/{project}/types/{work_item_type}/fields", {
					params: { path: { id, project, work_item_type: type } },
				}),
			),
		enabled: project !== "" && type !== "",
		staleTime: BOARD_FACTS,
	});

export const projectTypes = (id: string, project: string) =>
	queryOptions({
		queryKey: ["board", id, project, "types"],
		queryFn: () => ask(api.GET("/api/v1/connections/{id}/projects/{project}/types", { params: { path: { id, project } } })),
		enabled: project !== "",
		staleTime: BOARD_FACTS,
	});
