import { Button, FileButton, Group, Progress, Stack, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { previewSource } from "../../api/import";
import type { IngestPreview, IngestRule, Source } from "../../api/types";
import { Panel } from "../../components/Panel";
import { Trouble } from "../../components/Trouble";
import { useMay } from "../../session";
import { count, leftOut, number } from "../../words";
import classes from "./PreviewPanel.module.css";

type Props = { source: Source; rules: IngestRule[] };

/** What the rules, as they stand here, would make of a report. Nothing is stored. */
export function PreviewPanel({ source, rules }: Props) {
	const may = useMay("administrator");
	const [share, setShare] = useState(0);
	const preview = useMutation({ mutationFn: (file: File | null) => previewSource(source.id, rules, file, setShare) });
	if (!may) return null;
	const look = (file: File | null) => {
		setShare(0);
		preview.mutate(file);
	};
	return (
		<Panel
			title="Preview"
			actions={
				<Group gap={8}>
					{source.fetch && (
						<Button variant="default" size="compact-sm" loading={preview.isPending} onClick={() => look(null)}>
							Look at what is there now
						</Button>
					)}
					<FileButton onChange={(file) => file && look(file)}>
						{(props) => (
							<Button {...props} variant="default" size="compact-sm" loading={preview.isPending}>
								Try a report…
							</Button>
						)}
					</FileButton>
				</Group>
			}
		>
			<Stack gap={10}>
				<Text size="sm" c="dimmed">
					It asks the rules as they stand above, saved or not, and stores nothing.
				</Text>
				{preview.isPending && <Progress value={share * 100} animated={share === 0 || share === 1} aria-label="Preview" />}
				<Trouble error={preview.error} />
				<div role="status">{preview.data && <Preview preview={preview.data} />}</div>
			</Stack>
		</Panel>
	);
}

function Preview({ preview }: { preview: IngestPreview }) {
	const most = Math.max(1, ...preview.assets.map((asset) => asset.taken));
	const out = [...leftOut(preview.left_out), ...leftOut(preview.not_seen)];
	return (
		<Stack gap={10}>
			<Text size="sm">
				<b>{count(preview.taken, "result")}</b> of {number(preview.results)} would be taken in, for{" "}
				{count(preview.assets_total, "asset")}
				{!preview.whole && " (only the first pages were looked at)"}
			</Text>
			{out.length > 0 && (
				<Text size="sm" c="dimmed">
					Left out: {out.join("; ")}
				</Text>
			)}
			{preview.nobodys.length > 0 && (
				<Text size="sm" c="dimmed" style={{ overflowWrap: "anywhere" }}>
					No rule is about: {preview.nobodys.join("; ")}
				</Text>
			)}
			{preview.assets.length > 0 && (
				<ul className={classes.assets} aria-label="Assets">
					{preview.assets.map((asset) => (
						<li key={asset.name}>
							<span className={classes.name}>
								{asset.name}
								{asset.created && " (made)"}
							</span>
							<span className={classes.track} aria-hidden="true">
								<span style={{ width: `${(asset.taken / most) * 100}%` }} />
							</span>
							<span className="nums">{number(asset.taken)}</span>
							<span className={classes.about}>
								{[asset.tags.join(", "), asset.examples.slice(0, 2).join("; ")].filter(Boolean).join(" · ")}
							</span>
						</li>
					))}
				</ul>
			)}
			{preview.assets.length < preview.assets_total && (
				<Text size="sm" c="dimmed">
					The {preview.assets.length} assets with most results are shown.
				</Text>
			)}
		</Stack>
	);
}
