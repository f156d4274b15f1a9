import { Button, Checkbox, Group, Stack } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, ask } from "../../api/client";
import { ticketComments } from "../../api/queries";
import { Empty } from "../../components/Empty";
import { Loading } from "../../components/Loading";
import { Panel } from "../../components/Panel";
import { Trouble } from "../../components/Trouble";
import { useKeptFocus } from "../../components/useKeptFocus";
import { useMay } from "../../session";
import { CommentRow } from "./CommentRow";
import classes from "./Comments.module.css";
import { CommentText } from "./CommentText";

/** What people said here and on the board, and a place to answer. */
export function Comments({ id }: { id: string }) {
	const developer = useMay("developer");
	const query = useQuery(ticketComments(id));
	const comments = query.data ?? [];
	const list = useKeptFocus<HTMLOListElement>(comments.length);
	return (
		<Panel title="Comments">
			{query.isPending && <Loading lines={3} />}
			{query.isError && <Trouble error={query.error} retry={() => query.refetch()} />}
			{query.isSuccess && comments.length === 0 && (
				<Empty title="Nobody said anything yet">What is written here appears on the work item, and the other way round.</Empty>
			)}
			{comments.length > 0 && (
				<ol className={classes.comments} ref={list} tabIndex={-1} aria-label="Comments">
					{comments.map((comment) => (
						<CommentRow key={comment.id} ticket={id} comment={comment} />
					))}
				</ol>
			)}
			{developer && <Answer id={id} />}
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
				<CommentText label="Your comment" value={text} onChange={setText} busy={write.isPending} />
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
