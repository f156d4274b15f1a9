import { NativeSelect, PasswordInput, TagsInput, TextInput } from "@mantine/core";
import type { NewFetch } from "../../api/types";

/** How often a source can be fetched, in minutes. */
const EVERY: readonly [minutes: number, label: string][] = [
	[15, "15 minutes"],
	[60, "hour"],
	[360, "6 hours"],
	[1440, "day"],
	[10_080, "week"],
];

type Props = {
	fetch: NewFetch;
	change: (fetch: NewFetch) => void;
	/** There is a secret already, which stays if none is given. */
	secretKept: boolean;
};

/** The application that reads Defender for Cloud, and how often it does. */
export function FetchFields({ fetch, change, secretKept }: Props) {
	const set = (part: Partial<NewFetch>) => change({ ...fetch, ...part });
	const known = EVERY.some(([minutes]) => minutes === fetch.every_minutes);
	return (
		<>
			<TextInput
				label="Tenant"
				description="Directory (tenant) id, or its domain."
				required
				value={fetch.tenant}
				onChange={(event) => set({ tenant: event.currentTarget.value })}
			/>
			<TextInput
				label="Client id"
				description="Of an app registration with the role Security Reader on the subscriptions."
				required
				value={fetch.client_id}
				onChange={(event) => set({ client_id: event.currentTarget.value })}
			/>
			<PasswordInput
				label="Client secret"
				description={secretKept ? "Left blank, it stays. Another tenant, application or address needs it again." : "Its value."}
				required={!secretKept}
				autoComplete="off"
				value={fetch.client_secret ?? ""}
				onChange={(event) => set({ client_secret: event.currentTarget.value })}
			/>
			<TagsInput
				label="Subscriptions"
				description="Their ids; without any, everything that the application may read. Enter ends one."
				value={fetch.subscriptions ?? []}
				onChange={(subscriptions) => set({ subscriptions })}
				splitChars={[",", " "]}
				acceptValueOnBlur
			/>
			<NativeSelect
				label="Every"
				value={fetch.every_minutes}
				onChange={(event) => set({ every_minutes: Number(event.currentTarget.value) })}
				data={[
					...(known ? [] : [{ value: String(fetch.every_minutes), label: `${fetch.every_minutes} minutes` }]),
					...EVERY.map(([minutes, label]) => ({ value: String(minutes), label })),
				]}
			/>
			<TextInput
				label="Address of Azure Resource Manager"
				description="Only for rehearsals; without one it is that of the public cloud."
				value={fetch.endpoint ?? ""}
				onChange={(event) => set({ endpoint: event.currentTarget.value || undefined })}
			/>
		</>
	);
}
