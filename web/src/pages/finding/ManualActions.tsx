import { Button, Modal, Radio, Stack, Textarea } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, ask } from "../../api/client";
import { finding as findingQuery } from "../../api/queries";
import type { Finding, Verdict } from "../../api/types";
import { DialogButtons } from "../../components/DialogButtons";
import { Trouble } from "../../components/Trouble";
import { ManualFields, saidOf } from "./ManualFields";

/** What can be done with a finding that a person wrote down, and with no other. */
export function ManualActions({ finding }: { finding: Finding }) {
	const [editing, edit] = useDisclosure(false);
	const [judging, judge] = useDisclosure(false);
	const saved = useSaved(finding.id);
	const publish = useMutation({
		mutationFn: () => ask(api.POST("/api/v1/findings/{id}/publish", { params: { path: { id: finding.id } } })),
		onSuccess: saved,
	});
	const draft = finding.manual?.state === "draft";
	return (
		<>
			<Trouble error={publish.error} />
			<Button variant="default" onClick={edit.open}>
				Edit…
			</Button>
			{draft ? (
				<Button onClick={() => publish.mutate()} loading={publish.isPending}>
					Publish
				</Button>
			) : (
				<Button variant="default" onClick={judge.open}>
					Validate…
				</Button>
			)}
			<Modal opened={editing} onClose={edit.close} title="Edit the finding" size="lg">
				<EditForm finding={finding} onClose={edit.close} />
			</Modal>
			<Modal opened={judging} onClose={judge.close} title="Validate the finding">
				<VerdictForm finding={finding} onClose={judge.close} />
			</Modal>
		</>
	);
}

function useSaved(id: string) {
	const client = useQueryClient();
	return (saved: Finding) => {
		client.setQueryData(findingQuery(id).queryKey, saved);
		for (const word of ["finding", "overview"]) client.invalidateQueries({ queryKey: [word] });
	};
}

type Form = { finding: Finding; onClose: () => void };

function EditForm({ finding, onClose }: Form) {
	const [said, setSaid] = useState(() => saidOf(finding));
	const saved = useSaved(finding.id);
	const save = useMutation({
		mutationFn: () => ask(api.PUT("/api/v1/findings/{id}", { params: { path: { id: finding.id } }, body: said })),
		onSuccess: (changed) => {
			saved(changed);
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
				<ManualFields said={said} change={setSaid} exists />
				<Trouble error={save.error} />
				<DialogButtons onCancel={onClose}>
					<Button type="submit" disabled={said.title.trim() === ""} loading={save.isPending}>
						Save
					</Button>
				</DialogButtons>
			</Stack>
		</form>
	);
}

/** A validator stands where scans stand for other findings. */
function VerdictForm({ finding, onClose }: Form) {
	const claimed = finding.status === "awaiting_validation" || finding.status === "fixed";
	const [verdict, setVerdict] = useState<Verdict>(finding.status === "fixed" ? "still_there" : "fixed");
	const [reason, setReason] = useState("");
	const saved = useSaved(finding.id);
	const give = useMutation({
		mutationFn: () =>
			ask(api.POST("/api/v1/findings/{id}/verdict", { params: { path: { id: finding.id } }, body: { verdict, reason } })),
		onSuccess: (judged) => {
			saved(judged);
			onClose();
		},
	});
	const submit = (event: FormEvent) => {
		event.preventDefault();
		give.mutate();
	};
	return (
		<form onSubmit={submit}>
			<Stack gap={12}>
				<Radio.Group label="You looked at it, and" value={verdict} onChange={(value) => setVerdict(value as Verdict)}>
					<Stack gap={6} mt={6}>
						<Radio
							value="fixed"
							label="it is fixed"
							description="Somebody else than who said so before."
							disabled={finding.status === "fixed"}
						/>
						<Radio value="still_there" label="it is still there" disabled={!claimed} />
					</Stack>
				</Radio.Group>
				<Textarea
					label="How you looked at it"
					description="It stands in the history."
					required
					autosize
					minRows={2}
					value={reason}
					onChange={(event) => setReason(event.currentTarget.value)}
				/>
				<Trouble error={give.error} />
				<DialogButtons onCancel={onClose}>
					<Button type="submit" disabled={reason.trim() === ""} loading={give.isPending}>
						Save the verdict
					</Button>
				</DialogButtons>
			</Stack>
		</form>
	);
}
