import { Select } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { asset, assets } from "../api/queries";

/** Chooses one asset among many: what is typed is looked up by the server. */
export function AssetFilter({ value, onChange }: { value: string | undefined; onChange: (id: string) => void }) {
	const [text, setText] = useState("");
	const [wanted] = useDebouncedValue(text, 200);
	const { data: chosen } = useQuery({ ...asset(value ?? ""), enabled: Boolean(value) });
	const searched = chosen && wanted === chosen.name ? "" : wanted;
	const { data } = useInfiniteQuery({ ...assets(searched || undefined), placeholderData: keepPreviousData });
	const options = new Map(data?.pages[0]?.items.map((entry) => [entry.id, entry.name]));
	if (chosen) options.set(chosen.id, chosen.name);
	return (
		<Select
			label="Asset"
			placeholder="Any"
			searchable
			clearable
			clearButtonProps={{ "aria-label": "Any asset" }}
			nothingFoundMessage="No such asset"
			value={value ?? null}
			onChange={(id) => onChange(id ?? "")}
			onSearchChange={setText}
			data={[...options].map(([id, name]) => ({ value: id, label: name }))}
		/>
	);
}
