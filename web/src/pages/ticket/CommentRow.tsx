import { Button, Group, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type RefObject, useRef, useState } from "react";
import { flushSync } from "react-dom";
import { api, ask } from "../../api/client";
import { ticketComments } from "../../api/queries";
import type { Comment } from "../../api/types";
import { ConfirmDelete } from "../../components/ConfirmDelete";
import { Time } from "../../components/Time";
import { Trouble } from "../../components/Trouble";
import { useMay, useMe } from "../../session";
import { CommentText } from "./CommentText";

type Props = { ticket: string; comment: Comment };

function place(comment: Comment): string {
	if (comment.private) return "private note";
	if (comment.problem) return `not on the board: ${comment.problem}`;
	if (comment.side === "board") return "on the board";
	if (comment.side === "explanation") return "explains a change";
	return comment.on_board ? "here and on the board" : "on its way to the board";
}

/** One comment. Who wrote it here may change and delete it; what was written on the board is changed there. */
export function CommentRow({ ticket, comment }: Props) {
	const developer = useMay("developer");
	const { name } = useMe();
	const own = developer && comment.side === "here" && comment.author === name;
	const [editing, setEditing] = useState(false);
	const [deleting, remove] = useDisclosure(false);
	const edit = useRef<HTMLButtonElement>(null);
	const field = useRef<HTMLTextAreaElement>(null);
	// What has the focus is taken away here: it goes on to what stands in its place.
	const begin = () => {
		flushSync(() => setEditing(true));
		field.current?.focus();
	};
	const end = () => {
		flushSync(() => setEditing(false));
		edit.current?.focus();
	};
	const what = comment.private ? "note" : "comment";
	const start = comment.text.length > 40 ? `${comment.text.slice(0, 40)}…` : comment.text;
	return (
		<li data-private={comment.private || undefined}>
			<Group justify="space-between" align="flex-start" wrap="nowrap" gap={8}>
				<Text size="sm" c="dimmed">
					<b>{comment.author}</b> · <Time at={comment.created_at} /> · {place(comment)}
					{comment.edited_at && " · edited"}
				</Text>
				{own && !editing && (
					<Group gap={0} wrap="nowrap" style={{ flex: "none" }}>
						<Button ref={edit} variant="subtle" size="compact-xs" onClick={begin} aria-label={`Edit the ${what} “${start}”`}>
							Edit
						</Button>
						<Button
							variant="subtle"
							color="red"
							c="var(--ls-bad)"
							size="compact-xs"
							onClick={remove.open}
							aria-label={`Delete the ${what} “${start}”`}
						>
							Delete
						</Button>
					</Group>
				)}
			</Group>
			{editing ? (
				<Edit ticket={ticket} comment={comment} field={field} onClose={end} />
			) : (
				<Text size="sm" className="prewrap">
					{comment.text}
				</Text>
			)}
			{own && (
				<ConfirmDelete
					name={`this ${what}`}
					opened={deleting}
					onClose={remove.close}
					remove={() =>
						ask(
							api.DELETE("/api/v1/tickets/{id}/comments/{comment}", {
								params: { path: { id: ticket, comment: comment.id } },
							}),
						)
					}
					refresh={ticketComments(ticket).queryKey}
				>
					“{start}” is deleted {comment.private ? "here; it was never on the board." : "here and on the work item."}
				</ConfirmDelete>
			)}
		</li>
	);
}

type EditProps = Props & { field: RefObject<HTMLTextAreaElement | null>; onClose: () => void };

function Edit({ ticket, comment, field, onClose }: EditProps) {
	const client = useQueryClient();
	const [text, setText] = useState(comment.text);
	const save = useMutation({
		mutationFn: () =>
			ask(
				api.PATCH("/api/v1/tickets/{id}/comments/{comment}", {
					params: { path: { id: ticket, comment: comment.id } },
					body: { text },
				}),
			),
		onSuccess: (comments) => {
			client.setQueryData(ticketComments(ticket).queryKey, comments);
			onClose();
		},
	});
	const submit = (event: FormEvent) => {
		event.preventDefault();
		save.mutate();
	};
	return (
		<form onSubmit={submit}>
			<Stack gap={8} mt={4}>
				<CommentText
					ref={field}
					label={comment.private ? "Note" : "Comment"}
					value={text}
					onChange={setText}
					busy={save.isPending}
				/>
				<Trouble error={save.error} />
				<Group gap={8}>
					<Button type="submit" disabled={text.trim() === ""} loading={save.isPending}>
						Save
					</Button>
					<Button variant="default" onClick={onClose}>
						Cancel
					</Button>
				</Group>
			</Stack>
		</form>
	);
}
