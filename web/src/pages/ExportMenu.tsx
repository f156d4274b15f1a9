import { Button, Menu, Text } from "@mantine/core";
import { IconChevronDown } from "@tabler/icons-react";
import type { Filters } from "../api/queries";
import { EXPORT_FORMAT, EXPORT_FORMATS } from "../words";

/** Downloads the findings that fit a filter, in a format of choice. The browser writes the file as it arrives. */
export function ExportMenu({ filters }: { filters: Filters }) {
	const address = (format: string) => {
		const query = new URLSearchParams({ format });
		for (const [name, value] of Object.entries(filters)) if (value) query.set(name, value);
		return `/api/v1/findings/export?${query}`;
	};
	return (
		<Menu position="bottom-end" width={272} shadow="md" withInitialFocusPlaceholder={false}>
			<Menu.Target>
				<Button variant="default" rightSection={<IconChevronDown size={14} aria-hidden />}>
					Export
				</Button>
			</Menu.Target>
			<Menu.Dropdown>
				{EXPORT_FORMATS.map((format) => (
					<Menu.Item key={format} component="a" href={address(format)} download>
						{EXPORT_FORMAT[format].label}
						<Text component="span" display="block" size="xs">
							{EXPORT_FORMAT[format].about}
						</Text>
					</Menu.Item>
				))}
			</Menu.Dropdown>
		</Menu>
	);
}
