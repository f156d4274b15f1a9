import { Button, Modal, NativeSelect, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, ask } from "../../api/client";
import { acceptancePolicy } from "../../api/queries";
import type { AtEnd } from "../../api/types";
import { DialogButtons } from "../../components/DialogButtons";
import { Trouble } from "../../components/Trouble";
import { count, endOfDay } from "../../words";

type Props = { findings: readonly string[]; opened: boolean; onClose: () => void; onDone?: () => void };

/** One acceptance for one finding or many: why, what supports it, and until when. */
export function AcceptDialog({ findings, opened, onClose, onDone }: Props) {
	return (
		<Modal opened={opened} onClose={onClose} title={`Accept the risk of ${count(findings.length, "finding")}`}>
			<AcceptForm findings={findings} onClose={onClose} onDone={onDone} />
		</Modal>
	);
}

function AcceptForm({ findings, onClose, onDone }: Omit<Props, "opened">) {
	const client = useQueryClient();
	const policy = useQuery(acceptancePolicy).data;
	const [reason, setReason] = useState("");
	const [evidence, setEvidence] = useState("");
	const [link, setLink] = useState("");
	const [until, setUntil] = useState("");
	const [atEnd, setAtEnd] = useState<AtEnd>("reopen");
	const grant = useMutation({
		mutationFn: () =>
			ask(
				api.POST("/api/v1/acceptances", {
					body: {
						findings: [...findings],
						reason,
						evidence: evidence.trim() || undefined,
						link: link.trim() || undefined,
						until: endOfDay(until),
						at_end: atEnd,
					},
				}),
			),
		onSuccess: () => {
			for (const word of ["configuration", "finding", "ticket"]) client.invalidateQueries({ queryKey: [word] });
			onClose();
			onDone?.();
		},
	});
	const submit = (event: FormEvent) => {
		event.preventDefault();
		grant.mutate();
	};
	return (
		<form onSubmit={submit}>
			<Stack gap={12}>
				<Textarea
					label="Reason"
					description="Why the risk is borne. It is shown on each finding and on its work item."
					required
					autosize
					minRows={2}
					maxLength={2000}
					value={reason}
					onChange={(event) => setReason(event.currentTarget.value)}
				/>
				<Textarea
					label="Evidence"
					description="What supports it, for those who look at it later."
					autosize
					minRows={2}
					maxLength={10000}
					value={evidence}
					onChange={(event) => setEvidence(event.currentTarget.value)}
				/>
				<TextInput
					type="url"
					label="Link to the evidence"
					placeholder="https://"
					maxLength={2000}
					value={link}
					onChange={(event) => setLink(event.currentTarget.value)}
				/>
				<TextInput
					type="date"
					label="Until"
					description={
						policy &&
						`${policy.end_required ? "Required" : "Without a date it has no end"}; at most ${count(policy.longest_days, "day")} from now.`
					}
					required={policy?.end_required}
					min={new Date().toISOString().slice(0, 10)}
					value={until}
					onChange={(event) => setUntil(event.currentTarget.value)}
				/>
				<NativeSelect
					label="Then"
					disabled={until === ""}
					value={atEnd}
					onChange={(event) => setAtEnd(event.currentTarget.value as AtEnd)}
					data={[
						{ value: "reopen", label: "The findings are what they were before" },
						{ value: "keep", label: "They stay accepted, and an alarm says so" },
					]}
				/>
				<Text size="xs" c="dimmed">
					All of them or none. Work items whose findings are all accepted are closed as their destinations say.
				</Text>
				<Trouble error={grant.error} />
				<DialogButtons onCancel={onClose}>
					<Button type="submit" disabled={reason.trim() === ""} loading={grant.isPending}>
						Accept the risk
					</Button>
				</DialogButtons>
			</Stack>
		</form>
	);
}
