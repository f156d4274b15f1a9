import { Button, Modal, NativeSelect, Stack, Text } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { api, ask } from "../../api/client";
import { destinations, initialStates } from "../../api/queries";
import { DialogButtons } from "../../components/DialogButtons";
import { Trouble } from "../../components/Trouble";
import { count, MEANING } from "../../words";

type Props = { findings: readonly string[]; opened: boolean; onClose: () => void };

/** One work item for chosen findings: where it goes, and in which state it begins. */
export function CreateTicketDialog({ findings, opened, onClose }: Props) {
	const client = useQueryClient();
	const navigate = useNavigate();
	const [destination, setDestination] = useState("");
	const [state, setState] = useState("");
	const places = useQuery({ ...destinations, enabled: opened });
	const states = useQuery({ ...initialStates(destination), enabled: opened && destination !== "" });
	const create = useMutation({
		mutationFn: () =>
			ask(
				api.POST("/api/v1/tickets", {
					body: { findings: [...findings], destination: destination || undefined, state: state || undefined },
				}),
			),
		onSuccess: (ticket) => {
			client.invalidateQueries({ queryKey: ["finding"] });
			client.invalidateQueries({ queryKey: ["ticket"] });
			navigate(`/tickets/${ticket.id}`);
		},
	});
	return (
		<Modal opened={opened} onClose={onClose} title={`Work item for ${count(findings.length, "finding")}`}>
			<Stack gap={12}>
				<NativeSelect
					label="Destination"
					value={destination}
					onChange={(event) => {
						setDestination(event.currentTarget.value);
						setState("");
					}}
					data={[
						{ value: "", label: "Where the findings belong" },
						...(places.data?.items ?? []).map(({ id, name }) => ({ value: id, label: name || id })),
					]}
				/>
				<NativeSelect
					label="State"
					description={
						destination === "" ? "Choose a destination to choose a state." : "Only states that say that the findings are open."
					}
					disabled={destination === ""}
					value={state}
					onChange={(event) => setState(event.currentTarget.value)}
					data={[
						{ value: "", label: "As the status map says" },
						...(states.data?.states ?? []).map(({ state, means }) => ({ value: state, label: `${state} (${MEANING[means]})` })),
					]}
				/>
				<Text size="sm" c="dimmed">
					It is created within the daily budget of the destination, and kept in step like any other.
				</Text>
				<Trouble error={create.error ?? states.error} />
				<DialogButtons onCancel={onClose}>
					<Button onClick={() => create.mutate()} loading={create.isPending}>
						Create
					</Button>
				</DialogButtons>
			</Stack>
		</Modal>
	);
}
