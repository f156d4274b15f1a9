import { Button, Checkbox, Group, NumberInput, Text } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, ask } from "../../api/client";
import { acceptancePolicy } from "../../api/queries";
import type { AcceptancePolicy } from "../../api/types";
import { Loading } from "../../components/Loading";
import { ToneMark } from "../../components/Marks";
import { Panel } from "../../components/Panel";
import { Trouble } from "../../components/Trouble";
import { useMay } from "../../session";
import { count } from "../../words";

/** How far acceptances may go here. */
export function PolicyPanel() {
	const { data, isPending, error, refetch } = useQuery(acceptancePolicy);
	const manager = useMay("security_manager");
	return (
		<Panel title="Policy">
			{isPending && <Loading lines={2} />}
			{error && !data && <Trouble error={error} retry={() => refetch()} />}
			{data && manager && <PolicyForm policy={data} />}
			{data && !manager && (
				<Text size="sm">
					An acceptance lasts at most {count(data.longest_days, "day")}
					{data.end_required && ", and always has an end"}.
				</Text>
			)}
		</Panel>
	);
}

function PolicyForm({ policy }: { policy: AcceptancePolicy }) {
	const client = useQueryClient();
	const [ends, setEnds] = useState(policy.end_required);
	const [days, setDays] = useState<number | string>(policy.longest_days);
	const save = useMutation({
		mutationFn: () => ask(api.PUT("/api/v1/acceptance-policy", { body: { end_required: ends, longest_days: Number(days) } })),
		onSuccess: (saved) => client.setQueryData(acceptancePolicy.queryKey, saved),
	});
	const changed = ends !== policy.end_required || days !== policy.longest_days;
	const submit = (event: FormEvent) => {
		event.preventDefault();
		save.mutate();
	};
	return (
		<form onSubmit={submit}>
			<Group gap={20} align="flex-end">
				<NumberInput label="Most days" w={130} min={1} max={3650} allowDecimal={false} value={days} onChange={setDays} />
				<Checkbox
					pb={8}
					label="Each acceptance has an end"
					checked={ends}
					onChange={(event) => setEnds(event.currentTarget.checked)}
				/>
				<Button type="submit" variant="default" disabled={!changed || days === ""} loading={save.isPending}>
					Save
				</Button>
				<div role="status">{save.isSuccess && !changed && <ToneMark tone="good">Saved</ToneMark>}</div>
			</Group>
			<Text size="xs" c="dimmed" mt={8}>
				It counts for every way in which a risk is accepted. Those that were granted before stay as they are.
			</Text>
			<Trouble error={save.error} />
		</form>
	);
}
