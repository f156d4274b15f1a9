import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useNavigate } from "react-router";
import { goes, isGoing } from "../api/live";
import { Confirm } from "./Confirm";

type Props = {
	/** What is deleted, as it stands in the question. */
	name: string;
	opened: boolean;
	onClose: () => void;
	/** What becomes of all that belongs to it. */
	children: ReactNode;
	remove: () => Promise<unknown>;
	/** Page that is shown once it is gone, and what was known of it: for the thing that the page is about. */
	leave?: { to: string; forget: readonly unknown[] };
	/** What is asked for again without it. */
	refresh: readonly unknown[];
};

/** Asks before something is deleted. Who deletes what the page is about leaves the page. */
export function ConfirmDelete({ name, opened, onClose, children, remove, leave, refresh }: Props) {
	const client = useQueryClient();
	const navigate = useNavigate();
	const removal = useMutation({
		mutationFn: remove,
		// The server tells of it before its answer is here. What is gone never comes back: only a refusal takes it back.
		onMutate: () => leave && goes(leave.forget),
		onError: (_error, _nothing, stays) => stays?.(),
		onSuccess: async () => {
			if (leave) {
				await navigate(leave.to);
				// Not while the page still shows it: it would ask again for what is gone.
				client.removeQueries({ queryKey: leave.forget, type: "inactive" });
			}
			await client.invalidateQueries({ queryKey: refresh, predicate: ({ queryKey }) => !isGoing(queryKey) });
			onClose();
		},
	});
	const close = () => {
		removal.reset();
		onClose();
	};
	return (
		<Confirm
			opened={opened}
			title={`Delete ${name}?`}
			yes="Delete"
			danger
			busy={removal.isPending}
			error={removal.error}
			onYes={() => removal.mutate()}
			onClose={close}
		>
			{children}
		</Confirm>
	);
}
