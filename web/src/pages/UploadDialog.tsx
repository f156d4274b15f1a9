import { Button, Checkbox, Group, Modal, NativeSelect, Progress, Stack, TagsInput, Text, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { type DragEvent, type FormEvent, useRef, useState } from "react";
import { type ImportOptions, importReport, planImport } from "../api/import";
import { assessments, sources } from "../api/queries";
import { DialogButtons } from "../components/DialogButtons";
import { JobProgress } from "../components/JobProgress";
import { Trouble } from "../components/Trouble";
import { bytes } from "../words";
import { ImportPlanView } from "./ImportPlanView";
import { ImportSummary } from "./ImportSummary";
import classes from "./UploadDialog.module.css";

/** Brings a report in: choose or drop a file, name the asset, watch it being read. */
export function UploadDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
	return (
		<Modal opened={opened} onClose={onClose} title="Upload a report" size="lg">
			<UploadForm onClose={onClose} />
		</Modal>
	);
}

function UploadForm({ onClose }: { onClose: () => void }) {
	const [file, setFile] = useState<File | null>(null);
	const [asset, setAsset] = useState("");
	const [tags, setTags] = useState<string[]>([]);
	const [branch, setBranch] = useState("");
	const [configuration, setConfiguration] = useState("");
	const [partial, setPartial] = useState(false);
	const [assessment, setAssessment] = useState("");
	const [source, setSource] = useState("");
	const known = useQuery(sources).data ?? [];
	const open = useQuery(assessments).data?.filter((one) => one.state !== "completed") ?? [];
	const [share, setShare] = useState(0);
	const options: ImportOptions = {
		asset: source ? "" : asset.trim(),
		source,
		tags: tags.join(","),
		branch: branch.trim(),
		configuration: configuration.trim(),
		partial,
		assessment,
	};
	const begin = () => {
		upload.reset();
		plan.reset();
		setShare(0);
	};
	const upload = useMutation({ mutationFn: (report: File) => importReport(report, options, setShare) });
	const plan = useMutation({ mutationFn: (report: File) => planImport(report, options, setShare) });
	const busy = upload.isPending || plan.isPending;
	const incomplete = !file || (source === "" && asset.trim() === "");

	if (upload.data)
		return (
			<Stack gap={12}>
				<JobProgress id={upload.data.id} label="Import">
					{(job) => job.import && <ImportSummary result={job.import} />}
				</JobProgress>
				<Group justify="flex-end" gap={8}>
					<Button
						variant="default"
						onClick={() => {
							upload.reset();
							setFile(null);
							setShare(0);
						}}
					>
						Another report
					</Button>
					<Button onClick={onClose}>Close</Button>
				</Group>
			</Stack>
		);

	const submit = (event: FormEvent) => {
		event.preventDefault();
		if (!file) return;
		begin();
		upload.mutate(file);
	};
	return (
		// What was planned is about what the form said then.
		<form onSubmit={submit} onChange={plan.reset}>
			<Stack gap={12}>
				<DropField
					file={file}
					onFile={(chosen) => {
						plan.reset();
						setFile(chosen);
					}}
				/>
				{known.length > 0 && (
					<NativeSelect
						label="Source"
						description="Its rules say what is taken in, and which assets it belongs to."
						value={source}
						onChange={(event) => setSource(event.currentTarget.value)}
						data={[
							{ value: "", label: "None: it is about one asset" },
							...known.map(({ name }) => ({ value: name, label: name })),
						]}
					/>
				)}
				{source === "" && (
					<TextInput
						label="Asset"
						description="What was scanned: a repository, an image, a host. Made on first use."
						placeholder="my-service"
						required
						value={asset}
						onChange={(event) => setAsset(event.currentTarget.value)}
					/>
				)}
				<TagsInput
					label={source ? "Tags of the assets" : "Tags of the asset"}
					description="Added to those it has. Enter ends a tag."
					value={tags}
					onChange={(next) => {
						// Taking one away is no change of a field.
						plan.reset();
						setTags(next);
					}}
					splitChars={[","]}
				/>
				<Group grow align="flex-start">
					<TextInput
						label="Branch"
						description="If the report does not say so."
						value={branch}
						onChange={(event) => setBranch(event.currentTarget.value)}
					/>
					<TextInput
						label="Configuration"
						description="Tells apart scans of one scanner."
						value={configuration}
						onChange={(event) => setConfiguration(event.currentTarget.value)}
					/>
				</Group>
				{open.length > 0 && (
					<NativeSelect
						label="Assessment"
						description="What the scan belongs to."
						value={assessment}
						onChange={(event) => setAssessment(event.currentTarget.value)}
						data={[{ value: "", label: "None" }, ...open.map((one) => ({ value: one.name, label: one.name }))]}
					/>
				)}
				<Checkbox
					label="Only a part was scanned: what is missing closes nothing"
					checked={partial}
					onChange={(event) => setPartial(event.currentTarget.checked)}
				/>
				{busy && (
					<div role="status">
						<Progress value={share * 100} aria-label="Upload" />
						<Text size="sm" c="dimmed">
							{Math.round(share * 100)} % sent{plan.isPending && share === 1 && ": asking what it would do"}
						</Text>
					</div>
				)}
				<Trouble error={upload.error ?? plan.error} />
				{plan.data && (
					<section className="panel" aria-label="What it would do">
						<ImportPlanView plan={plan.data} />
					</section>
				)}
				<DialogButtons onCancel={onClose}>
					<Button
						type="button"
						variant="default"
						disabled={incomplete || upload.isPending}
						loading={plan.isPending}
						onClick={() => {
							if (!file) return;
							begin();
							plan.mutate(file);
						}}
					>
						Show what it would do
					</Button>
					<Button type="submit" disabled={incomplete || plan.isPending} loading={upload.isPending}>
						Import
					</Button>
				</DialogButtons>
			</Stack>
		</form>
	);
}

function DropField({ file, onFile }: { file: File | null; onFile: (file: File | null) => void }) {
	const [over, setOver] = useState(false);
	const input = useRef<HTMLInputElement>(null);
	const drop = (event: DragEvent) => {
		event.preventDefault();
		setOver(false);
		onFile(event.dataTransfer.files[0] ?? null);
	};
	return (
		// biome-ignore lint/a11y/noStaticElementInteractions: dropping is the mouse's shortcut for the file field inside.
		<div
			className={classes.drop}
			data-over={over}
			onDragOver={(event) => {
				event.preventDefault();
				setOver(true);
			}}
			onDragLeave={() => setOver(false)}
			onDrop={drop}
		>
			<input
				ref={input}
				type="file"
				id="report"
				className={classes.input}
				onChange={(event) => onFile(event.currentTarget.files?.[0] ?? null)}
			/>
			<label htmlFor="report">
				{file ? (
					<>
						<b>{file.name}</b>
						<span>{bytes(file.size)} · choose another</span>
					</>
				) : (
					<>
						<b>Drop a report here, or choose a file</b>
						<span>SARIF, Trivy, generic JSON or CSV; the format is recognised</span>
					</>
				)}
			</label>
		</div>
	);
}
