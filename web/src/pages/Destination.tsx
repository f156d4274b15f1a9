import { useQuery } from "@tanstack/react-query";
import { useParams } from "react-router";
import { connection as connectionQuery, destination as destinationQuery } from "../api/queries";
import type { Destination, NewDestination } from "../api/types";
import { Loading } from "../components/Loading";
import { Page } from "../components/Page";
import { Panel } from "../components/Panel";
import { Trouble } from "../components/Trouble";
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
			{isPending && (
				<Panel>
					<Loading />
				</Panel>
			)}
			{error && !connection && <Trouble error={error} retry={() => refetch()} />}
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
				(destination.problem ??
					`${count(destination.created_today, "work item")} created today of at most ${destination.daily_budget ?? 200}`)
			}
		>
			{isPending && (
				<Panel>
					<Loading />
				</Panel>
			)}
			{error && !destination && <Trouble error={error} retry={() => refetch()} />}
			{destination && <DestinationForm key={destination.id} id={destination.id} start={asDraft(destination)} />}
		</Page>
	);
}

/** What the form sends back: the settings without what only the server says. */
function asDraft(destination: Destination): NewDestination {
	const { id: _id, connection, asset: _asset, created_today: _created, problem: _problem, ...settings } = destination;
	return { ...settings, connection_id: connection.id };
}
