import { Text } from "@mantine/core";
import type { ReconcileResult } from "../api/types";
import { count, number } from "../words";

/** What a reconcile did, in one line. */
export function ReconcileSummary({ result }: { result: ReconcileResult }) {
	const parts = [
		result.created > 0 && count(result.created, "work item created", "work items created"),
		result.updated > 0 && count(result.updated, "work item changed", "work items changed"),
		result.followed > 0 && `${count(result.followed, "ticket")} followed the board`,
		result.failed > 0 && `${number(result.failed)} failed; the error is on the ticket`,
	].filter(Boolean);
	return (
		<Text size="sm">
			{count(result.tickets, "ticket")} compared: {parts.length > 0 ? parts.join(", ") : "nothing to change"}.
		</Text>
	);
}
