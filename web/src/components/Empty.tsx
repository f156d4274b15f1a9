import { Stack, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";

/** What a list says when there is nothing to list, and how to change that. */
export function Empty({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }) {
	return (
		<Stack align="center" gap={6} py={36} px={20} ta="center">
			<Title order={2}>{title}</Title>
			{children && (
				<Text component="div" c="dimmed" size="sm" maw={520}>
					{children}
				</Text>
			)}
			{action && <div style={{ marginTop: 8 }}>{action}</div>}
		</Stack>
	);
}
