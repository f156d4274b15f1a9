import { Autocomplete, Radio, Stack, TagsInput, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { assets } from "../../api/queries";
import type { Binding as Bound, NewDestination } from "../../api/types";

type Props = { draft: NewDestination; change: (part: Partial<NewDestination>) => void };

/** A new binding of that kind, with what the old one said already. */
function turned(kind: string, old: Bound): Bound {
	const asset = "asset" in old ? old.asset : "";
	if (kind === "group") return { kind, tags: [] };
	if (kind === "asset") return { kind, asset };
	if (kind === "branch") return { kind, asset, branch: "" };
	return { kind: "default" };
}

/** What the destination takes. The more specific one wins: a branch, then its asset, then a group, then the default. */
export function Binding({ draft, change }: Props) {
	const { binding } = draft;
	const named = "asset" in binding;
	const [wanted] = useDebouncedValue(named ? binding.asset : "", 200);
	const { data } = useInfiniteQuery({ ...assets(wanted || undefined), placeholderData: keepPreviousData, enabled: named });
	return (
		<Stack gap={10}>
			<Radio.Group
				label="Findings of"
				description="The most specific destination takes a finding: branch, asset, group, default."
				value={binding.kind}
				onChange={(kind) => change({ binding: turned(kind, binding) })}
			>
				<Stack gap={6} mt={6}>
					<Radio value="default" label="everything that no other destination takes" />
					<Radio value="group" label="assets with certain tags" />
					<Radio value="asset" label="one asset" />
					<Radio value="branch" label="a branch of an asset" />
				</Stack>
			</Radio.Group>
			{binding.kind === "group" && (
				<TagsInput
					label="Tags"
					description="An asset must have all of them. Enter ends a tag."
					required
					value={binding.tags}
					onChange={(tags) => change({ binding: { ...binding, tags } })}
					splitChars={[","]}
				/>
			)}
			{named && (
				<Autocomplete
					label="Asset"
					required
					value={binding.asset}
					onChange={(asset) => change({ binding: { ...binding, asset } })}
					data={data?.pages[0]?.items.map((asset) => asset.name) ?? []}
				/>
			)}
			{binding.kind === "branch" && (
				<TextInput
					label="Branch"
					description="A tracked branch of the asset, or a pattern such as release/*."
					required
					value={binding.branch}
					onChange={(event) => change({ binding: { ...binding, branch: event.currentTarget.value } })}
				/>
			)}
		</Stack>
	);
}
