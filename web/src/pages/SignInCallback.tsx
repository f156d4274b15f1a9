import { Anchor, Autocomplete, Button, Group, Stack, Text } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { Link, useNavigate, useSearchParams } from "react-router";
import { api, ask } from "../api/client";
import type { Connection } from "../api/types";
import { Loading } from "../components/Loading";
import { Page } from "../components/Page";
import { Panel } from "../components/Panel";
import { Trouble } from "../components/Trouble";

/** Where Microsoft sends the browser back to: the redirect address. */
export function SignInCallbackPage() {
	const client = useQueryClient();
	const navigate = useNavigate();
	const [brought, keep] = useSearchParams();
	const [organization, setOrganization] = useState("");
	const begun = useRef(false);

	const arrive = (connection: Connection) => {
		client.invalidateQueries({ queryKey: ["connection"] });
		// A sign-in that was renewed has its set-up behind it.
		const to = connection.severity_map ? "" : "/setup";
		navigate(`/connections/${connection.id}${to}`, { replace: true });
	};
	const finish = useMutation({
		mutationFn: (params: URLSearchParams) => {
			const value = (name: string) => params.get(name) ?? undefined;
			const body = {
				state: value("state") ?? "",
				code: value("code"),
				error: value("error"),
				error_description: value("error_description"),
			};
			return ask(api.POST("/api/v1/connections/sign-in/finish", { body }));
		},
		onSuccess: (progress) => progress.connection && arrive(progress.connection),
	});
	const state = finish.data?.state ?? "";
	const choose = useMutation({
		mutationFn: () => ask(api.POST("/api/v1/connections/sign-in/organization", { body: { state, organization } })),
		onSuccess: arrive,
	});

	// biome-ignore lint/correctness/useExhaustiveDependencies: what the browser brought is used once.
	useEffect(() => {
		if (begun.current) return;
		begun.current = true;
		finish.mutate(new URLSearchParams(brought));
		// A code does not belong into the history of the browser.
		keep({}, { replace: true });
	}, []);

	const names = finish.data?.organizations.map((found) => found.name) ?? [];
	const submit = (event: FormEvent) => {
		event.preventDefault();
		choose.mutate();
	};
	return (
		<Page title="Sign in with Microsoft" above={[{ label: "Connections", to: "/connections" }]}>
			<Panel title={state ? "Which organization?" : "Signing in"}>
				<Stack gap={12} maw={520}>
					{!finish.error && !state && <Loading />}
					<Trouble error={finish.error} />
					{finish.error && (
						<Anchor component={Link} to="/connections" size="sm">
							To the connections
						</Anchor>
					)}
					{state && (
						<form onSubmit={submit}>
							<Stack gap={12}>
								<Text size="sm">
									{names.length > 0
										? `You are signed in. This account is a member of ${names.join(", ")}.`
										: "You are signed in. Azure DevOps did not list your organizations, so type the name."}
								</Text>
								<Autocomplete label="Organization" required data={names} value={organization} onChange={setOrganization} />
								<Trouble error={choose.error} />
								<Group>
									<Button type="submit" disabled={organization.trim() === ""} loading={choose.isPending}>
										Connect
									</Button>
								</Group>
							</Stack>
						</form>
					)}
				</Stack>
			</Panel>
		</Page>
	);
}
