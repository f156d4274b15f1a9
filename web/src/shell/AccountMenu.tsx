import { Button, type MantineColorScheme, Menu, Text, useMantineColorScheme } from "@mantine/core";
import { IconChevronDown, IconKey, IconLock, IconLogout } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { api, ask } from "../api/client";
import { session, version } from "../api/queries";
import { useMay, useMe } from "../session";
import { ROLE } from "../words";

/** Theme, password, tokens, sign-out. */
export function AccountMenu() {
	const me = useMe();
	const administrator = useMay("administrator");
	const client = useQueryClient();
	const navigate = useNavigate();
	const { colorScheme, setColorScheme } = useMantineColorScheme();
	const { data: server } = useQuery(version);
	const signOut = useMutation({
		mutationFn: () => ask(api.DELETE("/api/v1/session")),
		onSuccess: () => {
			client.clear();
			client.setQueryData(session.queryKey, null);
		},
	});

	return (
		<Menu position="bottom-end" width={236} shadow="md" withInitialFocusPlaceholder={false}>
			<Menu.Target>
				<Button
					variant="subtle"
					color="gray"
					rightSection={<IconChevronDown size={14} aria-hidden />}
					c="var(--mantine-color-text)"
				>
					{me.name}
				</Button>
			</Menu.Target>
			<Menu.Dropdown>
				<Text size="xs" c="dimmed" px={12} py={4}>
					{ROLE[me.role]}
					{server && ` · Lockstep ${server.version}, ${server.database}`}
				</Text>
				<Menu.Label>Theme</Menu.Label>
				<Menu.RadioGroup value={colorScheme} onChange={(value) => setColorScheme(value as MantineColorScheme)}>
					<Menu.RadioItem value="light">Light</Menu.RadioItem>
					<Menu.RadioItem value="dark">Dark</Menu.RadioItem>
					<Menu.RadioItem value="auto">As the system</Menu.RadioItem>
				</Menu.RadioGroup>
				<Menu.Divider />
				{me.user_id && (
					<Menu.Item leftSection={<IconLock size={15} aria-hidden />} onClick={() => navigate("/password")}>
						Change password
					</Menu.Item>
				)}
				{administrator && (
					<Menu.Item leftSection={<IconKey size={15} aria-hidden />} onClick={() => navigate("/tokens")}>
						API tokens
					</Menu.Item>
				)}
				<Menu.Item
					leftSection={<IconLogout size={15} aria-hidden />}
					onClick={() => signOut.mutate()}
					disabled={signOut.isPending}
				>
					Sign out
				</Menu.Item>
			</Menu.Dropdown>
		</Menu>
	);
}
