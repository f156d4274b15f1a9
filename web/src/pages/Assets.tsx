import { Badge, Button, Group, Modal, NativeSelect, Select, Stack, Switch, TagsInput, Text, TextInput } from "@mantine/core";
import { keepPreviousData, useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useRef, useState } from "react";
import { useSearchParams } from "react-router";
import { api, ask } from "../api/client";
import { assets } from "../api/queries";
import type { Asset, Impact } from "../api/types";
import { SeverityBar } from "../components/Bars";
import { DialogButtons } from "../components/DialogButtons";
import { Empty } from "../components/Empty";
import { type Column, PagedList } from "../components/List";
import { Page } from "../components/Page";
import { RouteSaid } from "../components/RouteSaid";
import { Search } from "../components/Search";
import { Time } from "../components/Time";
import { Trouble } from "../components/Trouble";
import { useMay } from "../session";
import { useShortcuts } from "../shortcuts";
import { IMPACT, number, total } from "../words";
import classes from "./Filters.module.css";

/** What is scanned, with what is open on it. */
export function AssetsPage() {
	const [params, setParams] = useSearchParams();
	const analyst = useMay("analyst");
	const [editing, setEditing] = useState<Asset | null>(null);
	const search = useRef<HTMLInputElement>(null);
	useShortcuts({ "/": () => search.current?.focus() });
	const q = params.get("q") ?? "";
	const query = useInfiniteQuery({ ...assets(q || undefined), placeholderData: keepPreviousData });

	const most = Math.max(0, ...(query.data?.pages.flatMap((page) => page.items.map((asset) => total(asset.open))) ?? []));

	const edit = (asset: Asset) =>
		analyst && (
			<Button variant="default" size="compact-xs" ml="auto" onClick={() => setEditing(asset)} aria-label={`Edit ${asset.name}`}>
				Edit
			</Button>
		);
	const columns: readonly Column<Asset>[] = [
		{
			header: "Open findings",
			width: "26%",
			cell: (asset) => (
				<Group gap={10} wrap="nowrap">
					<span className="nums" style={{ minWidth: 34, textAlign: "right" }}>
						{number(total(asset.open))}
					</span>
					<span style={{ flex: 1 }}>
						<OpenBar asset={asset} most={most} />
					</span>
				</Group>
			),
		},
		{ header: "Tags", width: "24%", cell: (asset) => <Tags tags={asset.tags} /> },
		{ header: "Last scan", width: "112px", cell: (asset) => (asset.last_scan_at ? <Time at={asset.last_scan_at} /> : "never") },
		...(analyst ? [{ header: "Settings", width: "88px", cell: edit }] : []),
	];

	return (
		<Page title="Assets" about="What is scanned: repositories, images, hosts">
			<search className={classes.filters} aria-label="Assets">
				<Search
					ref={search}
					value={q}
					onChange={(value) => setParams(value ? { q: value } : {}, { replace: true })}
					placeholder="Name"
				/>
			</search>
			<div className="panel flush" aria-busy={query.isPlaceholderData}>
				<PagedList
					query={query}
					label="Assets"
					titleHeader="Asset"
					id={(asset) => asset.id}
					to={(asset) => `/assets/${asset.id}`}
					title={(asset) => asset.name}
					about={about}
					columns={columns}
					card={(asset) => (
						<>
							<span className="nums">{number(total(asset.open))} open</span>
							<span style={{ flex: "1 1 90px", alignSelf: "center" }}>
								<OpenBar asset={asset} most={most} />
							</span>
							<Tags tags={asset.tags} />
							{edit(asset)}
						</>
					)}
					empty={
						q ? (
							<Empty title="No asset of that name" />
						) : (
							<Empty title="No assets yet">An asset is made when the first report about it is imported.</Empty>
						)
					}
				/>
			</div>
			<Modal opened={editing !== null} onClose={() => setEditing(null)} title={editing?.name}>
				{editing && <AssetForm asset={editing} onClose={() => setEditing(null)} />}
			</Modal>
		</Page>
	);
}

const IMPACTS = Object.keys(IMPACT) as Impact[];

function about(asset: Asset): string | undefined {
	const told = [
		asset.impact !== "unknown" && `impact: ${IMPACT[asset.impact].toLowerCase()}`,
		asset.owner && `owner: ${asset.owner}`,
		asset.tracked_branches.length > 0 && `tracked: ${asset.tracked_branches.join(", ")}`,
	].filter(Boolean);
	return told.length > 0 ? told.join(" · ") : undefined;
}

/** All bars of the list have one scale, so that assets can be compared. */
function OpenBar({ asset, most }: { asset: Asset; most: number }) {
	const share = total(asset.open) / Math.max(1, most);
	return (
		<span style={{ display: "block", width: `${share * 100}%`, minWidth: 8 }}>
			<SeverityBar counts={asset.open} />
		</span>
	);
}

function Tags({ tags }: { tags: readonly string[] }) {
	if (tags.length === 0) return null;
	return (
		<Group gap={4}>
			{tags.map((tag) => (
				<Badge key={tag} variant="default" tt="none" radius="sm" fw={400}>
					{tag}
				</Badge>
			))}
		</Group>
	);
}

function AssetForm({ asset, onClose }: { asset: Asset; onClose: () => void }) {
	const client = useQueryClient();
	const [tags, setTags] = useState(asset.tags);
	const [branches, setBranches] = useState(asset.tracked_branches);
	const [owner, setOwner] = useState(asset.owner);
	const [impact, setImpact] = useState(asset.impact);
	const [name, setName] = useState(asset.name);
	const [archived, setArchived] = useState(asset.archived);
	const done = () => {
		client.invalidateQueries({ queryKey: ["asset"] });
		client.invalidateQueries({ queryKey: ["finding"] });
		onClose();
	};
	const save = useMutation({
		mutationFn: () =>
			ask(
				api.PATCH("/api/v1/assets/{id}", {
					params: { path: { id: asset.id } },
					body: { tags, tracked_branches: branches, owner, impact, name, archived },
				}),
			),
		onSuccess: done,
	});
	const submit = (event: FormEvent) => {
		event.preventDefault();
		save.mutate();
	};
	return (
		<form onSubmit={submit}>
			<Stack gap={12}>
				<TextInput label="Name" value={name} onChange={(event) => setName(event.currentTarget.value)} required maxLength={200} />
				<TagsInput
					label="Tags"
					description="Rules choose assets by them. Enter ends a tag."
					value={tags}
					onChange={setTags}
					splitChars={[","]}
					data-autofocus
				/>
				<TagsInput
					label="Tracked branches"
					description="Only their scans decide the status of findings and make tickets. Scans without a branch always do."
					value={branches}
					onChange={setBranches}
					splitChars={[","]}
				/>
				<TextInput
					label="Owner"
					description="Who answers for it: a person or a team."
					value={owner}
					onChange={(event) => setOwner(event.currentTarget.value)}
					maxLength={200}
				/>
				<NativeSelect
					label="Business impact"
					description="What it would cost if it were broken into."
					value={impact}
					onChange={(event) => setImpact(event.currentTarget.value as Impact)}
					data={IMPACTS.map((value) => ({ value, label: IMPACT[value] }))}
				/>
				<Switch
					label="Archived"
					description="Its findings are suppressed, their tickets closed or released as the destination says, until it is taken up again."
					checked={archived}
					onChange={(event) => setArchived(event.currentTarget.checked)}
				/>
				<div>
					<Text size="sm" fw={500}>
						Where its work items go
					</Text>
					<RouteSaid of={{ asset: asset.id, branch: asset.tracked_branches[0] }} />
				</div>
				<Text size="xs" c="dimmed">
					Rules that match after the change make tickets at the next reconcile.
				</Text>
				<Trouble error={save.error} />
				<Gone asset={asset} onDone={done} />
				<DialogButtons onCancel={onClose}>
					<Button type="submit" loading={save.isPending}>
						Save
					</Button>
				</DialogButtons>
			</Stack>
		</form>
	);
}

/** What is over for good: a branch that was deleted, an asset that is another one. */
function Gone({ asset, onDone }: { asset: Asset; onDone: () => void }) {
	const administrator = useMay("administrator");
	const [branch, setBranch] = useState("");
	const [into, setInto] = useState<string | null>(null);
	const known = useInfiniteQuery({ ...assets(undefined), enabled: administrator });
	const others = known.data?.pages.flatMap((page) => page.items).filter((other) => other.id !== asset.id) ?? [];
	const path = { params: { path: { id: asset.id } } };
	const forget = useMutation({
		mutationFn: () => ask(api.POST("/api/v1/assets/{id}/delete-branch", { ...path, body: { branch } })),
		onSuccess: onDone,
	});
	const merge = useMutation({
		mutationFn: () => ask(api.POST("/api/v1/assets/{id}/merge", { ...path, body: { into: into ?? "" } })),
		onSuccess: onDone,
	});
	return (
		<details>
			<summary>Deleted branches, merging</summary>
			<Stack gap={10} mt={8}>
				<Group gap={8} align="end">
					<TextInput
						label="Branch that was deleted"
						description="What was seen on no other tracked branch is laid aside until a scan sees it again."
						value={branch}
						onChange={(event) => setBranch(event.currentTarget.value)}
						flex={1}
					/>
					<Button variant="default" disabled={!branch.trim()} loading={forget.isPending} onClick={() => forget.mutate()}>
						Forget it
					</Button>
				</Group>
				<Trouble error={forget.error} />
				{administrator && (
					<Group gap={8} align="end">
						<Select
							label="Merge into"
							description="Findings, scans and tickets go over for good; the name leads to the other asset."
							data={others.map((other) => ({ value: other.id, label: other.name }))}
							value={into}
							onChange={setInto}
							searchable
							flex={1}
						/>
						<Button variant="default" color="red" disabled={!into} loading={merge.isPending} onClick={() => merge.mutate()}>
							Merge
						</Button>
					</Group>
				)}
				<Trouble error={merge.error} />
			</Stack>
		</details>
	);
}
