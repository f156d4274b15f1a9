import { Button, Group, Modal, SimpleGrid, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Link } from "react-router";
import { api, ask } from "../api/client";
import { assessments } from "../api/queries";
import type { Assessment, AssessmentState, NewAssessment } from "../api/types";
import { SeverityBar } from "../components/Bars";
import { ConfirmDelete } from "../components/ConfirmDelete";
import { DialogButtons } from "../components/DialogButtons";
import { Empty } from "../components/Empty";
import { Loading } from "../components/Loading";
import { ToneMark } from "../components/Marks";
import { Page } from "../components/Page";
import { Time } from "../components/Time";
import { Trouble } from "../components/Trouble";
import { useKeptFocus } from "../components/useKeptFocus";
import { useMay } from "../session";
import { ASSESSMENT_STATE, count, day, number, total } from "../words";
import classes from "./Tokens.module.css";

const TONE = { planned: "quiet", running: "warn", completed: "good" } as const satisfies Record<AssessmentState, string>;

/** Pieces of work that group scans and findings; completing one may release its tickets. */
export function AssessmentsPage() {
	const { data, isPending, error, refetch } = useQuery(assessments);
	const analyst = useMay("analyst");
	const [creating, create] = useDisclosure(false);
	const list = useKeptFocus<HTMLUListElement>(data?.length ?? 0);
	const add = analyst && <Button onClick={create.open}>New assessment</Button>;
	return (
		<Page
			title="Assessments"
			about="Penetration tests, reviews and campaigns that group scans and findings"
			actions={data && data.length > 0 && add}
		>
			{isPending && <Loading lines={5} />}
			{error && !data && <Trouble error={error} retry={() => refetch()} />}
			{data?.length === 0 && (
				<div className="panel">
					<Empty title="No assessment yet" action={add}>
						Scans are imported for one, findings are added to it. A rule may make its tickets only once an assessment is
						completed.
					</Empty>
				</div>
			)}
			{data && data.length > 0 && (
				<div className="panel flush">
					<ul className={classes.tokens} ref={list} tabIndex={-1} aria-label="Assessments">
						{data.map((assessment) => (
							<AssessmentRow key={assessment.id} assessment={assessment} analyst={analyst} />
						))}
					</ul>
				</div>
			)}
			<Modal opened={creating} onClose={create.close} title="New assessment">
				<AssessmentForm onClose={create.close} />
			</Modal>
		</Page>
	);
}

/** When it is, or was. */
function when(assessment: Assessment): string {
	const from = assessment.starts_on ? `from ${day(assessment.starts_on)}` : "";
	const until = assessment.ends_on ? `until ${day(assessment.ends_on)}` : "";
	return [from, until].filter(Boolean).join(" ");
}

function AssessmentRow({ assessment, analyst }: { assessment: Assessment; analyst: boolean }) {
	const client = useQueryClient();
	const [editing, edit] = useDisclosure(false);
	const [completing, complete] = useDisclosure(false);
	const [deleting, remove] = useDisclosure(false);
	const path = { params: { path: { id: assessment.id } } };
	const read = () => {
		for (const word of ["configuration", "finding", "ticket"]) client.invalidateQueries({ queryKey: [word] });
	};
	const move = useMutation({
		mutationFn: (state: AssessmentState) => ask(api.POST("/api/v1/assessments/{id}/state", { ...path, body: { state } })),
		onSuccess: () => {
			complete.close();
			read();
		},
	});
	const next = assessment.state === "running" ? undefined : assessment.state === "planned" ? "Start" : "Take up again";
	return (
		<li>
			<Stack gap={4}>
				<Group gap={10}>
					<span className={classes.name}>
						<Link to={`/findings?status=all&assessment=${assessment.id}`}>{assessment.name}</Link>
					</span>
					<ToneMark tone={TONE[assessment.state]}>{ASSESSMENT_STATE[assessment.state]}</ToneMark>
				</Group>
				{assessment.description && <Text size="sm">{assessment.description}</Text>}
				<div className={classes.quiet}>
					{[
						count(total(assessment.open), "open finding"),
						`${number(assessment.closed)} closed`,
						count(assessment.scans, "scan"),
						when(assessment),
					]
						.filter(Boolean)
						.join(" · ")}
					{assessment.completed_at && (
						<>
							{" · completed "}
							<Time at={assessment.completed_at} />
						</>
					)}
				</div>
				<div style={{ maxWidth: 360 }}>
					<SeverityBar counts={assessment.open} />
				</div>
				<Trouble error={move.error} />
			</Stack>
			{analyst && (
				<Group gap={4} wrap="nowrap" style={{ flex: "none" }}>
					{next && (
						<Button
							variant="default"
							size="compact-sm"
							loading={move.isPending}
							onClick={() => move.mutate("running")}
							aria-label={`${next}: ${assessment.name}`}
						>
							{next}
						</Button>
					)}
					{assessment.state === "running" && (
						<Button size="compact-sm" onClick={complete.open} aria-label={`Complete: ${assessment.name}`}>
							Complete…
						</Button>
					)}
					<Button variant="default" size="compact-sm" onClick={edit.open} aria-label={`Edit ${assessment.name}`}>
						Edit
					</Button>
					<Button variant="subtle" color="red" size="compact-sm" onClick={remove.open} aria-label={`Delete ${assessment.name}`}>
						Delete
					</Button>
				</Group>
			)}
			<Modal opened={completing} onClose={complete.close} title={`Complete ${assessment.name}?`}>
				<Stack gap={12}>
					<Text size="sm">
						It is said on the tickets of its findings, and rules that waited for it make theirs, within the budgets. Nothing more
						belongs to it then, unless it is taken up again.
					</Text>
					<Trouble error={move.error} />
					<DialogButtons onCancel={complete.close}>
						<Button loading={move.isPending} onClick={() => move.mutate("completed")}>
							Complete
						</Button>
					</DialogButtons>
				</Stack>
			</Modal>
			<Modal opened={editing} onClose={edit.close} title={assessment.name}>
				<AssessmentForm assessment={assessment} onClose={edit.close} />
			</Modal>
			<ConfirmDelete
				name={`the assessment ${assessment.name}`}
				opened={deleting}
				onClose={remove.close}
				remove={() => ask(api.DELETE("/api/v1/assessments/{id}", path))}
				refresh={["configuration"]}
			>
				Its findings, scans and tickets stay.
			</ConfirmDelete>
		</li>
	);
}

function AssessmentForm({ assessment, onClose }: { assessment?: Assessment; onClose: () => void }) {
	const client = useQueryClient();
	const [form, setForm] = useState<NewAssessment>({
		name: assessment?.name ?? "",
		description: assessment?.description ?? "",
		starts_on: assessment?.starts_on,
		ends_on: assessment?.ends_on,
	});
	const save = useMutation({
		mutationFn: () =>
			assessment
				? ask(api.PUT("/api/v1/assessments/{id}", { params: { path: { id: assessment.id } }, body: form }))
				: ask(api.POST("/api/v1/assessments", { body: form })),
		onSuccess: () => {
			client.invalidateQueries({ queryKey: ["configuration"] });
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
				<TextInput
					label="Name"
					required
					value={form.name}
					onChange={(event) => setForm({ ...form, name: event.currentTarget.value })}
				/>
				<Textarea
					label="What it is about"
					autosize
					minRows={2}
					maxRows={8}
					value={form.description}
					onChange={(event) => setForm({ ...form, description: event.currentTarget.value })}
				/>
				<SimpleGrid cols={{ base: 1, sm: 2 }}>
					<TextInput
						type="date"
						label="First day, as planned"
						value={form.starts_on ?? ""}
						onChange={(event) => setForm({ ...form, starts_on: event.currentTarget.value || null })}
					/>
					<TextInput
						type="date"
						label="Last day, as planned"
						value={form.ends_on ?? ""}
						onChange={(event) => setForm({ ...form, ends_on: event.currentTarget.value || null })}
					/>
				</SimpleGrid>
				<Trouble error={save.error} />
				<DialogButtons onCancel={onClose}>
					<Button type="submit" disabled={form.name.trim() === ""} loading={save.isPending}>
						Save
					</Button>
				</DialogButtons>
			</Stack>
		</form>
	);
}
