import { Button, Group, NativeSelect, NumberInput, Select, Stack, TagsInput, Text, TextInput } from "@mantine/core";
import { useDebouncedValue, useDisclosure } from "@mantine/hooks";
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useNavigate } from "react-router";
import { api, ask } from "../api/client";
import { destination, projectTypes, teamBoards, typeFields } from "../api/queries";
import type { DeletionPolicy, IterationPolicy, NewDestination } from "../api/types";
import { ConfirmDelete } from "../components/ConfirmDelete";
import { Notice } from "../components/Notice";
import { Panel } from "../components/Panel";
import { PlanView } from "../components/PlanView";
import { Trouble } from "../components/Trouble";
import { useMay } from "../session";
import { DELETION_POLICY } from "../words";
import { Binding } from "./destination/Binding";
import { ExtraFields } from "./destination/ExtraFields";
import { FieldSettingsEditor, UNSET } from "./destination/FieldSettingsEditor";
import maps from "./destination/Maps.module.css";
import { PlaceFields } from "./destination/PlaceFields";
import { SeverityMapEditor } from "./destination/SeverityMapEditor";
import { StatusMapEditor } from "./destination/StatusMapEditor";

/** Milliseconds without a change before the server is asked what it thinks. */
const PAUSE = 400;

const isFilled = (map: object | undefined) => map !== undefined && Object.keys(map).length > 0;

type Props = {
	id?: string;
	start: NewDestination;
	/** Only the status map, as a step of the set-up. */
	only?: "statuses";
	/** What follows a save; the connection's page if nothing is said. */
	onSaved?: () => void;
};

/** Where work items go and how severities and statuses are said there. Checked against the live process while it is edited. */
export function DestinationForm({ id, start, only, onSaved }: Props) {
	const client = useQueryClient();
	const navigate = useNavigate();
	const administrator = useMay("administrator");
	const [deleting, remove] = useDisclosure(false);
	const [draft, setDraft] = useState(start);
	const change = (part: Partial<NewDestination>) => {
		preview.reset();
		setDraft((old) => ({ ...old, ...part }));
	};

	const [settled] = useDebouncedValue(draft, PAUSE);
	const complete = settled.project !== "" && settled.work_item_type !== "";
	const check = useQuery({
		queryKey: ["check", "destination", settled],
		queryFn: () => ask(api.POST("/api/v1/destinations/check", { body: settled })),
		enabled: complete && administrator,
		placeholderData: keepPreviousData,
	});
	const filled = complete ? check.data?.settings : undefined;
	const problems = complete ? (check.data?.problems ?? []) : [];
	const general = problems.filter((problem) => !problem.row);

	const { data: types } = useQuery(projectTypes(draft.connection_id, draft.project));
	const { data: boards } = useQuery(teamBoards(draft.connection_id, draft.project, draft.team || filled?.team || ""));
	const { data: fields } = useQuery(typeFields(draft.connection_id, draft.project, draft.work_item_type));
	const type = types?.types.find((type) => type.name === draft.work_item_type);
	const board = boards?.boards.find((board) => board.name === (draft.board || filled?.board));

	const save = useMutation({
		mutationFn: () =>
			id
				? ask(api.PUT("/api/v1/destinations/{id}", { params: { path: { id } }, body: draft }))
				: ask(api.POST("/api/v1/destinations", { body: draft })),
		onSuccess: (saved) => {
			client.invalidateQueries({ queryKey: ["configuration"] });
			if (onSaved) onSaved();
			else navigate(`/connections/${saved.connection.id}`);
		},
	});
	const preview = useMutation({
		mutationFn: () => ask(api.POST("/api/v1/destinations/{id}/plan", { params: { path: { id: id ?? "" } }, body: draft })),
	});
	const submit = (event: FormEvent) => {
		event.preventDefault();
		save.mutate();
	};
	const checking = settled !== draft || check.isFetching;
	const sound = complete && !checking && check.isSuccess && problems.length === 0;

	return (
		<form onSubmit={submit} aria-busy={complete && checking}>
			<fieldset disabled={!administrator} style={{ border: 0, padding: 0, margin: 0, minWidth: 0 }}>
				<Stack gap={14}>
					{only === undefined && (
						<div className="grid2">
							<Panel title="Place on the board">
								<PlaceFields draft={draft} filled={filled} change={change} />
							</Panel>
							<Panel title="What goes there">
								<Binding draft={draft} change={change} />
								<NumberInput
									mt={12}
									label="Daily budget"
									description="Work items that may be created here in a day (UTC). More wait for the next day."
									min={1}
									max={10000}
									value={draft.daily_budget ?? filled?.daily_budget ?? 200}
									onChange={(value) => change({ daily_budget: typeof value === "number" ? value : undefined })}
								/>
								<Select
									mt={12}
									label="If people delete a work item"
									description="What becomes of its ticket."
									data={Object.entries(DELETION_POLICY).map(([value, label]) => ({ value, label }))}
									allowDeselect={false}
									value={draft.on_deletion ?? "ask"}
									onChange={(value) => change({ on_deletion: (value ?? "ask") as DeletionPolicy })}
								/>
							</Panel>
						</div>
					)}
					{complete && (
						<>
							<Panel
								title="Status map"
								actions={
									isFilled(draft.status_map) &&
									administrator && (
										<Button variant="subtle" onClick={() => change({ status_map: {} })}>
											Suggest again
										</Button>
									)
								}
							>
								<StatusMapEditor
									map={isFilled(draft.status_map) ? (draft.status_map ?? {}) : (filled?.status_map ?? {})}
									suggested={!isFilled(draft.status_map)}
									type={type}
									board={board}
									problems={problems}
									change={(status_map) => change({ status_map })}
								/>
							</Panel>
							{only === undefined && (
								<>
									<Panel title="Severity map">
										<SeverityMapEditor
											map={{ ...filled?.severity_map, ...draft.severity_map }}
											hasSeverityField={!type || type.fields.includes("Microsoft.VSTS.Common.Severity")}
											values={fields?.fields.find((field) => field.reference_name === "Microsoft.VSTS.Common.Severity")?.allowed}
											problems={problems}
											change={(severity_map) => change({ severity_map })}
										/>
									</Panel>
									<Panel title="Fields">
										<Stack gap={14}>
											<FieldSettingsEditor settings={draft.fields ?? UNSET} type={type} change={(fields) => change({ fields })} />
											<ExtraFields
												draft={draft}
												settings={draft.fields ?? UNSET}
												problems={problems}
												change={(fields) => change({ fields })}
											/>
										</Stack>
									</Panel>
									<details className="panel">
										<summary>Area, iteration, parent, tags and name</summary>
										<Stack gap={12} mt={12} maw={560}>
											<TextInput
												label="Area path"
												placeholder={filled?.area || "the team's default area"}
												value={draft.area ?? ""}
												onChange={(event) => change({ area: event.currentTarget.value })}
											/>
											<Iteration
												policy={draft.iteration ?? { policy: "backlog" }}
												change={(iteration) => change({ iteration })}
											/>
											<NumberInput
												label="Parent"
												description="Number of the work item under which new ones hang."
												min={1}
												allowDecimal={false}
												hideControls
												value={draft.fields?.parent ?? ""}
												onChange={(value) =>
													change({ fields: { ...(draft.fields ?? UNSET), parent: typeof value === "number" ? value : null } })
												}
											/>
											<TagsInput
												label="Tags for new work items"
												value={draft.tags ?? []}
												onChange={(tags) => change({ tags })}
												splitChars={[",", ";"]}
											/>
											<TextInput
												label="Name"
												placeholder={filled?.name || "made from project, team and type"}
												value={draft.name ?? ""}
												onChange={(event) => change({ name: event.currentTarget.value })}
											/>
										</Stack>
									</details>
								</>
							)}
						</>
					)}
					{general.length > 0 && (
						<Notice tone="bad" title="It cannot be saved yet" role="alert">
							<ul className={maps.general}>
								{general.map((problem) => (
									<li key={problem.message}>
										{problem.message}: <b>{problem.mend}</b>
									</li>
								))}
							</ul>
						</Notice>
					)}
					{check.error && <Trouble error={check.error} retry={() => check.refetch()} />}
					<Trouble error={save.error} />
					<Trouble error={preview.error} />
					{administrator && (
						<Group gap={10}>
							<Button type="submit" disabled={!sound} loading={save.isPending}>
								{onSaved ? "Save and continue" : "Save"}
							</Button>
							<Text size="sm" c="dimmed" role="status">
								{!complete
									? "Choose a project and a type."
									: checking
										? "Checking against the board…"
										: problems.length > 0
											? "Mend what is marked, then save."
											: check.isSuccess && "It fits the board."}
							</Text>
							{id && (
								<Button
									type="button"
									variant="default"
									disabled={!sound}
									loading={preview.isPending}
									onClick={() => preview.mutate()}
								>
									Show what it changes
								</Button>
							)}
							{id && only === undefined && (
								<Button type="button" variant="subtle" color="red" c="var(--ls-bad)" ml="auto" onClick={remove.open}>
									Delete
								</Button>
							)}
						</Group>
					)}
				</Stack>
			</fieldset>
			{preview.data && (
				<section className="panel flush" style={{ marginTop: 14 }} aria-label="What it changes">
					<PlanView plan={preview.data} nothing="Saving it changes no work item that is there." />
				</section>
			)}
			{id && <DeleteDestination id={id} connection={draft.connection_id} opened={deleting} onClose={remove.close} />}
		</form>
	);
}

/** Which iteration new work items go to. */
function Iteration({ policy, change }: { policy: IterationPolicy; change: (policy: IterationPolicy) => void }) {
	return (
		<>
			<NativeSelect
				label="Iteration of new work items"
				value={policy.policy}
				onChange={(event) => {
					const chosen = event.currentTarget.value;
					change(chosen === "path" ? { policy: "path", path: "" } : { policy: chosen === "current" ? "current" : "backlog" });
				}}
				data={[
					{ value: "backlog", label: "The backlog of the team" },
					{ value: "current", label: "The team's current iteration" },
					{ value: "path", label: "Always the same" },
				]}
			/>
			{policy.policy === "path" && (
				<TextInput
					label="Iteration path"
					required
					placeholder="Project\\Release 1"
					value={policy.path}
					onChange={(event) => change({ policy: "path", path: event.currentTarget.value })}
				/>
			)}
		</>
	);
}

type DeleteProps = { id: string; connection: string; opened: boolean; onClose: () => void };

function DeleteDestination({ id, connection, opened, onClose }: DeleteProps) {
	return (
		<ConfirmDelete
			name="this destination"
			opened={opened}
			onClose={onClose}
			remove={() => ask(api.DELETE("/api/v1/destinations/{id}", { params: { path: { id } } }))}
			leave={{ to: `/connections/${connection}`, forget: destination(id).queryKey }}
			refresh={["configuration"]}
		>
			Nothing goes there any more. Work items on the board stay as they are.
		</ConfirmDelete>
	);
}
