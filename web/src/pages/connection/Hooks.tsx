import { Button, Group, Stack, Text } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, ask } from "../../api/client";
import { connection as connectionQuery, destinations } from "../../api/queries";
import type { Connection } from "../../api/types";
import { CopyField } from "../../components/CopyField";
import { Notice } from "../../components/Notice";
import { Trouble } from "../../components/Trouble";
import { useMay } from "../../session";

/** How changes on the board arrive: subscriptions that Lockstep makes, or an address that a person pastes. */
export function Hooks({ connection }: { connection: Connection }) {
	const client = useQueryClient();
	const administrator = useMay("administrator");
	const path = { params: { path: { id: connection.id } } };
	const subscribed = connection.hooks === "subscribed";
	const toggle = useMutation({
		mutationFn: () =>
			subscribed
				? ask(api.DELETE("/api/v1/connections/{id}/hooks", path))
				: ask(api.POST("/api/v1/connections/{id}/hooks", path)),
		onSuccess: (saved) => client.setQueryData(connectionQuery(connection.id).queryKey, saved),
	});
	const { data: places } = useQuery(destinations);
	const own = places?.items.filter((place) => place.connection.id === connection.id) ?? [];
	const hasNone = places !== undefined && own.length === 0;
	const projects = [...new Set(own.map((place) => place.project))];
	return (
		<Stack gap={12} align="flex-start">
			<Text size="sm">
				{subscribed
					? "Azure DevOps tells Lockstep at once. Sweeps find whatever a hook missed."
					: "The board is swept at intervals, which always works. Service hooks only make it faster."}
			</Text>
			{connection.hook_problems.map((problem) => (
				<Notice key={problem} tone="warn" title={problem} />
			))}
			{administrator && (
				<Group gap={10}>
					<Button
						variant={subscribed || hasNone ? "default" : "filled"}
						onClick={() => toggle.mutate()}
						loading={toggle.isPending}
						disabled={hasNone && !subscribed}
					>
						{subscribed ? "Remove the subscriptions" : "Subscribe for me"}
					</Button>
					{hasNone && !subscribed && (
						<Text size="sm" c="dimmed">
							Add a destination first: it names the project.
						</Text>
					)}
				</Group>
			)}
			<Trouble error={toggle.error} />
			<CopyField label="Hook URL" value={connection.hook_url} />
			<details>
				<summary>Subscribe by hand</summary>
				<ol style={{ margin: "8px 0 0", paddingLeft: 20, fontSize: "var(--mantine-font-size-sm)" }}>
					<li>
						In Azure DevOps open {projects.length > 0 ? projects.join(", ") : "the project"}, then Project settings, Service
						hooks. You need to be a project administrator.
					</li>
					<li>Choose +, then Web Hooks.</li>
					<li>Choose the trigger “Work item updated” and, as field filter, “Board Column”.</li>
					<li>Paste the address above as URL, test it, and finish.</li>
					<li>Do the same once more with the field filter “State”.</li>
				</ol>
			</details>
		</Stack>
	);
}
