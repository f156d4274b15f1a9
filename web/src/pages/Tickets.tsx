import { Button, NativeSelect, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { keepPreviousData, useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";
import { Link, useSearchParams } from "react-router";
import { api, ask } from "../api/client";
import { destinations, tickets } from "../api/queries";
import type { Ticket, TicketHealth } from "../api/types";
import { ChosenBar } from "../components/ChosenBar";
import { Empty } from "../components/Empty";
import { type Column, PagedList, useChoice } from "../components/List";
import { HealthMark, StatusMark } from "../components/Marks";
import { Page } from "../components/Page";
import { Search } from "../components/Search";
import { Trouble } from "../components/Trouble";
import { useMay } from "../session";
import { useShortcuts } from "../shortcuts";
import { HEALTH, HEALTHS, number } from "../words";
import { CloseTicketsDialog } from "./by-hand/CloseTicketsDialog";
import classes from "./Filters.module.css";

const board = (ticket: Ticket) =>
	ticket.work_item && `#${ticket.work_item.id} ${ticket.work_item.column ?? ticket.work_item.state}`;

const COLUMNS: readonly Column<Ticket>[] = [
	{ header: "Health", width: "138px", cell: (ticket) => <HealthMark health={ticket.health} /> },
	{ header: "Board", width: "16%", cell: board },
	{ header: "Findings say", width: "186px", cell: (ticket) => <StatusMark status={ticket.status} /> },
	{ header: "Assignee", width: "14%", cell: (ticket) => ticket.work_item?.assignee },
	{ header: "Findings", width: "84px", align: "right", cell: (ticket) => number(ticket.findings) },
];

/** Our records of work items. */
export function TicketsPage() {
	const [params, setParams] = useSearchParams();
	const search = useRef<HTMLInputElement>(null);
	useShortcuts({ "/": () => search.current?.focus() });
	const get = (name: string) => params.get(name) ?? undefined;
	const set = (name: string, value: string) =>
		setParams(
			(old) => {
				const next = new URLSearchParams(old);
				if (value) next.set(name, value);
				else next.delete(name);
				return next;
			},
			{ replace: true },
		);
	const health = get("health") ?? "";
	const query = useInfiniteQuery({
		...tickets({ health: get("health"), destination: get("destination"), assignee: get("assignee"), q: get("q") }),
		placeholderData: keepPreviousData,
	});
	const { data: places } = useQuery(destinations);
	const filtered = params.size > 0;
	const analyst = useMay("analyst");
	const client = useQueryClient();
	const choice = useChoice();
	const [closing, close] = useDisclosure(false);
	const push = useMutation({
		mutationFn: () => ask(api.POST("/api/v1/tickets/push", { body: { tickets: [...choice.chosen] } })),
		onSuccess: () => {
			client.invalidateQueries({ queryKey: ["ticket"] });
			choice.clear();
		},
	});

	return (
		<Page title="Tickets" about="Each is the record of one work item and its findings">
			<search className={classes.filters} aria-label="Tickets">
				<Search
					ref={search}
					value={get("q") ?? ""}
					onChange={(value) => set("q", value)}
					placeholder="Title or number of a work item"
				/>
				<NativeSelect
					label="Health"
					value={health}
					onChange={(event) => set("health", event.currentTarget.value)}
					data={[
						{ value: "", label: "Any" },
						...(health.includes(",")
							? [
									{
										value: health,
										label: health
											.split(",")
											.map((word) => HEALTH[word as TicketHealth] ?? word)
											.join(", "),
									},
								]
							: []),
						...HEALTHS.map((value) => ({ value, label: HEALTH[value] })),
					]}
				/>
				<NativeSelect
					label="Destination"
					value={get("destination") ?? ""}
					onChange={(event) => set("destination", event.currentTarget.value)}
					data={[{ value: "", label: "Any" }, ...(places?.items ?? []).map(({ id, name }) => ({ value: id, label: name || id }))]}
				/>
				<TextInput
					label="Assignee"
					placeholder="Anybody; - for nobody"
					value={get("assignee") ?? ""}
					onChange={(event) => set("assignee", event.currentTarget.value)}
				/>
				{filtered && (
					<Button variant="subtle" size="sm" onClick={() => setParams({}, { replace: true })}>
						Clear
					</Button>
				)}
			</search>
			<div className="panel flush" aria-busy={query.isPlaceholderData}>
				<PagedList
					query={query}
					label="Tickets"
					titleHeader="Ticket"
					id={(ticket) => ticket.id}
					to={(ticket) => `/tickets/${ticket.id}`}
					title={(ticket) => ticket.title}
					about={(ticket) => ticket.problem ?? ticket.destination.name}
					columns={COLUMNS}
					choice={analyst ? choice : undefined}
					card={(ticket) => (
						<>
							<HealthMark health={ticket.health} />
							<StatusMark status={ticket.status} />
							<span>{board(ticket)}</span>
						</>
					)}
					empty={
						filtered ? (
							<Empty title="No ticket matches">Widen the filter, or clear it.</Empty>
						) : (
							<Empty title="No tickets yet">
								<Link to="/connections">Connect Azure DevOps</Link>, add a destination and <Link to="/rules">save a rule</Link>:
								findings that match get a work item.
							</Empty>
						)
					}
				/>
			</div>
			<Trouble error={push.error} />
			<ChosenBar chosen={choice.chosen.size} what="tickets" clear={choice.clear}>
				<Button onClick={close.open}>Close…</Button>
				<Button variant="default" onClick={() => push.mutate()} loading={push.isPending}>
					Push now
				</Button>
			</ChosenBar>
			<CloseTicketsDialog
				tickets={[...choice.chosen]}
				opened={closing}
				onClose={close.close}
				onDone={() => {
					close.close();
					choice.clear();
				}}
			/>
		</Page>
	);
}
