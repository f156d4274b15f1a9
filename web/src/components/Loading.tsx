import { Skeleton, Stack, VisuallyHidden } from "@mantine/core";

/** Grey lines in the place of what is being read. */
export function Loading({ lines = 6 }: { lines?: number }) {
	return (
		<Stack gap={10} p={16} role="status">
			<VisuallyHidden>Loading</VisuallyHidden>
			{Array.from({ length: lines }, (_, line) => `${92 - ((line * 17) % 40)}%`).map((width, line) => (
				// biome-ignore lint/suspicious/noArrayIndexKey: the lines are alike and never move.
				<Skeleton key={line} height={12} width={width} />
			))}
		</Stack>
	);
}
