import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useNavigate } from "react-router";
import { goes } from "../api/live";
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
		// The server tells of it before its answer is here.
		onMutate: () => leave && goes(leave.forget),
		onSettled: (_gone, _error, _nothing, comes) => comes?.(),
		onSuccess: async () => {
			if (leave) {
				// First away from the page: it would ask again for what is gone.
				await navigate(leave.to);
				client.removeQueries({ queryKey: leave.forget });
			}
			await client.invalidateQueries({ queryKey: refresh });
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
