import { Button } from "@mantine/core";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { useSearchParams } from "react-router";
import { scans } from "../api/queries";
import type { Scan } from "../api/types";
import { AssetFilter } from "../components/AssetFilter";
import { Empty } from "../components/Empty";
import { type Column, PagedList } from "../components/List";
import { ScanStateMark } from "../components/Marks";
import { Page } from "../components/Page";
import { Time } from "../components/Time";
import { useMay } from "../session";
import { number } from "../words";
import classes from "./Filters.module.css";
import { UploadDialog } from "./UploadDialog";

const COLUMNS: readonly Column<Scan>[] = [
	{ header: "State", width: "132px", cell: (scan) => <ScanStateMark state={scan.state} /> },
	{ header: "Started", width: "112px", cell: (scan) => <Time at={scan.started_at} /> },
	{ header: "Results", width: "80px", align: "right", cell: (scan) => number(scan.observations) },
	{ header: "New", width: "68px", align: "right", cell: (scan) => number(scan.new) },
	{ header: "Back", width: "68px", align: "right", cell: (scan) => number(scan.regressed) },
	{ header: "Fixed", width: "68px", align: "right", cell: (scan) => number(scan.fixed) },
];

/** Executions of scanners, newest first, and the way in for a report. */
export function ScansPage() {
	const [params, setParams] = useSearchParams();
	const importer = useMay("importer");
	const asset = params.get("asset") ?? undefined;
	const query = useInfiniteQuery({ ...scans(asset), placeholderData: keepPreviousData });
	const change = (apply: (next: URLSearchParams) => void) =>
		setParams(
			(old) => {
				const next = new URLSearchParams(old);
				apply(next);
				return next;
			},
			{ replace: true },
		);
	const upload = importer && <Button onClick={() => change((next) => next.set("upload", ""))}>Upload a report</Button>;

	return (
		<Page title="Scans" about="Each is one run of a scanner on an asset" actions={upload}>
			<search className={classes.filters} aria-label="Scans" style={{ maxWidth: 320 }}>
				<AssetFilter value={asset} onChange={(id) => change((next) => (id ? next.set("asset", id) : next.delete("asset")))} />
			</search>
			<div className="panel flush" aria-busy={query.isPlaceholderData}>
				<PagedList
					query={query}
					label="Scans"
					titleHeader="Scan"
					id={(scan) => scan.id}
					to={(scan) => `/scans/${scan.id}`}
					title={(scan) => `${scan.scanner} on ${scan.asset.name}`}
					about={(scan) =>
						[scan.configuration, scan.branch, scan.coverage.extent === "partial" && "partial", scan.filename]
							.filter(Boolean)
							.join(" · ")
					}
					columns={COLUMNS}
					card={(scan) => (
						<>
							<ScanStateMark state={scan.state} />
							<Time at={scan.started_at} />
							<span className="nums">
								{number(scan.new)} new, {number(scan.fixed)} fixed
							</span>
						</>
					)}
					empty={
						asset ? (
							<Empty title="No scan of this asset" />
						) : (
							<Empty title="No scans yet" action={upload}>
								Upload a report here, or send one from a pipeline: <span className="mono">lockstep import FILE --asset NAME</span>
							</Empty>
						)
					}
				/>
			</div>
			<UploadDialog opened={importer && params.has("upload")} onClose={() => change((next) => next.delete("upload"))} />
		</Page>
	);
}
