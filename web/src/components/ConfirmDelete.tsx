import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useNavigate } from "react-router";
import { Confirm } from "./Confirm";

type Props = {
	/** What is deleted, as it stands in the question. */
	name: string;
	opened: boolean;
	onClose: () => void;
	/** What becomes of all that belongs to it. */
	children: ReactNode;
	remove: () => Promise<unknown>;
	/** Page that is shown once it is gone. */
	to: string;
	/** What was known of it, and what is asked for again without it. */
	forget: readonly unknown[];
	refresh: readonly unknown[];
};

/** Asks before the thing that the page is about is deleted, and leaves the page. */
export function ConfirmDelete({ name, opened, onClose, children, remove, to, forget, refresh }: Props) {
	const client = useQueryClient();
	const navigate = useNavigate();
	const removal = useMutation({
		mutationFn: remove,
		onSuccess: async () => {
			// First away from the page: it would ask again for what is gone.
			await navigate(to);
			client.removeQueries({ queryKey: forget });
			client.invalidateQueries({ queryKey: refresh });
		},
	});
	return (
		<Confirm
			opened={opened}
			title={`Delete ${name}?`}
			yes="Delete"
			danger
			busy={removal.isPending}
			error={removal.error}
			onYes={() => removal.mutate()}
			onClose={onClose}
		>
			{children}
		</Confirm>
	);
}
