import { Button, Group, Modal, NativeSelect, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, ask } from "../api/client";
import { finding as findingQuery } from "../api/queries";
import type { FallBack, Finding, Status } from "../api/types";
import { DialogButtons } from "../components/DialogButtons";
import { Trouble } from "../components/Trouble";
import { endOfDay, STATUS, STATUS_MEANS } from "../words";

/** What a person may set. Fixed is missing on purpose: only a scan proves that. */
const CHOICES = [
	"created",
	"identified",
	"in_progress",
	"waiting",
	"awaiting_validation",
	"risk_accepted",
	"false_positive",
	"suppressed",
] as const satisfies readonly Status[];
type Choice = (typeof CHOICES)[number];

/** What a temporary status may fall back to. */
const FALL_BACKS = ["identified", "created", "in_progress", "waiting"] as const satisfies readonly FallBack[];

const needsReason = (status: Choice) => status === "risk_accepted" || status === "false_positive" || status === "suppressed";

type Props = { finding: Finding; opened: boolean; onClose: () => void };

export function SetStatusDialog({ finding, opened, onClose }: Props) {
	return (
		<Modal opened={opened} onClose={onClose} title="Set status">
			<SetStatusForm finding={finding} onClose={onClose} />
		</Modal>
	);
}

function SetStatusForm({ finding, onClose }: Omit<Props, "opened">) {
	const client = useQueryClient();
	const [status, setStatus] = useState<Choice>(finding.status === "identified" ? "in_progress" : "identified");
	const [reason, setReason] = useState("");
	const [until, setUntil] = useState("");
	const [fallBack, setFallBack] = useState<FallBack>("identified");
	// A status never falls back to itself.
	const then = fallBack === status ? (status === "identified" ? "created" : "identified") : fallBack;
	const save = useMutation({
		mutationFn: () =>
			ask(
				api.POST("/api/v1/findings/{id}/status", {
					params: { path: { id: finding.id } },
					body: {
						status,
						reason: reason.trim() || undefined,
						until: endOfDay(until),
						then,
					},
				}),
			),
		onSuccess: (saved) => {
			client.setQueryData(findingQuery(finding.id).queryKey, saved);
			client.invalidateQueries({ queryKey: ["finding"] });
			onClose();
		},
	});
	const submit = (event: FormEvent) => {
		event.preventDefault();
		save.mutate();
	};

	return (
		<form onSubmit={submit}>
			<Stack gap={12}>
				<NativeSelect
					label="Status"
					value={status}
					onChange={(event) => setStatus(event.currentTarget.value as Choice)}
					data={CHOICES.map((value) => ({ value, label: STATUS[value] }))}
					description={STATUS_MEANS[status]}
					inputWrapperOrder={["label", "input", "description", "error"]}
				/>
				<Textarea
					label="Reason"
					description={
						needsReason(status) ? "Required. It is shown on the finding and on the work item." : "Shown in the history."
					}
					required={needsReason(status)}
					autosize
					minRows={2}
					value={reason}
					onChange={(event) => setReason(event.currentTarget.value)}
				/>
				<Group grow align="flex-start">
					<TextInput
						type="date"
						label="Until"
						description="Without a date it holds for good."
						min={new Date().toISOString().slice(0, 10)}
						value={until}
						onChange={(event) => setUntil(event.currentTarget.value)}
					/>
					<NativeSelect
						label="Then"
						description="What follows that day."
						disabled={until === ""}
						value={then}
						onChange={(event) => setFallBack(event.currentTarget.value as FallBack)}
						data={FALL_BACKS.filter((value) => value !== status).map((value) => ({ value, label: STATUS[value] }))}
					/>
				</Group>
				<Text size="xs" c="dimmed">
					Fixed cannot be set by hand: only a scan that covers the place proves it.
				</Text>
				<Trouble error={save.error} />
				<DialogButtons onCancel={onClose}>
					<Button type="submit" loading={save.isPending}>
						Set status
					</Button>
				</DialogButtons>
			</Stack>
		</form>
	);
}
