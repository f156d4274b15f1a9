import { Button, Group } from "@mantine/core";
import type { ReactNode } from "react";

/** What ends a dialog: leaving it as it was, or what stands in it. */
export function DialogButtons({ onCancel, children }: { onCancel: () => void; children: ReactNode }) {
	return (
		<Group justify="flex-end" gap={8}>
			<Button variant="default" onClick={onCancel}>
				Cancel
			</Button>
			{children}
		</Group>
	);
}
