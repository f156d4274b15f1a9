import { Button, MultiSelect, NativeSelect } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { useRef } from "react";
import { useSearchParams } from "react-router";
import { findings } from "../api/queries";
import type { FindingSummary } from "../api/types";
import { AssetFilter } from "../components/AssetFilter";
import { ChosenBar } from "../components/ChosenBar";
import { Empty } from "../components/Empty";
import { type Column, PagedList, useChoice } from "../components/List";
import { SeverityMark, StatusMark, TemporaryMark } from "../components/Marks";
import { Page } from "../components/Page";
import { Search } from "../components/Search";
import { TicketLine } from "../components/TicketLine";
import { Time } from "../components/Time";
import { useMay } from "../session";
import { useShortcuts } from "../shortcuts";
import { SEVERITIES, SEVERITY, STATUS, STATUSES } from "../words";
import { CreateTicketDialog } from "./by-hand/CreateTicketDialog";
import { ExportMenu } from "./ExportMenu";
import classes from "./Filters.module.css";

const COLUMNS: readonly Column<FindingSummary>[] = [
	{ header: "Severity", width: "104px", cell: (finding) => <SeverityMark severity={finding.severity} /> },
	{
		header: "Status",
		width: "176px",
		cell: (finding) => (
			<>
				<StatusMark status={finding.status} />
				<TemporaryMark finding={finding} />
			</>
		),
	},
	{ header: "Asset", width: "16%", cell: (finding) => <span title={finding.asset.name}>{finding.asset.name}</span> },
	{ header: "Ticket", width: "14%", cell: (finding) => finding.ticket && <TicketLine ticket={finding.ticket} /> },
	{ header: "Last seen", width: "98px", cell: (finding) => <Time at={finding.last_seen_at} /> },
];

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
		q: get("q"),
	};
	const query = useInfiniteQuery({ ...findings(filters), placeholderData: keepPreviousData });
	const filtered = params.size > 0;
	const analyst = useMay("analyst");
	const choice = useChoice();
	const [creating, create] = useDisclosure(false);

	return (
		<Page title="Findings" about="Weaknesses, each tracked across scans" actions={<ExportMenu filters={filters} />}>
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
				<AssetFilter value={get("asset")} onChange={(id) => set("asset", id)} />
				{filtered && (
					<Button variant="subtle" size="sm" onClick={() => setParams({}, { replace: true })}>
						Clear
					</Button>
				)}
			</search>
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
							{finding.vulnerability_id} · <span className="mono">{finding.place}</span>
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
			</ChosenBar>
			<CreateTicketDialog findings={[...choice.chosen]} opened={creating} onClose={create.close} />
		</Page>
	);
}
