import { Autocomplete, Button, Group, Stack, Text, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useNavigate } from "react-router";
import { api, ask } from "../api/client";
import { useBeginSignIn } from "../api/signIn";
import type { SignInMethod } from "../api/types";
import { CheckSteps } from "../components/CheckSteps";
import { Page } from "../components/Page";
import { Panel } from "../components/Panel";
import { EMPTY_TOKEN, isComplete, type SignInDraft, SignInFields } from "../components/SignInFields";
import { Trouble } from "../components/Trouble";
import { SettingUp } from "./setup/SettingUp";

/** Connect Azure DevOps: fill in, verify, save; or fill in and sign in with Microsoft. */
export function NewConnectionPage() {
	const client = useQueryClient();
	const navigate = useNavigate();
	const [name, setName] = useState("");
	const [instance, setInstance] = useState("");
	const [organization, setOrganization] = useState("");
	const [signIn, setSignIn] = useState<SignInDraft>(EMPTY_TOKEN);
	const facts = { name: name.trim(), instance_url: instance.trim() };
	const named = organization.trim();

	const begin = useBeginSignIn();
	const list = useMutation({
		mutationFn: (sign_in: SignInMethod) =>
			ask(api.POST("/api/v1/connections/organizations", { body: { instance_url: facts.instance_url, sign_in } })),
	});
	const verify = useMutation({
		mutationFn: (sign_in: SignInMethod) =>
			ask(api.POST("/api/v1/connections/verify", { body: { ...facts, organization: named, sign_in } })),
	});
	const save = useMutation({
		mutationFn: (sign_in: SignInMethod) =>
			ask(api.POST("/api/v1/connections", { body: { ...facts, organization: named, sign_in } })),
		onSuccess: (saved) => {
			client.invalidateQueries({ queryKey: ["connection"] });
			navigate(`/connections/${saved.id}/setup`);
		},
	});
	const verified = verify.data?.ok === true;
	const complete = isComplete(signIn);
	/** What was verified is what is saved: any change asks for a new check. */
	const edit = <T,>(set: (value: T) => void) => {
		return (value: T) => {
			verify.reset();
			set(value);
		};
	};
	const editSignIn = (value: SignInDraft) => {
		list.reset();
		edit(setSignIn)(value);
	};
	const submit = (event: FormEvent) => {
		event.preventDefault();
		if (signIn.method === "person") {
			const { method: _, ...application } = signIn;
			begin.mutate({ ...facts, organization: named || undefined, application });
		} else if (verified) save.mutate(signIn);
		else verify.mutate(signIn);
	};
	const byPerson = signIn.method === "person";

	return (
		<Page title="Connect Azure DevOps" above={[{ label: "Integrations", to: "/integrations" }]}>
			<SettingUp done={new Set()} current="connect" />
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
							<SignInFields value={signIn} onChange={editSignIn} />
							<Autocomplete
								label="Organization"
								description={
									byPerson
										? "Blank to choose it after signing in."
										: "The first word after the instance in the address of your boards."
								}
								required={!byPerson}
								data={list.data?.items.map((found) => found.name) ?? []}
								value={organization}
								onChange={edit(setOrganization)}
							/>
							{signIn.method !== "person" && signIn.method !== "personal_access_token" && (
								<Group gap={10}>
									<Button variant="default" onClick={() => list.mutate(signIn)} disabled={!complete} loading={list.isPending}>
										List its organizations
									</Button>
									{list.data && (
										<Text size="sm" c="dimmed" role="status">
											{list.data.items.length === 0
												? "It is a member of none."
												: list.data.items.map((found) => found.name).join(", ")}
										</Text>
									)}
								</Group>
							)}
							<Trouble error={list.error} />
							{byPerson ? (
								<Group>
									<Button type="submit" disabled={!complete} loading={begin.isPending}>
										Continue to Microsoft
									</Button>
								</Group>
							) : (
								<Group gap={8}>
									<Button
										type="submit"
										variant={verified ? "default" : "filled"}
										disabled={named === "" || !complete || verified}
										loading={verify.isPending}
									>
										Verify
									</Button>
									<Button onClick={() => save.mutate(signIn)} type="button" disabled={!verified} loading={save.isPending}>
										Save
									</Button>
								</Group>
							)}
						</Stack>
					</form>
				</Panel>
				<Panel title={byPerson ? "What happens next" : "Verification"}>
					<Stack gap={10}>
						{byPerson && (
							<Text size="sm" c="dimmed">
								You sign in on Microsoft's pages with a work or school account and come back here. The connection is saved once
								Azure DevOps accepts the sign-in. It stays signed in until the sign-in is withdrawn or not used for about 90 days.
							</Text>
						)}
						{!byPerson && !verify.data && !verify.error && (
							<Text size="sm" c="dimmed">
								Verify signs in, looks for the organization and its projects, and checks what the account may do. Nothing is saved
								or changed.
							</Text>
						)}
						<Trouble error={verify.error ?? save.error ?? begin.error} />
						{verify.data && <CheckSteps check={verify.data} />}
					</Stack>
				</Panel>
			</div>
		</Page>
	);
}
