import { Button, Group, Modal, NativeSelect, Stack, Text, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { api, ask } from "../../api/client";
import { destinations } from "../../api/queries";
import type { Ticket } from "../../api/types";
import { DialogButtons } from "../../components/DialogButtons";
import { Panel } from "../../components/Panel";
import { Trouble } from "../../components/Trouble";
import { CloseTicketsDialog } from "./CloseTicketsDialog";

type Deed = "merge" | "move" | "release" | "close";

const MEANS: Record<Exclude<Deed, "close">, { title: string; yes: string; about: string }> = {
	merge: {
		title: "Merge into another ticket",
		yes: "Merge",
		about: "Its findings go to the other ticket. Its work item is closed as a duplicate with a comment, and this ticket ends.",
	},
	move: {
		title: "Move to another destination",
		yes: "Move",
		about: "In the same project and type the work item gets the other area. Else it is closed, and a new one is made there.",
	},
	release: {
		title: "Release the ticket",
		yes: "Release",
		about: "The ticket ends: its work item is left as it is, and its findings have no ticket until a person asks.",
	},
};

/** What a person may do with one ticket by hand. */
export function TicketActions({ ticket }: { ticket: Ticket }) {
	const client = useQueryClient();
	const navigate = useNavigate();
	const [deed, setDeed] = useState<Deed>();
	const [into, setInto] = useState("");
	const [to, setTo] = useState("");
	const places = useQuery({ ...destinations, enabled: deed === "move" });
	const path = { params: { path: { id: ticket.id } } };
	const done = () => {
		client.invalidateQueries({ queryKey: ["ticket"] });
		client.invalidateQueries({ queryKey: ["finding"] });
		setDeed(undefined);
	};
	const act = useMutation({
		mutationFn: async () => {
			if (deed === "merge") {
				const number = into.trim().replace(/^#/, "");
				const found = await ask(api.GET("/api/v1/tickets", { params: { query: { q: number, limit: 10 } } }));
				const other = found.items.find((one) => String(one.work_item?.id) === number || one.id === into.trim());
				if (!other) throw new Error(`There is no ticket with the work item ${into}.`);
				return ask(api.POST("/api/v1/tickets/{id}/merge", { ...path, body: { into: other.id } }));
			}
			if (deed === "move") return ask(api.POST("/api/v1/tickets/{id}/move", { ...path, body: { destination: to } }));
			return ask(api.POST("/api/v1/tickets/{id}/release", path));
		},
		onSuccess: (saved) => {
			done();
			if (saved.id !== ticket.id) navigate(`/tickets/${saved.id}`);
		},
	});
	const open = (next: Deed) => {
		act.reset();
		setDeed(next);
	};
	if (ticket.health === "released") return null;
	const words = deed && deed !== "close" ? MEANS[deed] : undefined;
	const ready = deed === "merge" ? into.trim() !== "" : deed === "move" ? to !== "" : true;
	const others = (places.data?.items ?? []).filter(
		(one) => one.connection.id === ticket.connection.id && one.id !== ticket.destination.id,
	);
	return (
		<Panel title="By hand">
			<Group gap={8}>
				<Button variant="default" onClick={() => open("close")} disabled={!ticket.work_item || ticket.health === "closed"}>
					Close…
				</Button>
				<Button variant="default" onClick={() => open("merge")}>
					Merge…
				</Button>
				<Button variant="default" onClick={() => open("move")}>
					Move…
				</Button>
				<Button variant="default" onClick={() => open("release")}>
					Release…
				</Button>
			</Group>
			<CloseTicketsDialog tickets={[ticket.id]} opened={deed === "close"} onClose={() => setDeed(undefined)} onDone={done} />
			<Modal opened={words !== undefined} onClose={() => setDeed(undefined)} title={words?.title ?? ""}>
				<Stack gap={12}>
					<Text size="sm">{words?.about}</Text>
					{deed === "merge" && (
						<TextInput
							label="Work item of the other ticket"
							placeholder="#123"
							value={into}
							onChange={(event) => setInto(event.currentTarget.value)}
						/>
					)}
					{deed === "move" && (
						<NativeSelect
							label="Destination"
							value={to}
							onChange={(event) => setTo(event.currentTarget.value)}
							data={[
								{ value: "", label: others.length > 0 ? "Choose" : "There is no other one at this connection" },
								...others.map(({ id, name }) => ({ value: id, label: name || id })),
							]}
						/>
					)}
					<Trouble error={act.error} />
					<DialogButtons onCancel={() => setDeed(undefined)}>
						<Button onClick={() => act.mutate()} disabled={!ready} loading={act.isPending}>
							{words?.yes}
						</Button>
					</DialogButtons>
				</Stack>
			</Modal>
		</Panel>
	);
}
