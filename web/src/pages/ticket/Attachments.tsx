import { Anchor, Button, Checkbox, FileInput, Group, Stack, Text } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, ask } from "../../api/client";
import { ticketAttachments } from "../../api/queries";
import type { Attachment } from "../../api/types";
import { Empty } from "../../components/Empty";
import { Loading } from "../../components/Loading";
import { Panel } from "../../components/Panel";
import { Time } from "../../components/Time";
import { Trouble } from "../../components/Trouble";
import { useMay } from "../../session";
import { bytes } from "../../words";
import classes from "./Comments.module.css";

function place(file: Attachment): string {
	if (file.private) return "private";
	if (file.problem) return `not on the board: ${file.problem}`;
	if (file.taken_away) return "taken away on the board";
	if (!file.id) return "attached on the board";
	return file.on_board ? "here and on the board" : "on its way to the board";
}

/** Evidence that people attached, and a place for more. */
export function Attachments({ id }: { id: string }) {
	const developer = useMay("developer");
	const query = useQuery(ticketAttachments(id));
	const files = query.data ?? [];
	return (
		<Panel title="Attachments">
			{query.isPending && <Loading lines={2} />}
			{query.isError && <Trouble error={query.error} retry={() => query.refetch()} />}
			{query.isSuccess && files.length === 0 && (
				<Empty title="No attachments">What is attached here, a screenshot or a log, is attached to the work item, too.</Empty>
			)}
			{files.length > 0 && (
				<ul className={classes.comments}>
					{files.map((file) => (
						<FileRow key={file.id ?? `board ${file.name}`} ticket={id} file={file} />
					))}
				</ul>
			)}
			{developer && <Attach id={id} />}
		</Panel>
	);
}

function FileRow({ ticket, file }: { ticket: string; file: Attachment }) {
	const analyst = useMay("analyst");
	const client = useQueryClient();
	const remove = useMutation({
		mutationFn: (attachment: string) =>
			ask(api.DELETE("/api/v1/tickets/{id}/attachments/{attachment}", { params: { path: { id: ticket, attachment } } })),
		onSuccess: () => client.invalidateQueries({ queryKey: ticketAttachments(ticket).queryKey }),
	});
	const { id } = file;
	return (
		<li data-private={file.private || undefined}>
			<Group justify="space-between" wrap="nowrap" gap={8}>
				<div>
					{id ? (
						<Anchor href={`/api/v1/tickets/${ticket}/attachments/${id}`} download={file.name} size="sm">
							{file.name}
						</Anchor>
					) : (
						<Text size="sm">{file.name}</Text>
					)}
					<Text size="sm" c="dimmed">
						{file.author && `${file.author} · `}
						{file.added_at && <Time at={file.added_at} />}
						{file.size != null && ` · ${bytes(file.size)} · `}
						{place(file)}
					</Text>
				</div>
				{id && analyst && (
					<Button
						variant="subtle"
						color="red"
						c="var(--ls-bad)"
						size="compact-sm"
						style={{ flex: "none" }}
						loading={remove.isPending}
						aria-label={`Delete ${file.name}`}
						onClick={() => remove.mutate(id)}
					>
						Delete
					</Button>
				)}
			</Group>
			<Trouble error={remove.error} />
		</li>
	);
}

function Attach({ id }: { id: string }) {
	const client = useQueryClient();
	const [file, setFile] = useState<File | null>(null);
	const [isPrivate, setPrivate] = useState(false);
	const attach = useMutation({
		mutationFn: (file: File) =>
			ask(
				api.POST("/api/v1/tickets/{id}/attachments", {
					params: { path: { id }, query: { name: file.name, private: isPrivate } },
					headers: { "Content-Type": "application/octet-stream" },
					// The document describes the body as bytes; the browser sends the file as it is.
					body: [],
					bodySerializer: () => file,
				}),
			),
		onSuccess: (files) => {
			client.setQueryData(ticketAttachments(id).queryKey, files);
			setFile(null);
			setPrivate(false);
		},
	});
	const submit = (event: FormEvent) => {
		event.preventDefault();
		if (file) attach.mutate(file);
	};
	return (
		<form onSubmit={submit}>
			<Stack gap={8} mt={14}>
				<FileInput
					label="File"
					description="At most 10 MiB."
					placeholder="Choose a file"
					clearable
					value={file}
					onChange={setFile}
				/>
				<Checkbox
					label="Private file"
					description="For people in Lockstep only: it never appears on the board."
					checked={isPrivate}
					onChange={(event) => setPrivate(event.currentTarget.checked)}
				/>
				<Trouble error={attach.error} />
				<Group>
					<Button type="submit" disabled={!file} loading={attach.isPending}>
						Attach
					</Button>
				</Group>
			</Stack>
		</form>
	);
}
