import { PasswordInput, Radio, Stack, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { signInOptions } from "../api/queries";
import type { SignInApplication, SignInMethod } from "../api/types";
import { CopyField } from "./CopyField";

/** A person signs in on Microsoft's pages; everything else is sent with the form. */
export type PersonDraft = { method: "person" } & SignInApplication;
export type SignInDraft = SignInMethod | PersonDraft;

const EMPTY: { [M in SignInDraft["method"]]: Extract<SignInDraft, { method: M }> } = {
	personal_access_token: { method: "personal_access_token", token: "" },
	person: { method: "person", tenant: "", client_id: "" },
	client_secret: { method: "client_secret", tenant: "", client_id: "", client_secret: "" },
	workload_identity: { method: "workload_identity", tenant: "", client_id: "" },
	managed_identity: { method: "managed_identity" },
};
export const EMPTY_TOKEN: SignInDraft = EMPTY.personal_access_token;

const filled = (...texts: string[]) => texts.every((text) => text.trim() !== "");

export function isComplete(draft: SignInDraft): boolean {
	switch (draft.method) {
		case "personal_access_token":
			return filled(draft.token);
		case "person":
			return filled(draft.client_id);
		case "client_secret":
			return filled(draft.tenant, draft.client_id, draft.client_secret);
		case "workload_identity":
			return filled(draft.tenant, draft.client_id);
		case "managed_identity":
			return true;
	}
}

type Props = { value: SignInDraft; onChange: (value: SignInDraft) => void };

/** How a connection signs in. Secrets are sent once and never shown again. */
export function SignInFields({ value, onChange }: Props) {
	const { data: options } = useQuery(signInOptions);
	const unlessAllowed = (allowed: boolean | undefined, flag: string) =>
		allowed === false ? `Not here: the server was started without ${flag}.` : undefined;
	return (
		<Stack gap={12}>
			<Radio.Group
				label="Sign in with"
				value={value.method}
				onChange={(method) => onChange(EMPTY[method as SignInDraft["method"]])}
			>
				<Stack gap={6} mt={6}>
					<Radio value="personal_access_token" label="Personal access token" />
					<Radio value="person" label="Microsoft: a person signs in" />
					<Radio value="client_secret" label="Entra application with a secret" />
					<Radio
						value="workload_identity"
						label="Entra application that trusts the server's platform"
						description={unlessAllowed(options?.workload_identity, "--federated-token-file")}
						disabled={!options?.workload_identity}
					/>
					<Radio
						value="managed_identity"
						label="Managed identity of the server"
						description={unlessAllowed(options?.managed_identity, "--allow-managed-identity")}
						disabled={!options?.managed_identity}
					/>
				</Stack>
			</Radio.Group>
			<MethodFields value={value} onChange={onChange} redirect={options?.redirect_uri ?? ""} />
		</Stack>
	);
}

function MethodFields({ value, onChange, redirect }: Props & { redirect: string }) {
	switch (value.method) {
		case "personal_access_token":
			return (
				<PasswordInput
					label="Personal access token"
					description="Scope Work Items (read & write). It is encrypted and never shown again."
					autoComplete="off"
					required
					value={value.token}
					onChange={(event) => onChange({ ...value, token: event.currentTarget.value })}
					visibilityToggleButtonProps={{ "aria-label": "Show the token" }}
				/>
			);
		case "person":
			return (
				<>
					<Text size="sm">
						Lockstep does on the board what this person may do, in their name. In Entra, register an application with the
						delegated permission Azure DevOps: user_impersonation, and this redirect address.
					</Text>
					<CopyField
						label="Redirect address"
						about="Platform Web with a client secret, or Mobile and desktop applications without one."
						value={redirect}
					/>
					<ClientId
						about="Application (client) id."
						value={value.client_id}
						onChange={(client_id) => onChange({ ...value, client_id })}
					/>
					<TextInput
						label="Tenant"
						description="Directory (tenant) id or domain. Blank for any work or school account."
						value={value.tenant ?? ""}
						onChange={(event) => onChange({ ...value, tenant: event.currentTarget.value })}
					/>
					<PasswordInput
						label="Client secret"
						description="Only for the platform Web: the secret's value, not its id."
						autoComplete="off"
						value={value.client_secret ?? ""}
						onChange={(event) => onChange({ ...value, client_secret: event.currentTarget.value || undefined })}
						visibilityToggleButtonProps={{ "aria-label": "Show the secret" }}
					/>
				</>
			);
		case "client_secret":
			return (
				<>
					<Tenant value={value.tenant} onChange={(tenant) => onChange({ ...value, tenant })} />
					<ClientId
						about="Application (client) id. Add the application to the organization as a user."
						value={value.client_id}
						onChange={(client_id) => onChange({ ...value, client_id })}
					/>
					<PasswordInput
						label="Client secret"
						description="The secret's value, not its id."
						autoComplete="off"
						required
						value={value.client_secret}
						onChange={(event) => onChange({ ...value, client_secret: event.currentTarget.value })}
						visibilityToggleButtonProps={{ "aria-label": "Show the secret" }}
					/>
					<TextInput
						label="Authority"
						description="Only for a sovereign cloud or a rehearsal: where tokens are issued."
						placeholder="that of the server"
						value={value.authority ?? ""}
						onChange={(event) => onChange({ ...value, authority: event.currentTarget.value || undefined })}
					/>
				</>
			);
		case "workload_identity":
			return (
				<>
					<Text size="sm">
						No secret is stored: the application has a federated credential for the workload that this server runs as.
					</Text>
					<Tenant value={value.tenant} onChange={(tenant) => onChange({ ...value, tenant })} />
					<ClientId
						about="Application (client) id. Add the application to the organization as a user."
						value={value.client_id}
						onChange={(client_id) => onChange({ ...value, client_id })}
					/>
				</>
			);
		case "managed_identity":
			return (
				<TextInput
					label="Client id"
					description="Only for a user-assigned identity. Add the identity to the organization as a user."
					placeholder="the machine's own identity"
					value={value.client_id ?? ""}
					onChange={(event) => onChange({ ...value, client_id: event.currentTarget.value || undefined })}
				/>
			);
	}
}

type FieldProps = { value: string; onChange: (value: string) => void };

function Tenant({ value, onChange }: FieldProps) {
	return (
		<TextInput
			label="Tenant"
			description="Directory (tenant) id or domain of your Microsoft Entra."
			required
			value={value}
			onChange={(event) => onChange(event.currentTarget.value)}
		/>
	);
}

function ClientId({ value, onChange, about }: FieldProps & { about: string }) {
	return (
		<TextInput
			label="Client id"
			description={about}
			required
			value={value}
			onChange={(event) => onChange(event.currentTarget.value)}
		/>
	);
}
