import { Autocomplete, Radio, Stack } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { assets } from "../../api/queries";
import type { NewDestination } from "../../api/types";

type Props = { draft: NewDestination; change: (part: Partial<NewDestination>) => void };

/** The connection's default, or one asset's own destination, which wins over it. */
export function Binding({ draft, change }: Props) {
	const bound = typeof draft.asset === "string";
	const [wanted] = useDebouncedValue(draft.asset ?? "", 200);
	const { data } = useInfiniteQuery({ ...assets(wanted || undefined), placeholderData: keepPreviousData, enabled: bound });
	return (
		<Stack gap={10}>
			<Radio.Group
				label="Findings of"
				value={bound ? "asset" : "default"}
				onChange={(value) =>
					change(value === "asset" ? { asset: "", is_default: false } : { asset: undefined, is_default: true })
				}
			>
				<Stack gap={6} mt={4}>
					<Radio value="default" label="every asset without a destination of its own" />
					<Radio value="asset" label="one asset" />
				</Stack>
			</Radio.Group>
			{bound && (
				<Autocomplete
					label="Asset"
					required
					value={draft.asset ?? ""}
					onChange={(asset) => change({ asset })}
					data={data?.pages[0]?.items.map((asset) => asset.name) ?? []}
				/>
			)}
		</Stack>
	);
}
