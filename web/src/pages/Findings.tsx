import { Button, MultiSelect, NativeSelect, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useRef } from "react";
import { Link, useSearchParams } from "react-router";
import { assessments, findings } from "../api/queries";
import type { FindingSummary } from "../api/types";
import { AssetFilter } from "../components/AssetFilter";
import { ChosenBar } from "../components/ChosenBar";
import { Empty } from "../components/Empty";
import { type Column, PagedList, useChoice } from "../components/List";
import { DetectionMark, DueMark, SeverityMark, StatusMark, TemporaryMark } from "../components/Marks";
import { Page } from "../components/Page";
import { Search } from "../components/Search";
import { TicketLine } from "../components/TicketLine";
import { useMay } from "../session";
import { useShortcuts } from "../shortcuts";
import { DETECTION, DETECTION_STATES, IMPACT, IMPACTS, SEVERITIES, SEVERITY, SLA, SLA_STATES, STATUS, STATUSES } from "../words";
import { AcceptDialog } from "./acceptance/AcceptDialog";
import { CreateTicketDialog } from "./by-hand/CreateTicketDialog";
import { ExportMenu } from "./ExportMenu";
import classes from "./Filters.module.css";

const COLUMNS: readonly Column<FindingSummary>[] = [
	{ header: "Severity", width: "98px", cell: (finding) => <SeverityMark severity={finding.severity} /> },
	{
		header: "Status",
		width: "150px",
		cell: (finding) => (
			<>
				<StatusMark status={finding.status} />
				<TemporaryMark finding={finding} />
				<DetectionMark finding={finding} />
			</>
		),
	},
	{ header: "Risk", width: "50px", cell: (finding) => <span className="nums">{finding.risk}</span> },
	{ header: "Due", width: "140px", cell: (finding) => <DueMark finding={finding} /> },
	{ header: "Asset", width: "12%", cell: (finding) => <span title={finding.asset.name}>{finding.asset.name}</span> },
	{ header: "Ticket", width: "11%", cell: (finding) => finding.ticket && <TicketLine ticket={finding.ticket} /> },
];

/** Filters of the second row. */
const MORE = ["detection", "impact", "owner", "scanner", "correlated_as_one"];

/** Findings by filter. The filter stands in the address; without one, the open findings are shown. */
export function FindingsPage() {
	const [params, setParams] = useSearchParams();
	const search = useRef<HTMLInputElement>(null);
	useShortcuts({ "/": () => search.current?.focus() });

	const get = (name: string) => params.get(name) ?? undefined;
	const status = get("status") ?? "open";
	const set = (name: string, value: string) =>
		setParams(
			(old) => {
				const next = new URLSearchParams(old);
				if (value) next.set(name, value);
				else next.delete(name);
				return next;
			},
			{ replace: true },
		);
	const filters = {
		status: status === "all" ? undefined : status,
		severity: get("severity"),
		asset: get("asset"),
		ticket: get("ticket"),
		assessment: get("assessment"),
		accepted: get("accepted"),
		acceptance: get("acceptance"),
		acceptance_ends_in: get("acceptance_ends_in"),
		suppressed_by: get("suppressed_by"),
		branch: get("branch"),
		not_on_branch: get("not_on_branch"),
		q: get("q"),
		sla: get("sla"),
		known_exploited: get("known_exploited"),
		min_risk: get("min_risk"),
		min_epss: get("min_epss"),
		detection: get("detection"),
		scanner: get("scanner"),
		owner: get("owner"),
		impact: get("impact"),
		correlated_as_one: get("correlated_as_one"),
		correlated_with: get("correlated_with"),
		order: get("order"),
	};
	const query = useInfiniteQuery({ ...findings(filters), placeholderData: keepPreviousData });
	const filtered = params.size > 0;
	const analyst = useMay("analyst");
	const choice = useChoice();
	const [more, showMore] = useDisclosure(MORE.some((name) => params.has(name)));
	const manager = useMay("security_manager");
	const [creating, create] = useDisclosure(false);
	const [accepting, accept] = useDisclosure(false);

	return (
		<Page
			title="Findings"
			about="Weaknesses, each tracked across scans"
			actions={
				<>
					{analyst && (
						<Button variant="default" component={Link} to="/findings/new">
							New finding
						</Button>
					)}
					<ExportMenu filters={filters} />
				</>
			}
		>
			<search className={classes.filters} aria-label="Findings">
				<Search
					ref={search}
					value={get("q") ?? ""}
					onChange={(value) => set("q", value)}
					placeholder="Title, CVE, rule or path"
				/>
				<NativeSelect
					label="Status"
					value={status}
					onChange={(event) => set("status", event.currentTarget.value === "open" ? "" : event.currentTarget.value)}
					data={[
						{ value: "open", label: "Open" },
						{ value: "all", label: "All" },
						// A link from elsewhere may ask for several.
						...(status.includes(",")
							? [
									{
										value: status,
										label: status
											.split(",")
											.map((word) => STATUS[word as keyof typeof STATUS] ?? word)
											.join(", "),
									},
								]
							: []),
						...STATUSES.map((value) => ({ value, label: STATUS[value] })),
					]}
				/>
				<MultiSelect
					label="Severity"
					className={classes.wide}
					placeholder={get("severity") ? undefined : "Any"}
					value={get("severity")?.split(",") ?? []}
					onChange={(values) => set("severity", values.join(","))}
					data={SEVERITIES.map((value) => ({ value, label: SEVERITY[value] }))}
					clearable={false}
				/>
				<NativeSelect
					label="Due"
					value={get("sla") ?? ""}
					onChange={(event) => set("sla", event.currentTarget.value)}
					data={[{ value: "", label: "Any" }, ...SLA_STATES.map((value) => ({ value, label: SLA[value] }))]}
				/>
				<NativeSelect
					label="Exploited"
					value={get("known_exploited") ?? ""}
					onChange={(event) => set("known_exploited", event.currentTarget.value)}
					data={[
						{ value: "", label: "Any" },
						{ value: "true", label: "Known (KEV)" },
						{ value: "false", label: "Not known" },
					]}
				/>
				<NativeSelect
					label="Order"
					value={get("order") ?? ""}
					onChange={(event) => set("order", event.currentTarget.value)}
					data={[
						{ value: "", label: "Worst severity" },
						{ value: "risk", label: "Highest risk" },
					]}
				/>
				<AssetFilter value={get("asset")} onChange={(id) => set("asset", id)} />
				<Button variant="subtle" size="sm" aria-expanded={more} aria-controls="more-filters" onClick={showMore.toggle}>
					{more ? "Fewer filters" : "More filters"}
				</Button>
				{filtered && (
					<Button variant="subtle" size="sm" onClick={() => setParams({}, { replace: true })}>
						Clear
					</Button>
				)}
			</search>
			{more && (
				<search className={classes.filters} id="more-filters" aria-label="Findings, further">
					<NativeSelect
						label="Newest scans"
						value={get("detection") ?? ""}
						onChange={(event) => set("detection", event.currentTarget.value)}
						data={[{ value: "", label: "Any" }, ...DETECTION_STATES.map((value) => ({ value, label: DETECTION[value] }))]}
					/>
					<NativeSelect
						label="Business impact"
						value={get("impact") ?? ""}
						onChange={(event) => set("impact", event.currentTarget.value)}
						data={[{ value: "", label: "Any" }, ...IMPACTS.map((value) => ({ value, label: IMPACT[value] }))]}
					/>
					<Search label="Owner" value={get("owner") ?? ""} onChange={(value) => set("owner", value)} />
					<Search label="Scanner" value={get("scanner") ?? ""} onChange={(value) => set("scanner", value)} />
					<NativeSelect
						label="Several scanners"
						value={get("correlated_as_one") ?? ""}
						onChange={(event) => set("correlated_as_one", event.currentTarget.value)}
						data={[
							{ value: "", label: "Each shown" },
							{ value: "true", label: "Shown as one" },
						]}
					/>
				</search>
			)}
			{filters.correlated_with && (
				<Text size="sm" c="dimmed">
					by other scanners, or at other places, about the same as{" "}
					<Link to={`/findings/${filters.correlated_with}`}>one finding</Link>
				</Text>
			)}
			{filters.acceptance && (
				<Text size="sm" c="dimmed">
					covered by one <Link to="/acceptances">acceptance</Link>
				</Text>
			)}
			{filters.suppressed_by && (
				<Text size="sm" c="dimmed">
					suppressed by one <Link to={`/suppression/${filters.suppressed_by}`}>rule</Link>
				</Text>
			)}
			{filters.assessment && <InAssessment id={filters.assessment} />}
			{(filters.branch !== undefined || filters.not_on_branch !== undefined) && (
				<Text size="sm" c="dimmed">
					{[
						filters.branch !== undefined && `seen on ${filters.branch || "scans without a branch"}`,
						filters.not_on_branch !== undefined && `not seen on ${filters.not_on_branch || "scans without a branch"}`,
					]
						.filter(Boolean)
						.join(", ")}
				</Text>
			)}
			<div className="panel flush" aria-busy={query.isPlaceholderData}>
				<PagedList
					query={query}
					label="Findings"
					titleHeader="Finding"
					id={(finding) => finding.id}
					to={(finding) => `/findings/${finding.id}`}
					title={(finding) => finding.title}
					about={(finding) => (
						<>
							{finding.vulnerability_id}
							{finding.correlated.length > 0 && ` · also by ${finding.correlated.map((one) => one.scanner).join(", ")}`} ·{" "}
							<span className="mono">{finding.place}</span>
							{finding.known_exploited && " · known exploited"}
							{finding.regressed > 0 && ` · regressed ${finding.regressed}×`}
							{finding.request && " · acceptance requested"}
						</>
					)}
					columns={COLUMNS}
					choice={analyst ? choice : undefined}
					card={(finding) => (
						<>
							<SeverityMark severity={finding.severity} />
							<StatusMark status={finding.status} />
							<TemporaryMark finding={finding} />
							<DetectionMark finding={finding} />
							<DueMark finding={finding} />
							<span>{finding.asset.name}</span>
							{finding.ticket && <TicketLine ticket={finding.ticket} />}
						</>
					)}
					empty={
						<Empty title={filtered ? "No finding matches" : "No open findings"}>
							{filtered ? "Widen the filter, or clear it." : "Either everything is dealt with, or no report was imported yet."}
						</Empty>
					}
				/>
			</div>
			<ChosenBar chosen={choice.chosen.size} what="findings" clear={choice.clear}>
				<Button onClick={create.open}>Create a work item…</Button>
				{manager && (
					<Button variant="default" onClick={accept.open}>
						Accept the risk…
					</Button>
				)}
			</ChosenBar>
			<CreateTicketDialog findings={[...choice.chosen]} opened={creating} onClose={create.close} />
			<AcceptDialog findings={[...choice.chosen]} opened={accepting} onClose={accept.close} onDone={choice.clear} />
		</Page>
	);
}

/** Which assessment the list is about. */
function InAssessment({ id }: { id: string }) {
	const known = useQuery(assessments).data?.find((assessment) => assessment.id === id);
	return (
		<Text size="sm" c="dimmed">
			of the assessment {known?.name ?? id}
		</Text>
	);
}
