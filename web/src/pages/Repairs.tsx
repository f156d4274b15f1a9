import { Button, Group, Select, Text, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../api/client";
import { destinations, ticket as ticketQuery } from "../api/queries";
import type { Repair, RepairKind, Ticket } from "../api/types";
import { Confirm } from "../components/Confirm";
import { REPAIR, REPAIR_MEANS } from "../words";

/** The number in `123`, `#123` or the address of a work item's page. */
function workItem(text: string): number | undefined {
	const found = /^#?(\d+)$/.exec(text.trim()) ?? /_workitems\/edit\/(\d+)/i.exec(text) ?? /[?&]workitem=(\d+)/i.exec(text);
	return found ? Number(found[1]) : undefined;
}

/** The mends that a ticket offers as it is; each is explained before it is asked for. */
export function Repairs({ ticket }: { ticket: Ticket }) {
	const client = useQueryClient();
	const [kind, setKind] = useState<RepairKind>();
	const [other, setOther] = useState("");
	const [to, setTo] = useState<string | null>(null);
	const known = useQuery({ ...destinations, enabled: kind === "hand_over" });
	const repair = useMutation({
		mutationFn: (body: Repair) => ask(api.POST("/api/v1/tickets/{id}/repair", { params: { path: { id: ticket.id } }, body })),
		onSuccess: (saved) => {
			client.setQueryData(ticketQuery(ticket.id).queryKey, saved);
			setKind(undefined);
		},
	});
	const number = workItem(other);
	const body = (): Repair | undefined => {
		if (kind === "bind") return number === undefined ? undefined : { repair: "bind", work_item: number };
		if (kind === "hand_over") return to === null ? undefined : { repair: "hand_over", destination: to };
		// Merging and moving have dialogs of their own: they name another ticket or destination.
		return kind && kind !== "merge_into" && kind !== "move_to" ? { repair: kind } : undefined;
	};
	const open = (chosen: RepairKind) => {
		repair.reset();
		setOther(ticket.copies.length > 0 ? String(ticket.copies[0]) : "");
		setTo(null);
		setKind(chosen);
	};
	if (ticket.asked)
		return (
			<Text size="sm" c="dimmed" mt={8}>
				Asked for: {REPAIR[ticket.asked].replace("…", "")}. It is done once nothing is under way any more.
			</Text>
		);
	if (ticket.repairs.length === 0) return null;
	return (
		<>
			<Group gap={8} mt={10}>
				{ticket.repairs.map((offered) => (
					<Button key={offered} variant="default" onClick={() => open(offered)}>
						{REPAIR[offered]}
					</Button>
				))}
			</Group>
			<Confirm
				opened={kind !== undefined}
				title={kind ? REPAIR[kind].replace("…", "") : ""}
				yes={kind ? REPAIR[kind].replace("…", "") : ""}
				danger={kind === "release" || kind === "replace"}
				busy={repair.isPending}
				error={repair.error}
				onYes={() => {
					const wanted = body();
					if (wanted) repair.mutate(wanted);
				}}
				onClose={() => setKind(undefined)}
			>
				{kind && REPAIR_MEANS[kind]}
				{kind === "bind" && (
					<TextInput
						mt={10}
						label="Work item"
						description="Its number, or the address of its page"
						value={other}
						onChange={(event) => setOther(event.currentTarget.value)}
						error={other !== "" && number === undefined ? "That is neither a number nor the address of a work item" : undefined}
					/>
				)}
				{kind === "hand_over" && (
					<Select
						mt={10}
						label="Destination"
						data={(known.data?.items ?? [])
							.filter((one) => one.id !== ticket.destination.id && one.connection.id === ticket.connection.id)
							.map((one) => ({ value: one.id, label: one.name ?? "" }))}
						value={to}
						onChange={setTo}
						nothingFoundMessage="There is no other destination at this connection"
					/>
				)}
			</Confirm>
		</>
	);
}
