import { Button, Checkbox, Group, Stack, Text, Textarea } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, ask } from "../../api/client";
import { ticketComments } from "../../api/queries";
import type { Comment } from "../../api/types";
import { Empty } from "../../components/Empty";
import { Loading } from "../../components/Loading";
import { Panel } from "../../components/Panel";
import { Time } from "../../components/Time";
import { Trouble } from "../../components/Trouble";
import { useMay } from "../../session";
import classes from "./Comments.module.css";

/** Longest comment, in characters; the server says so too. */
const LONGEST = 10_000;

function place(comment: Comment): string {
	if (comment.private) return "private note";
	if (comment.problem) return `not on the board: ${comment.problem}`;
	if (comment.side === "board") return "on the board";
	if (comment.side === "explanation") return "explains a change";
	return comment.on_board ? "here and on the board" : "on its way to the board";
}

/** What people said here and on the board, and a place to answer. */
export function Comments({ id }: { id: string }) {
	const analyst = useMay("developer");
	const query = useQuery(ticketComments(id));
	const comments = query.data ?? [];
	return (
		<Panel title="Comments">
			{query.isPending && <Loading lines={3} />}
			{query.isError && <Trouble error={query.error} retry={() => query.refetch()} />}
			{query.isSuccess && comments.length === 0 && (
				<Empty title="Nobody said anything yet">What is written here appears on the work item, and the other way round.</Empty>
			)}
			{comments.length > 0 && (
				<ol className={classes.comments}>
					{comments.map((comment) => (
						<li key={comment.id} data-private={comment.private || undefined}>
							<Text size="sm" c="dimmed">
								<b>{comment.author}</b> · <Time at={comment.created_at} /> · {place(comment)}
								{comment.edited_at && " · edited"}
							</Text>
							<Text size="sm" className="prewrap">
								{comment.text}
							</Text>
						</li>
					))}
				</ol>
			)}
			{analyst && <Answer id={id} />}
		</Panel>
	);
}

function Answer({ id }: { id: string }) {
	const client = useQueryClient();
	const [text, setText] = useState("");
	const [isPrivate, setPrivate] = useState(false);
	const write = useMutation({
		mutationFn: () =>
			ask(api.POST("/api/v1/tickets/{id}/comments", { params: { path: { id } }, body: { text, private: isPrivate } })),
		onSuccess: (comments) => {
			client.setQueryData(ticketComments(id).queryKey, comments);
			setText("");
			setPrivate(false);
		},
	});
	const submit = (event: FormEvent) => {
		event.preventDefault();
		write.mutate();
	};
	return (
		<form onSubmit={submit}>
			<Stack gap={8} mt={14}>
				<Textarea
					label="Your comment"
					autosize
					minRows={2}
					maxRows={12}
					maxLength={LONGEST}
					value={text}
					onChange={(event) => setText(event.currentTarget.value)}
				/>
				<Checkbox
					label="Private note"
					description="For people in Lockstep only: it never appears on the board."
					checked={isPrivate}
					onChange={(event) => setPrivate(event.currentTarget.checked)}
				/>
				<Trouble error={write.error} />
				<Group>
					<Button type="submit" disabled={text.trim() === ""} loading={write.isPending}>
						{isPrivate ? "Keep the note" : "Comment"}
					</Button>
				</Group>
			</Stack>
		</form>
	);
}
