import { Link } from "react-router";
import type { TicketRef } from "../api/types";
import { HEALTH } from "../words";

/** A ticket in one line: number and what the board says; its health where the board says nothing yet. */
export function TicketLine({ ticket }: { ticket: TicketRef }) {
	const stands = ticket.column ?? ticket.state;
	const sound = ticket.health === "in_step" || ticket.health === "closed" || ticket.health === "waiting";
	return (
		<Link to={`/tickets/${ticket.id}`} style={{ color: "inherit", whiteSpace: "nowrap" }}>
			{ticket.work_item_id ? `#${ticket.work_item_id}` : HEALTH[ticket.health]}
			{ticket.work_item_id && stands ? ` ${stands}` : ""}
			{ticket.work_item_id && !sound ? ` · ${HEALTH[ticket.health]}` : ""}
		</Link>
	);
}
