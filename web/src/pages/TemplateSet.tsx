import { Button, Group, Stack, Switch, TagsInput, Text, Textarea, TextInput } from "@mantine/core";
import { useDebouncedValue, useDisclosure } from "@mantine/hooks";
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useNavigate, useParams } from "react-router";
import { api, ask } from "../api/client";
import { standardTemplates, templateSet as templateSetQuery } from "../api/queries";
import type { TemplateExample, TemplateSet, Templates } from "../api/types";
import { BoardHtml } from "../components/BoardHtml";
import { ConfirmDelete } from "../components/ConfirmDelete";
import { Empty } from "../components/Empty";
import { Loading } from "../components/Loading";
import { Notice } from "../components/Notice";
import { Page } from "../components/Page";
import { Panel } from "../components/Panel";
import { Reading } from "../components/Reading";
import { Trouble } from "../components/Trouble";
import { useMay } from "../session";
import { count, number } from "../words";
import { PARTS, VARIABLES } from "./templates/parts";

const ABOVE = [{ label: "Templates", to: "/templates" }];

/** Milliseconds without a change before the preview is asked for. */
const PAUSE = 400;

/** Patterns for what tells how to exploit a weakness. */
const EXPLOITS = ["exploit", "proof.of.concept", "\\bpoc\\b", "metasploit", "packetstorm", "payload"];

export function NewTemplateSetPage() {
	return (
		<Page title="New templates" above={ABOVE}>
			<TemplateForm />
		</Page>
	);
}

export function TemplateSetPage() {
	const { id = "" } = useParams();
	const { data, isPending, error, refetch } = useQuery(templateSetQuery(id));
	const users = data?.destinations.map(({ name }) => name).join(", ");
	return (
		<Page
			title={data?.set.name ?? "Templates"}
			above={ABOVE}
			about={data && (users ? `Used by ${users}: ${count(data.work_items, "work item")}` : "No destination uses them")}
		>
			{!data && <Reading of={{ isPending, error, refetch }} />}
			{data && <TemplateForm key={data.version} known={data} />}
		</Page>
	);
}

/** Editor and preview side by side: what is written is tried on real findings while it is written. */
function TemplateForm({ known }: { known?: Templates }) {
	const client = useQueryClient();
	const navigate = useNavigate();
	const writer = useMay("security_manager");
	const analyst = useMay("analyst");
	const [deleting, remove] = useDisclosure(false);
	const [set, setSet] = useState<TemplateSet>(known?.set ?? { name: "" });
	const { data: standard } = useQuery(standardTemplates);
	const change = (part: Partial<TemplateSet>) => setSet((old) => ({ ...old, ...part }));
	const redaction = set.redaction ?? { hide_snippets: false, leave_out: [], replace: [] };
	const redact = (part: Partial<typeof redaction>) => change({ redaction: { ...redaction, ...part } });

	const [settled] = useDebouncedValue(set, PAUSE);
	const preview = useQuery({
		queryKey: ["check", "templates", settled],
		queryFn: () => ask(api.POST("/api/v1/templates/preview", { body: { set: { ...settled, name: settled.name || "new" } } })),
		placeholderData: keepPreviousData,
		enabled: analyst,
	});
	const problems = preview.data?.problems ?? [];
	const told = (row: string) => {
		const problem = problems.find((problem) => problem.row === row);
		return problem && `${problem.line ? `Line ${problem.line}: ` : ""}${problem.message}; ${problem.mend}.`;
	};
	const others = problems.filter((problem) => !PARTS.some(({ part }) => part === problem.row) && problem.row !== "name");
	const checking = settled !== set || preview.isFetching;

	const save = useMutation({
		mutationFn: () =>
			known
				? ask(api.PUT("/api/v1/templates/{id}", { params: { path: { id: known.id } }, body: set }))
				: ask(api.POST("/api/v1/templates", { body: set })),
		onSuccess: (saved) => {
			client.setQueryData(templateSetQuery(saved.id).queryKey, saved);
			client.invalidateQueries({ queryKey: ["configuration"] });
			navigate("/templates");
		},
	});
	const submit = (event: FormEvent) => {
		event.preventDefault();
		save.mutate();
	};

	return (
		<div className="grid2">
			<form onSubmit={submit}>
				<fieldset disabled={!writer} style={{ border: 0, padding: 0, margin: 0, minWidth: 0 }}>
					<Stack gap={14}>
						<Panel title="Templates">
							<Stack gap={12}>
								<TextInput
									label="Name"
									required
									maxLength={100}
									value={set.name}
									onChange={(event) => change({ name: event.currentTarget.value })}
									error={set.name !== "" && told("name")}
								/>
								{PARTS.map(({ part, label, rows, about }) => (
									<div key={part}>
										<Textarea
											label={label}
											description={about}
											placeholder="Blank: the standard one"
											minRows={rows}
											maxRows={40}
											autosize
											spellCheck={false}
											styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)", fontSize: 12 } }}
											value={set[part] ?? ""}
											onChange={(event) => change({ [part]: event.currentTarget.value })}
											error={told(part)}
										/>
										{standard?.[part] && (set[part] ?? "") === "" && writer && (
											<Button variant="subtle" size="compact-sm" mt={4} onClick={() => change({ [part]: standard[part] })}>
												Start from the standard {label.toLowerCase()}
											</Button>
										)}
									</div>
								))}
							</Stack>
						</Panel>
						<Panel title="Never written">
							<Stack gap={12}>
								<Switch
									label="Leave out lines of code"
									description="Secrets never show theirs."
									checked={redaction.hide_snippets}
									onChange={(event) => redact({ hide_snippets: event.currentTarget.checked })}
								/>
								<TagsInput
									label="Leave out lines and references that match"
									description="Regular expressions, whatever the case: for what tells how to exploit a weakness."
									value={redaction.leave_out}
									onChange={(leave_out) => redact({ leave_out })}
								/>
								{writer && redaction.leave_out.length === 0 && (
									<div>
										<Button variant="subtle" size="compact-sm" onClick={() => redact({ leave_out: EXPLOITS })}>
											Leave out exploits
										</Button>
									</div>
								)}
								<TagsInput
									label="Replace by •••"
									description="Regular expressions: card numbers, mail addresses, names of hosts."
									value={redaction.replace}
									onChange={(replace) => redact({ replace })}
								/>
							</Stack>
						</Panel>
						{others.length > 0 && (
							<Notice tone="bad" title="It cannot be saved yet" role="alert">
								{others.map((problem) => (
									<div key={problem.row}>
										{problem.message}; {problem.mend}.
									</div>
								))}
							</Notice>
						)}
						<Trouble error={save.error} />
						{writer && (
							<Group gap={10}>
								<Button
									type="submit"
									disabled={checking || set.name.trim() === "" || problems.length > 0}
									loading={save.isPending}
								>
									Save
								</Button>
								<Text size="sm" c="dimmed" role="status">
									{checking
										? "Trying it on findings…"
										: problems.length > 0
											? "Mend what is marked, then save."
											: known && known.work_items > 0 && `${count(known.work_items, "work item")} will be brought up to date.`}
								</Text>
								{known && (
									<Button type="button" variant="subtle" color="red" c="var(--ls-bad)" ml="auto" onClick={remove.open}>
										Delete
									</Button>
								)}
							</Group>
						)}
						<details className="panel">
							<summary>What a template can use</summary>
							<dl>
								{VARIABLES.map(([name, about]) => (
									<div key={name} style={{ marginTop: 8 }}>
										<dt className="mono">{name}</dt>
										<dd style={{ margin: 0 }}>
											<Text size="sm" c="dimmed">
												{about}
											</Text>
										</dd>
									</div>
								))}
							</dl>
						</details>
					</Stack>
				</fieldset>
			</form>
			<section aria-label="Preview" aria-busy={checking}>
				<Stack gap={14}>
					{preview.isPending && analyst && (
						<Panel title="Preview">
							<Loading />
						</Panel>
					)}
					{preview.error && <Trouble error={preview.error} retry={() => preview.refetch()} />}
					{preview.data?.examples.length === 0 && (
						<Panel title="Preview">
							<Empty title="No findings yet">Import a report: templates are tried on real findings.</Empty>
						</Panel>
					)}
					{preview.data?.examples.map((example) => (
						<Example key={example.ticket ?? example.finding} example={example} />
					))}
				</Stack>
			</section>
			{known && <DeleteTemplates known={known} opened={deleting} onClose={remove.close} />}
		</div>
	);
}

function Example({ example }: { example: TemplateExample }) {
	const cut = example.title_length > example.title.length;
	return (
		<Panel title={example.ticket ? `Ticket: ${example.name}` : example.name}>
			<Text fw={600}>{example.title}</Text>
			<Text size="xs" c="dimmed" mb={8}>
				{cut ? `cut from ${number(example.title_length)} to 255 characters` : `${number(example.title_length)} characters`} ·
				block {number(example.block_length)} of 1,000,000
				{example.tags.length > 0 && ` · tags ${example.tags.join(", ")}`}
			</Text>
			<BoardHtml html={example.block} />
			{example.comment && (
				<>
					<Text size="xs" c="dimmed" mt={8}>
						Comment when it is closed
					</Text>
					<BoardHtml html={example.comment} />
				</>
			)}
		</Panel>
	);
}

function DeleteTemplates({ known, opened, onClose }: { known: Templates; opened: boolean; onClose: () => void }) {
	return (
		<ConfirmDelete
			name={known.set.name}
			opened={opened}
			onClose={onClose}
			remove={() => ask(api.DELETE("/api/v1/templates/{id}", { params: { path: { id: known.id } } }))}
			leave={{ to: "/templates", forget: templateSetQuery(known.id).queryKey }}
			refresh={["configuration"]}
		>
			Only templates that no destination uses can be deleted.
		</ConfirmDelete>
	);
}
