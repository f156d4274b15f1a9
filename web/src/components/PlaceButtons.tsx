import { ActionIcon, Group } from "@mantine/core";
import { IconArrowDown, IconArrowUp } from "@tabler/icons-react";

type Row = { id: string; name: string };
type Props = { row: Row; rows: readonly Row[]; busy: boolean; order: (ids: string[]) => void };

/** Moves one row of an ordered list up or down. */
export function PlaceButtons({ row, rows, busy, order }: Props) {
	const ids = rows.map(({ id }) => id);
	const at = ids.indexOf(row.id);
	const move = (by: 1 | -1) => {
		ids.splice(at, 1);
		ids.splice(at + by, 0, row.id);
		order(ids);
	};
	if (rows.length < 2) return null;
	return (
		<Group gap={2} wrap="nowrap">
			<ActionIcon variant="subtle" aria-label={`Move ${row.name} up`} disabled={at === 0 || busy} onClick={() => move(-1)}>
				<IconArrowUp size={15} />
			</ActionIcon>
			<ActionIcon
				variant="subtle"
				aria-label={`Move ${row.name} down`}
				disabled={at === ids.length - 1 || busy}
				onClick={() => move(1)}
			>
				<IconArrowDown size={15} />
			</ActionIcon>
		</Group>
	);
}
