import { Button, Text } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useParams } from "react-router";
import { api, ask } from "../api/client";
import { scan as scanQuery } from "../api/queries";
import { Facts } from "../components/Facts";
import { ScanStateMark } from "../components/Marks";
import { Notice } from "../components/Notice";
import { Page } from "../components/Page";
import { Panel } from "../components/Panel";
import { Reading } from "../components/Reading";
import { Time } from "../components/Time";
import { Trouble } from "../components/Trouble";
import { useMay } from "../session";
import { number } from "../words";
import { Comparison } from "./scan/Comparison";

const ABOVE = [{ label: "Scans", to: "/scans" }];

/** One execution of a scanner; the place where a quarantined one is confirmed. */
export function ScanPage() {
	const { id = "" } = useParams();
	const client = useQueryClient();
	const analyst = useMay("analyst");
	const { data: scan, isPending, error, refetch } = useQuery(scanQuery(id));
	const confirm = useMutation({
		mutationFn: () => ask(api.POST("/api/v1/scans/{id}/confirm", { params: { path: { id } } })),
		onSuccess: (saved) => {
			client.setQueryData(scanQuery(id).queryKey, saved);
			for (const word of ["scan", "finding", "overview"]) client.invalidateQueries({ queryKey: [word] });
		},
	});

	if (isPending || !scan)
		return (
			<Page title="Scan" above={ABOVE}>
				<Reading of={{ isPending, error, refetch }} />
			</Page>
		);

	return (
		<Page title={`${scan.scanner} on ${scan.asset.name}`} above={ABOVE} about={<ScanStateMark state={scan.state} />}>
			{scan.state === "quarantined" && (
				<Notice tone="warn" title="Suspiciously many findings are gone">
					<Text size="sm" mb={8}>
						What this scan saw is in effect. What it did not see closes nothing until a person says that the scan was complete. A
						misconfigured scanner looks the same as a great clean-up.
					</Text>
					{analyst ? (
						<Button onClick={() => confirm.mutate()} loading={confirm.isPending}>
							The scan was complete: confirm it
						</Button>
					) : (
						<Text size="sm">An analyst can confirm it.</Text>
					)}
				</Notice>
			)}
			<Trouble error={confirm.error} />
			<div className="grid2">
				<Panel title="What it looked at">
					<Facts
						facts={[
							["Asset", <Link to={`/findings?asset=${scan.asset.id}`}>{scan.asset.name}</Link>],
							["Scanner", [scan.scanner, scan.scanner_version].filter(Boolean).join(" ")],
							["Configuration", scan.configuration],
							["Branch", scan.branch],
							["Commit", scan.commit && <span className="mono">{scan.commit}</span>],
							["Started", <Time at={scan.started_at} />],
							["Arrived", <Time at={scan.imported_at} />],
							["Format", scan.format],
							["File", scan.filename],
							[
								"Coverage",
								scan.coverage.extent === "full"
									? `${scan.coverage.paths?.length ? "these paths" : "everything"}: absence is evidence`
									: "a part: absence proves nothing",
							],
							["Paths", scan.coverage.paths?.join(", ")],
							["Rules", scan.coverage.rules && `${number(scan.coverage.rules.length)} listed`],
						]}
					/>
				</Panel>
				<Panel title="What it changed">
					<Facts
						facts={[
							["Results", number(scan.observations)],
							["New", number(scan.new)],
							["Came back", number(scan.regressed)],
							["Fixed", number(scan.fixed)],
						]}
					/>
				</Panel>
			</div>
			{(scan.state === "committed" || scan.state === "quarantined") && <Comparison scan={scan} />}
		</Page>
	);
}
