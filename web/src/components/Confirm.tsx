import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { Trouble } from "./Trouble";

type Props = {
	opened: boolean;
	title: string;
	children: ReactNode;
	yes: string;
	danger?: boolean;
	busy: boolean;
	error: unknown;
	onYes: () => void;
	onClose: () => void;
};

/** Asks before something that cannot be taken back. */
export function Confirm({ opened, title, children, yes, danger, busy, error, onYes, onClose }: Props) {
	return (
		<Modal opened={opened} onClose={onClose} title={title}>
			<Stack gap={12}>
				<Text size="sm" component="div">
					{children}
				</Text>
				<Trouble error={error} />
				<Group justify="flex-end" gap={8}>
					<Button variant="default" onClick={onClose} data-autofocus>
						Cancel
					</Button>
					<Button color={danger ? "red.8" : undefined} onClick={onYes} loading={busy}>
						{yes}
					</Button>
				</Group>
			</Stack>
		</Modal>
	);
}
