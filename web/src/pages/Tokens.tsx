import { Button, Group, Modal, NativeSelect, Stack, Text, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, ask } from "../api/client";
import { tokens } from "../api/queries";
import type { CreatedToken, Role, Token } from "../api/types";
import { ConfirmDelete } from "../components/ConfirmDelete";
import { CopyField } from "../components/CopyField";
import { DialogButtons } from "../components/DialogButtons";
import { Empty } from "../components/Empty";
import { Loading } from "../components/Loading";
import { Notice } from "../components/Notice";
import { Page } from "../components/Page";
import { Panel } from "../components/Panel";
import { Time } from "../components/Time";
import { Trouble } from "../components/Trouble";
import { day, endOfDay, ROLE, ROLES } from "../words";
import classes from "./Tokens.module.css";

/** Credentials of pipelines. */
export function TokensPage() {
	const { data, isPending, error, refetch } = useQuery(tokens);
	const [creating, create] = useDisclosure(false);
	const [deleting, setDeleting] = useState<Token | null>(null);
	const rows = data?.items ?? [];
	const add = <Button onClick={create.open}>New token</Button>;
	return (
		<Page title="API tokens" about="For pipelines and scripts" actions={rows.length > 0 && add}>
			{error && !data && <Trouble error={error} retry={() => refetch()} />}
			{(isPending || data) && (
				<Panel flush>
					{isPending && <Loading />}
					{data && rows.length === 0 && (
						<Empty title="No tokens" action={add}>
							A pipeline signs in with a token: <span className="mono">Authorization: Bearer …</span>
						</Empty>
					)}
					<ul className={classes.tokens}>
						{rows.map((token) => (
							<li key={token.id}>
								<div>
									<div className={classes.name}>{token.name}</div>
									<div className={classes.quiet}>
										{ROLE[token.role]} · made <Time at={token.created_at} /> ·{" "}
										{token.last_used_at ? (
											<>
												last used <Time at={token.last_used_at} />
											</>
										) : (
											"never used"
										)}
										{token.expires_at && ` · until ${day(token.expires_at)}`}
									</div>
								</div>
								<Button
									variant="subtle"
									color="red"
									c="var(--ls-bad)"
									onClick={() => setDeleting(token)}
									aria-label={`Delete ${token.name}`}
								>
									Delete
								</Button>
							</li>
						))}
					</ul>
				</Panel>
			)}
			<Modal opened={creating} onClose={create.close} title="New token">
				<NewTokenForm onClose={create.close} />
			</Modal>
			{deleting && <DeleteToken token={deleting} onClose={() => setDeleting(null)} />}
		</Page>
	);
}

function NewTokenForm({ onClose }: { onClose: () => void }) {
	const client = useQueryClient();
	const [name, setName] = useState("");
	const [role, setRole] = useState<Role>("importer");
	const [until, setUntil] = useState("");
	const [created, setCreated] = useState<CreatedToken>();
	const save = useMutation({
		mutationFn: () =>
			ask(
				api.POST("/api/v1/tokens", {
					body: { name: name.trim(), role, expires_at: endOfDay(until) },
				}),
			),
		onSuccess: (token) => {
			setCreated(token);
			client.invalidateQueries({ queryKey: tokens.queryKey });
		},
	});
	if (created)
		return (
			<Stack gap={12}>
				<Notice tone="warn" title="Copy it now">
					The token is shown this once and never again.
				</Notice>
				<CopyField label={`Token ${created.name}`} value={created.secret} />
				<Group justify="flex-end">
					<Button onClick={onClose}>Done</Button>
				</Group>
			</Stack>
		);
	const submit = (event: FormEvent) => {
		event.preventDefault();
		save.mutate();
	};
	return (
		<form onSubmit={submit}>
			<Stack gap={12}>
				<TextInput
					label="What it is for"
					required
					data-autofocus
					placeholder="Nightly scans"
					value={name}
					onChange={(event) => setName(event.currentTarget.value)}
				/>
				<NativeSelect
					label="Role"
					value={role}
					onChange={(event) => setRole(event.currentTarget.value as Role)}
					data={ROLES.map((value) => ({ value, label: ROLE[value] }))}
				/>
				<TextInput
					type="date"
					label="Works until"
					description="Without a date it works until it is deleted."
					min={new Date().toISOString().slice(0, 10)}
					value={until}
					onChange={(event) => setUntil(event.currentTarget.value)}
				/>
				<Text size="xs" c="dimmed">
					Importer is enough to upload reports and read results.
				</Text>
				<Trouble error={save.error} />
				<DialogButtons onCancel={onClose}>
					<Button type="submit" disabled={name.trim() === ""} loading={save.isPending}>
						Create
					</Button>
				</DialogButtons>
			</Stack>
		</form>
	);
}

function DeleteToken({ token, onClose }: { token: Token; onClose: () => void }) {
	return (
		<ConfirmDelete
			name={token.name}
			opened
			onClose={onClose}
			remove={() => ask(api.DELETE("/api/v1/tokens/{id}", { params: { path: { id: token.id } } }))}
			refresh={tokens.queryKey}
		>
			Whatever uses it is refused from now on.
		</ConfirmDelete>
	);
}
