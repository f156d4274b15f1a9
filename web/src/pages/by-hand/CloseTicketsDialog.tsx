import { Button, Group, Modal, NativeSelect, Stack, Text, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../api/client";
import type { ClosingGroup, HandledTicket } from "../../api/types";
import { Loading } from "../../components/Loading";
import { Notice } from "../../components/Notice";
import { Trouble } from "../../components/Trouble";
import { count, MEANING } from "../../words";

type Props = { tickets: readonly string[]; opened: boolean; onClose: () => void; onDone: () => void };

const name = (group: ClosingGroup) => `${group.project}: ${group.work_item_type}`;

/** Many tickets are closed with one state; where projects or types differ, each group gets its own choice. */
export function CloseTicketsDialog({ tickets, opened, onClose, onDone }: Props) {
	const client = useQueryClient();
	const [choices, setChoices] = useState<Record<string, string>>({});
	const [reason, setReason] = useState("");
	const offer = useQuery({
		queryKey: ["ticket", "closing", [...tickets].sort()],
		queryFn: () => ask(api.POST("/api/v1/tickets/closing-states", { body: { tickets: [...tickets] } })),
		enabled: opened && tickets.length > 0,
	});
	const groups = offer.data?.groups ?? [];
	const shared = offer.data?.shared ?? [];
	const chosen = groups.filter((group) => choices[name(group)]);
	const close = useMutation({
		mutationFn: () =>
			ask(
				api.POST("/api/v1/tickets/close", {
					body: {
						choices: chosen.map((group) => ({ tickets: group.tickets, state: choices[name(group)] ?? "" })),
						reason: reason.trim() || undefined,
					},
				}),
			),
		onSuccess: (answer) => {
			client.invalidateQueries({ queryKey: ["ticket"] });
			client.invalidateQueries({ queryKey: ["finding"] });
			if (answer.tickets.every((ticket) => !ticket.refused)) onDone();
		},
	});
	const choose = (group: ClosingGroup, state: string) => setChoices((old) => ({ ...old, [name(group)]: state }));
	const refused = close.data?.tickets.filter((ticket) => ticket.refused) ?? [];
	return (
		<Modal opened={opened} onClose={onClose} title={`Close ${count(tickets.length, "ticket")}`}>
			<Stack gap={12}>
				{offer.isPending && <Loading lines={3} />}
				{groups.length > 1 && shared.length > 0 && (
					<NativeSelect
						label="One state for all"
						value=""
						onChange={(event) => {
							const state = event.currentTarget.value;
							if (state) setChoices(Object.fromEntries(groups.map((group) => [name(group), state])));
						}}
						data={[{ value: "", label: "Choose for each group below" }, ...shared.map((value) => ({ value, label: value }))]}
					/>
				)}
				{groups.length > 1 && shared.length === 0 && (
					<Text size="sm" c="dimmed">
						No state is shared by all of them: each project and type gets its own.
					</Text>
				)}
				{groups.map((group) => (
					<NativeSelect
						key={name(group)}
						label={groups.length > 1 ? `${name(group)} (${count(group.tickets.length, "ticket")})` : "State"}
						description={group.states.length === 0 ? "No closed state can be reached by all of them." : group.differing}
						disabled={group.states.length === 0}
						value={choices[name(group)] ?? ""}
						onChange={(event) => choose(group, event.currentTarget.value)}
						data={[
							{ value: "", label: groups.length > 1 ? "Leave them open" : "Choose a state" },
							...group.states.map(({ state, means }) => ({ value: state, label: `${state} (${MEANING[means]})` })),
						]}
					/>
				))}
				{groups.length > 0 && (
					<TextInput
						label="Reason"
						description="It stands in the comment on each work item. Needed to accept a risk or to dismiss a finding."
						value={reason}
						onChange={(event) => setReason(event.currentTarget.value)}
					/>
				)}
				<Refused title="These cannot be closed by hand" rows={offer.data?.refused ?? []} />
				<Refused title="These were not closed" rows={refused} />
				<Text size="sm" c="dimmed">
					Closing says that somebody fixed it. Only a scan proves that; what is still seen is opened again.
				</Text>
				<Trouble error={offer.error ?? close.error} />
				<Group justify="flex-end" gap={8}>
					<Button variant="default" onClick={onClose}>
						{close.isSuccess ? "Done" : "Cancel"}
					</Button>
					<Button onClick={() => close.mutate()} disabled={chosen.length === 0} loading={close.isPending}>
						Close{" "}
						{count(
							chosen.reduce((sum, group) => sum + group.tickets.length, 0),
							"ticket",
						)}
					</Button>
				</Group>
			</Stack>
		</Modal>
	);
}

function Refused({ title, rows }: { title: string; rows: readonly HandledTicket[] }) {
	if (rows.length === 0) return null;
	return (
		<Notice tone="warn" title={title} role="status">
			<ul style={{ margin: 0, paddingLeft: 18 }}>
				{rows.map((row) => (
					<li key={row.id}>
						{row.title}: {row.refused}
					</li>
				))}
			</ul>
		</Notice>
	);
}
