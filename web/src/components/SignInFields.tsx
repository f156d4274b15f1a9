import { PasswordInput, SegmentedControl, Stack, Text, TextInput } from "@mantine/core";
import type { NewConnection } from "../api/types";

export type SignInDraft = NewConnection["sign_in"];

export const EMPTY_TOKEN: SignInDraft = { method: "personal_access_token", token: "" };
const EMPTY_SECRET: SignInDraft = { method: "client_secret", tenant: "", client_id: "", client_secret: "" };

export function isComplete(draft: SignInDraft): boolean {
	if (draft.method === "personal_access_token") return draft.token.trim() !== "";
	return draft.tenant.trim() !== "" && draft.client_id.trim() !== "" && draft.client_secret.trim() !== "";
}

/** How a connection signs in. Secrets are sent once and never shown again. */
export function SignInFields({ value, onChange }: { value: SignInDraft; onChange: (value: SignInDraft) => void }) {
	return (
		<Stack gap={12}>
			<div>
				<Text size="sm" fw={500} mb={4} id="sign-in-method">
					Sign in with
				</Text>
				<SegmentedControl
					aria-labelledby="sign-in-method"
					size="xs"
					value={value.method}
					onChange={(method) => onChange(method === "client_secret" ? EMPTY_SECRET : EMPTY_TOKEN)}
					data={[
						{ value: "personal_access_token", label: "Personal access token" },
						{ value: "client_secret", label: "Entra application" },
					]}
				/>
			</div>
			{value.method === "personal_access_token" ? (
				<PasswordInput
					label="Personal access token"
					description="Scope Work Items (read & write). It is encrypted and never shown again."
					autoComplete="off"
					required
					value={value.token}
					onChange={(event) => onChange({ ...value, token: event.currentTarget.value })}
					visibilityToggleButtonProps={{ "aria-label": "Show the token" }}
				/>
			) : (
				<>
					<TextInput
						label="Tenant"
						description="Directory (tenant) id or domain of your Microsoft Entra."
						required
						value={value.tenant}
						onChange={(event) => onChange({ ...value, tenant: event.currentTarget.value })}
					/>
					<TextInput
						label="Client id"
						description="Application (client) id. Add the application to the organization as a user."
						required
						value={value.client_id}
						onChange={(event) => onChange({ ...value, client_id: event.currentTarget.value })}
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
						placeholder="the public one"
						value={value.authority ?? ""}
						onChange={(event) => onChange({ ...value, authority: event.currentTarget.value || undefined })}
					/>
				</>
			)}
		</Stack>
	);
}
