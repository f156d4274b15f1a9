import { Button, PasswordInput, Stack } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, ask } from "../api/client";
import { Notice } from "../components/Notice";
import { Page } from "../components/Page";
import { Panel } from "../components/Panel";
import { Trouble } from "../components/Trouble";
import { useMe } from "../session";

const AT_LEAST = 12;

export function PasswordPage() {
	const me = useMe();
	const [current, setCurrent] = useState("");
	const [next, setNext] = useState("");
	const [again, setAgain] = useState("");
	const save = useMutation({
		mutationFn: () => ask(api.POST("/api/v1/session/password", { body: { current, new: next } })),
		onSuccess: () => {
			setCurrent("");
			setNext("");
			setAgain("");
		},
	});
	const submit = (event: FormEvent) => {
		event.preventDefault();
		save.mutate();
	};
	const eye = { "aria-label": "Show the password" };
	const short = next !== "" && next.length < AT_LEAST;
	const differs = again !== "" && again !== next;
	return (
		<Page title="Change password" about={me.name}>
			<Panel>
				<form onSubmit={submit}>
					<Stack gap={12} maw={380}>
						<PasswordInput
							label="Current password"
							autoComplete="current-password"
							required
							value={current}
							onChange={(event) => setCurrent(event.currentTarget.value)}
							visibilityToggleButtonProps={eye}
						/>
						<PasswordInput
							label="New password"
							description={`At least ${AT_LEAST} characters.`}
							autoComplete="new-password"
							required
							error={short && `${AT_LEAST - next.length} more`}
							value={next}
							onChange={(event) => setNext(event.currentTarget.value)}
							visibilityToggleButtonProps={eye}
						/>
						<PasswordInput
							label="New password again"
							autoComplete="new-password"
							required
							error={differs && "It differs from the one above"}
							value={again}
							onChange={(event) => setAgain(event.currentTarget.value)}
							visibilityToggleButtonProps={eye}
						/>
						<Trouble error={save.error} />
						{save.isSuccess && <Notice tone="good" role="status" title="The password is changed." />}
						<Button type="submit" disabled={current === "" || next.length < AT_LEAST || next !== again} loading={save.isPending}>
							Change password
						</Button>
					</Stack>
				</form>
			</Panel>
		</Page>
	);
}
