import { Button, Group, Stack, Text, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useNavigate } from "react-router";
import { api, ask } from "../api/client";
import { CheckSteps } from "../components/CheckSteps";
import { Page } from "../components/Page";
import { Panel } from "../components/Panel";
import { EMPTY_TOKEN, isComplete, SignInFields } from "../components/SignInFields";
import { Trouble } from "../components/Trouble";

/** Connect Azure DevOps: fill in, verify, save. */
export function NewConnectionPage() {
	const client = useQueryClient();
	const navigate = useNavigate();
	const [name, setName] = useState("");
	const [instance, setInstance] = useState("");
	const [organization, setOrganization] = useState("");
	const [signIn, setSignIn] = useState(EMPTY_TOKEN);
	const draft = { name: name.trim(), instance_url: instance.trim(), organization: organization.trim(), sign_in: signIn };

	const verify = useMutation({ mutationFn: () => ask(api.POST("/api/v1/connections/verify", { body: draft })) });
	const save = useMutation({
		mutationFn: () => ask(api.POST("/api/v1/connections", { body: draft })),
		onSuccess: (saved) => {
			client.invalidateQueries({ queryKey: ["connection"] });
			navigate(`/connections/${saved.id}`);
		},
	});
	const verified = verify.data?.ok === true;
	const ready = draft.organization !== "" && isComplete(signIn);
	/** What was verified is what is saved: any change asks for a new check. */
	const edit = <T,>(set: (value: T) => void) => {
		return (value: T) => {
			verify.reset();
			set(value);
		};
	};
	const submit = (event: FormEvent) => {
		event.preventDefault();
		if (verified) save.mutate();
		else verify.mutate();
	};

	return (
		<Page title="Connect Azure DevOps" above={[{ label: "Connections", to: "/connections" }]}>
			<div className="grid2">
				<Panel title="Where and who">
					<form onSubmit={submit}>
						<Stack gap={12}>
							<TextInput label="Name" placeholder="Azure" value={name} onChange={(event) => setName(event.currentTarget.value)} />
							<TextInput
								label="Instance"
								description="Without the organization."
								placeholder="https://dev.azure.com"
								type="url"
								value={instance}
								onChange={(event) => edit(setInstance)(event.currentTarget.value)}
							/>
							<TextInput
								label="Organization"
								description="The first word after the instance in the address of your boards."
								required
								value={organization}
								onChange={(event) => edit(setOrganization)(event.currentTarget.value)}
							/>
							<SignInFields value={signIn} onChange={edit(setSignIn)} />
							<Group gap={8}>
								<Button
									type="submit"
									variant={verified ? "default" : "filled"}
									disabled={!ready || verified}
									loading={verify.isPending}
								>
									Verify
								</Button>
								<Button onClick={() => save.mutate()} type="button" disabled={!verified} loading={save.isPending}>
									Save
								</Button>
							</Group>
						</Stack>
					</form>
				</Panel>
				<Panel title="Verification">
					<Stack gap={10}>
						{!verify.data && !verify.error && (
							<Text size="sm" c="dimmed">
								Verify signs in, looks for the organization and its projects, and checks what the account may do. Nothing is saved
								or changed.
							</Text>
						)}
						<Trouble error={verify.error ?? save.error} />
						{verify.data && <CheckSteps check={verify.data} />}
					</Stack>
				</Panel>
			</div>
		</Page>
	);
}
