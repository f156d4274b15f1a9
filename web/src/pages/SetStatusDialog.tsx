import { Button, Group, Modal, NativeSelect, Select, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, ask } from "../api/client";
import { finding as findingQuery, findings } from "../api/queries";
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
	"duplicate",
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
	const [of, setOf] = useState<string | null>(null);
	const params = { path: { id: finding.id } };
	const why = reason.trim() || undefined;
	const save = useMutation({
		mutationFn: () =>
			status === "duplicate"
				? ask(api.POST("/api/v1/findings/{id}/duplicate", { params, body: { of: of ?? "", reason: why } }))
				: ask(api.POST("/api/v1/findings/{id}/status", { params, body: { status, reason: why, until: endOfDay(until), then } })),
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
				{status === "duplicate" && <OtherFinding finding={finding} value={of} onChange={setOf} />}
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
				{status !== "duplicate" && (
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
				)}
				<Text size="xs" c="dimmed">
					Fixed cannot be set by hand: only a scan that covers the place proves it, or a validator for what a person wrote down.
				</Text>
				<Trouble error={save.error} />
				<DialogButtons onCancel={onClose}>
					<Button type="submit" disabled={status === "duplicate" && !of} loading={save.isPending}>
						Set status
					</Button>
				</DialogButtons>
			</Stack>
		</form>
	);
}

type OtherProps = { finding: Finding; value: string | null; onChange: (id: string | null) => void };

/** Another finding of the same asset: the one that goes on. */
function OtherFinding({ finding, value, onChange }: OtherProps) {
	const [text, setText] = useState("");
	const [wanted] = useDebouncedValue(text, 200);
	const query = useInfiniteQuery({
		...findings({ asset: finding.asset.id, q: wanted || undefined }),
		placeholderData: keepPreviousData,
	});
	const others = query.data?.pages[0]?.items.filter((other) => other.id !== finding.id) ?? [];
	return (
		<Select
			label="Of"
			description="The finding of this asset that goes on."
			required
			searchable
			// The server has searched already.
			filter={({ options }) => options}
			searchValue={text}
			onSearchChange={setText}
			value={value}
			onChange={onChange}
			data={others.map((other) => ({ value: other.id, label: `${other.title} (${other.scanner}, ${STATUS[other.status]})` }))}
			nothingFoundMessage="No other finding of this asset"
		/>
	);
}
