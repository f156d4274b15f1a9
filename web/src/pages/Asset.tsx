import { Button, Group, NativeSelect, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams, useSearchParams } from "react-router";
import { asset as assetQuery, branches as branchesQuery, comparison as comparisonQuery } from "../api/queries";
import type { Branch, SeverityCounts } from "../api/types";
import { SeverityBar, SeverityLegend } from "../components/Bars";
import { Empty } from "../components/Empty";
import { Facts } from "../components/Facts";
import { Loading } from "../components/Loading";
import { Page } from "../components/Page";
import { Panel } from "../components/Panel";
import { Reading } from "../components/Reading";
import { Time } from "../components/Time";
import { Trouble } from "../components/Trouble";
import { IMPACT, number, total } from "../words";
import classes from "./Asset.module.css";

const ABOVE = [{ label: "Assets", to: "/assets" }];

/** What is scanned: what is open on it, on each of its branches, and how two branches differ. */
export function AssetPage() {
	const { id = "" } = useParams();
	const { data: asset, isPending, error, refetch } = useQuery(assetQuery(id));
	if (!asset)
		return (
			<Page title="Asset" above={ABOVE}>
				<Reading of={{ isPending, error, refetch }} lines={8} />
			</Page>
		);
	return (
		<Page
			title={asset.name}
			above={ABOVE}
			about={asset.archived ? "Laid aside" : undefined}
			actions={
				<Button component={Link} to={`/findings?asset=${asset.id}`} variant="default">
					Its findings
				</Button>
			}
		>
			<div className="grid2">
				<Panel title="Open findings" actions={<Text size="sm" className="nums">{`${number(total(asset.open))} open`}</Text>}>
					<SeverityBar counts={asset.open} height={14} />
					<SeverityLegend counts={asset.open} to={(severity) => `/findings?asset=${asset.id}&severity=${severity}`} />
				</Panel>
				<Panel title="Facts">
					<Facts
						facts={[
							["Owner", asset.owner || "nobody was named"],
							["Business impact", IMPACT[asset.impact]],
							["Tags", asset.tags.join(", ")],
							["Tracked branches", asset.tracked_branches.join(", ")],
							["Last scan", asset.last_scan_at ? <Time at={asset.last_scan_at} /> : "never"],
							["Known since", <Time at={asset.created_at} />],
						]}
					/>
				</Panel>
			</div>
			<Branches asset={asset.id} />
		</Page>
	);
}

/** A branch in words; scans may name none. */
const called = (branch: string | null | undefined) => branch || "no branch named";

function Branches({ asset }: { asset: string }) {
	const { data, isPending, error, refetch } = useQuery(branchesQuery(asset));
	return (
		<>
			<Panel title="Branches">
				{isPending && <Loading lines={3} />}
				{error && !data && <Trouble error={error} retry={() => refetch()} />}
				{data?.length === 0 && <Empty title="No scan yet">Branches are known by their scans.</Empty>}
				{data && data.length > 0 && <BranchList asset={asset} branches={data} />}
			</Panel>
			{data && data.length > 1 && <Comparison asset={asset} branches={data} />}
		</>
	);
}

function BranchList({ asset, branches }: { asset: string; branches: readonly Branch[] }) {
	const most = Math.max(1, ...branches.map((branch) => total(branch.open)));
	return (
		<ul className={classes.branches}>
			{branches.map((branch) => (
				<li key={branch.name ?? ""}>
					<span>
						<Link to={`/findings?asset=${asset}&branch=${encodeURIComponent(branch.name ?? "")}`}>{called(branch.name)}</Link>
						<span className={classes.quiet}>
							{branch.tracked ? "decides" : "does not decide"}
							{branch.last_scan_at && (
								<>
									{" · "}
									<Time at={branch.last_scan_at} />
								</>
							)}
						</span>
					</span>
					<span className={classes.bar}>
						<span style={{ display: "block", width: `${(total(branch.open) / most) * 100}%` }}>
							<SeverityBar counts={branch.open} />
						</span>
					</span>
					<span className="nums">{number(total(branch.open))}</span>
				</li>
			))}
		</ul>
	);
}

/** Two branches side by side; which ones stands in the address. */
function Comparison({ asset, branches }: { asset: string; branches: readonly Branch[] }) {
	const [params, setParams] = useSearchParams();
	const names = branches.map((branch) => branch.name ?? "");
	const decides = branches.find((branch) => branch.tracked)?.name ?? names[0] ?? "";
	const base = params.get("base") ?? decides;
	const head = params.get("head") ?? names.find((name) => name !== base) ?? "";
	const { data, error, isPending, refetch } = useQuery(comparisonQuery(asset, base, head));
	const choose = (name: "base" | "head") => (branch: string) =>
		setParams((old) => new URLSearchParams([...[...old].filter(([known]) => known !== name), [name, branch]]), { replace: true });
	const options = names.map((name) => ({ value: name, label: called(name) }));
	const list = (on: string, not: string) =>
		`/findings?asset=${asset}&branch=${encodeURIComponent(on)}&not_on_branch=${encodeURIComponent(not)}`;
	return (
		<Panel title="Comparison">
			<Stack gap={14}>
				<Group gap={10}>
					<NativeSelect
						label="Compare"
						value={head}
						data={options}
						onChange={(event) => choose("head")(event.currentTarget.value)}
					/>
					<NativeSelect
						label="with"
						value={base}
						data={options}
						onChange={(event) => choose("base")(event.currentTarget.value)}
					/>
				</Group>
				{isPending && <Loading lines={3} />}
				{error && <Trouble error={error} retry={() => refetch()} />}
				{data && (
					<div className="grid3" role="status">
						<Share title={`Only on ${called(head)}`} about="what it brings" counts={data.only_head} to={list(head, base)} />
						<Share title={`Only on ${called(base)}`} about="what it takes away" counts={data.only_base} to={list(base, head)} />
						<Share title="On both" about="what stays" counts={data.both} />
					</div>
				)}
			</Stack>
		</Panel>
	);
}

function Share({ title, about, counts, to }: { title: string; about: string; counts: SeverityCounts; to?: string }) {
	return (
		<div>
			<Text size="sm" fw={600}>
				{to ? <Link to={to}>{title}</Link> : title}
			</Text>
			<Text size="sm" c="dimmed" mb={6}>
				{about}
			</Text>
			<Text fw={600} className="nums" mb={4}>
				{number(total(counts))}
			</Text>
			<SeverityBar counts={counts} height={10} />
		</div>
	);
}
