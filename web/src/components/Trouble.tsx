import { Button, Group, Text } from "@mantine/core";
import { ApiError } from "../api/client";
import { Notice } from "./Notice";

/** An error in the server's words: what happened, what to do next, and which fields are meant. */
export function Trouble({ error, retry }: { error: unknown; retry?: () => void }) {
	if (!error) return null;
	const problem = error instanceof ApiError ? error.problem : undefined;
	const title = problem?.title ?? "Something went wrong";
	const detail = problem?.detail ?? (error instanceof Error ? error.message : String(error));
	const fields = problem?.fields?.filter((field) => !detail.includes(field.detail)) ?? [];
	return (
		<Notice tone="bad" title={title} role="alert">
			{detail !== title && (
				<Text size="sm" className="prewrap">
					{detail}
				</Text>
			)}
			{problem?.next_step && (
				<Text size="sm" fw={600} mt={4} className="prewrap">
					{problem.next_step}
				</Text>
			)}
			{fields.length > 0 && (
				<ul style={{ margin: "6px 0 0", paddingLeft: 18 }}>
					{fields.map((field) => (
						<li key={field.pointer + field.detail}>
							<span className="mono">{field.pointer.replace(/^\//, "")}</span>: {field.detail}
						</li>
					))}
				</ul>
			)}
			{retry && (
				<Group mt={8}>
					<Button variant="default" onClick={retry}>
						Try again
					</Button>
				</Group>
			)}
		</Notice>
	);
}
