import { NativeSelect, SimpleGrid, Stack, Text } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { scanComparison, scans } from "../../api/queries";
import type { ComparedSide, Scan } from "../../api/types";
import { SeverityBar } from "../../components/Bars";
import { Loading } from "../../components/Loading";
import { SeverityMark, StatusMark } from "../../components/Marks";
import { Panel } from "../../components/Panel";
import { Trouble } from "../../components/Trouble";
import { count, moment, number, total } from "../../words";
import classes from "./Comparison.module.css";

/** How what a scan saw differs from what another one of the same configuration and branch did. */
export function Comparison({ scan }: { scan: Scan }) {
	const [other, setOther] = useState("");
	const known = useInfiniteQuery(scans(scan.asset.id)).data?.pages.flatMap((page) => page.items) ?? [];
	const comparable = known.filter(
		(one) =>
			one.id !== scan.id &&
			one.scanner === scan.scanner &&
			one.configuration === scan.configuration &&
			(one.branch ?? "") === (scan.branch ?? "") &&
			(one.state === "committed" || one.state === "quarantined"),
	);
	const { data, isPending, error, refetch } = useQuery(scanComparison(scan.id, other));
	return (
		<Panel title="Compared">
			<Stack gap={14}>
				{comparable.length > 0 && (
					<NativeSelect
						label="With"
						maw={340}
						value={other}
						onChange={(event) => setOther(event.currentTarget.value)}
						data={[
							{ value: "", label: "the scan before it" },
							...comparable.map((one) => ({ value: one.id, label: `the scan of ${moment(one.started_at)}` })),
						]}
					/>
				)}
				{isPending && <Loading lines={4} />}
				{error && <Trouble error={error} retry={() => refetch()} />}
				{data && (
					<>
						<Text size="sm">
							{data.earlier ? (
								<>
									From the <Link to={`/scans/${data.earlier.id}`}>scan of {moment(data.earlier.started_at)}</Link> to the{" "}
									<Link to={`/scans/${data.later.id}`}>scan of {moment(data.later.started_at)}</Link>:{" "}
									{count(data.unchanged, "finding")} unchanged
								</>
							) : (
								"It is the first scan of its configuration on this branch."
							)}
						</Text>
						<SimpleGrid cols={{ base: 1, sm: 2 }}>
							<Side title="New" side={data.new} />
							<Side title="Gone" side={data.gone} />
						</SimpleGrid>
					</>
				)}
			</Stack>
		</Panel>
	);
}

function Side({ title, side }: { title: string; side: ComparedSide }) {
	const all = total(side.counts);
	return (
		<section aria-label={title} style={{ minWidth: 0 }}>
			<Text size="sm" fw={600} mb={4}>
				{title} {number(all)}
			</Text>
			<SeverityBar counts={side.counts} />
			<ul className={classes.findings}>
				{side.findings.map((finding) => (
					<li key={finding.id}>
						<SeverityMark severity={finding.severity} />
						<Link to={`/findings/${finding.id}`}>{finding.title}</Link>
						<StatusMark status={finding.status} />
					</li>
				))}
			</ul>
			{side.findings.length < all && (
				<Text size="sm" c="dimmed">
					The {side.findings.length} worst are listed.
				</Text>
			)}
		</section>
	);
}
