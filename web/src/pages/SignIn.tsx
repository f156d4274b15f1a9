import { Button, PasswordInput, Stack, Text, TextInput, Title } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useEffect, useState } from "react";
import { api, ask } from "../api/client";
import { session } from "../api/queries";
import { Trouble } from "../components/Trouble";
import { Brand } from "../shell/Brand";
import classes from "./SignIn.module.css";

/** Name and password of a person. */
export function SignIn() {
	const client = useQueryClient();
	const [username, setUsername] = useState("");
	const [password, setPassword] = useState("");
	const signIn = useMutation({
		mutationFn: () => ask(api.POST("/api/v1/session", { body: { username, password } })),
		onSuccess: (me) => client.setQueryData(session.queryKey, me),
	});

	useEffect(() => {
		document.title = "Sign in · Lockstep";
	}, []);

	const submit = (event: FormEvent) => {
		event.preventDefault();
		signIn.mutate();
	};

	return (
		<main className={classes.page}>
			<div className={classes.box}>
				<Brand size={30} />
				<Title order={1} mt={18} mb={2}>
					Sign in
				</Title>
				<Text c="dimmed" size="sm" mb={16}>
					Security findings and Azure Boards, kept in step.
				</Text>
				<form onSubmit={submit}>
					<Stack gap={12}>
						<TextInput
							label="User name"
							name="username"
							autoComplete="username"
							autoCapitalize="none"
							spellCheck={false}
							required
							withAsterisk={false}
							autoFocus
							value={username}
							onChange={(event) => setUsername(event.currentTarget.value)}
						/>
						<PasswordInput
							label="Password"
							name="password"
							autoComplete="current-password"
							required
							withAsterisk={false}
							value={password}
							onChange={(event) => setPassword(event.currentTarget.value)}
							visibilityToggleButtonProps={{ "aria-label": "Show the password" }}
						/>
						<Trouble error={signIn.error} />
						<Button type="submit" size="sm" loading={signIn.isPending} fullWidth>
							Sign in
						</Button>
					</Stack>
				</form>
			</div>
		</main>
	);
}
