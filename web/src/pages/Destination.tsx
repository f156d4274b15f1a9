import { useQuery } from "@tanstack/react-query";
import { useParams } from "react-router";
import { connection as connectionQuery, destination as destinationQuery } from "../api/queries";
import type { Destination, NewDestination } from "../api/types";
import { Notice } from "../components/Notice";
import { Page } from "../components/Page";
import { Panel } from "../components/Panel";
import { Reading } from "../components/Reading";
import { RouteSaid } from "../components/RouteSaid";
import { count } from "../words";
import { DestinationForm } from "./DestinationForm";

export function NewDestinationPage() {
	const { connection: id = "" } = useParams();
	const { data: connection, isPending, error, refetch } = useQuery(connectionQuery(id));
	const start: NewDestination = { connection_id: id, binding: { kind: "default" }, project: "", work_item_type: "" };
	return (
		<Page
			title="Add a destination"
			above={[
				{ label: "Connections", to: "/connections" },
				{ label: connection?.name ?? "Connection", to: `/connections/${id}` },
			]}
		>
			{!connection && <Reading of={{ isPending, error, refetch }} />}
			{connection && <DestinationForm start={start} />}
		</Page>
	);
}

export function DestinationPage() {
	const { id = "" } = useParams();
	const { data: destination, isPending, error, refetch } = useQuery(destinationQuery(id));
	return (
		<Page
			title={destination?.name || "Destination"}
			above={[
				{ label: "Connections", to: "/connections" },
				...(destination ? [{ label: destination.connection.name, to: `/connections/${destination.connection.id}` }] : []),
			]}
			about={
				destination &&
				(destination.drift?.problems[0]?.message ??
					`${count(destination.created_today, "work item")} created today of at most ${destination.daily_budget ?? 200}`)
			}
		>
			{!destination && <Reading of={{ isPending, error, refetch }} />}
			{destination?.drift && (
				<Notice
					tone="bad"
					title={
						destination.drift.creates_nothing
							? "It does not fit the board any more: nothing new is created here"
							: "It does not fit the board any more"
					}
				>
					<ul style={{ margin: 0, paddingLeft: 20 }}>
						{destination.drift.problems.map((problem) => (
							<li key={problem.message}>
								{problem.message}: <b>{problem.mend}</b>
							</li>
						))}
					</ul>
				</Notice>
			)}
			{destination?.asset && (
				<Panel title="Where its asset's work items go">
					<RouteSaid of={{ asset: destination.asset.id, branch: branchOf(destination) }} />
				</Panel>
			)}
			{destination && <DestinationForm key={destination.id} id={destination.id} start={asDraft(destination)} />}
		</Page>
	);
}

/** A branch to ask the way for; a pattern is none. */
function branchOf({ binding }: Destination): string | undefined {
	return binding.kind === "branch" && !binding.branch.includes("*") ? binding.branch : undefined;
}

/** What the form sends back: the settings without what only the server says. */
export function asDraft(destination: Destination): NewDestination {
	const { id: _id, connection, asset: _asset, created_today: _created, drift: _drift, ...settings } = destination;
	return { ...settings, connection_id: connection.id };
}
