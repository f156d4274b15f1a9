import { Button, Group } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api, ask } from "../../api/client";
import { ticket as ticketQuery } from "../../api/queries";
import type { ConflictChoice, Ticket } from "../../api/types";
import { Trouble } from "../../components/Trouble";
import { useMay } from "../../session";
import classes from "../Ticket.module.css";

/** Fields on which both sides differ, with both values, and the decision. */
export function Conflicts({ ticket }: { ticket: Ticket }) {
	const client = useQueryClient();
	const analyst = useMay("analyst");
	const decide = useMutation({
		mutationFn: ({ field, take }: { field: string; take: ConflictChoice }) =>
			ask(
				api.POST("/api/v1/tickets/{id}/conflicts/{field}", {
					params: { path: { id: ticket.id, field } },
					body: { take },
				}),
			),
		onSuccess: (saved) => client.setQueryData(ticketQuery(ticket.id).queryKey, saved),
	});
	if (ticket.conflicts.length === 0) return null;
	return (
		<>
			<table className={classes.conflicts}>
				<caption>Decided otherwise on the board</caption>
				<thead>
					<tr>
						<th scope="col">Field</th>
						<th scope="col">On the board (stays)</th>
						<th scope="col">Lockstep would write</th>
					</tr>
				</thead>
				<tbody>
					{ticket.conflicts.map(({ field, key, ours, theirs }) => (
						<tr key={key}>
							<th scope="row">
								{field}
								{analyst && (
									<Group gap={6} mt={6}>
										<Button
											size="compact-xs"
											variant="default"
											aria-label={`Keep the board's ${field}`}
											onClick={() => decide.mutate({ field: key, take: "theirs" })}
											disabled={decide.isPending}
										>
											Keep theirs
										</Button>
										<Button
											size="compact-xs"
											variant="default"
											aria-label={`Write Lockstep's ${field}`}
											onClick={() => decide.mutate({ field: key, take: "ours" })}
											disabled={decide.isPending}
										>
											Take ours
										</Button>
									</Group>
								)}
							</th>
							<td className="prewrap">{theirs || <i>empty</i>}</td>
							<td className="prewrap">{ours || <i>empty</i>}</td>
						</tr>
					))}
				</tbody>
			</table>
			<Trouble error={decide.error} />
		</>
	);
}
