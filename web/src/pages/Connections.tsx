import { Button, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { connections, destinations } from "../api/queries";
import type { Connection } from "../api/types";
import { Facts } from "../components/Facts";
import { Loading } from "../components/Loading";
import { ToneMark } from "../components/Marks";
import { Page } from "../components/Page";
import { Panel } from "../components/Panel";
import { Time } from "../components/Time";
import { Trouble } from "../components/Trouble";
import { useMay } from "../session";
import { count, lag } from "../words";
import classes from "./Connections.module.css";

/** Where work items live. */
export function ConnectionsPage() {
	const administrator = useMay("administrator");
	const { data, isPending, error, refetch } = useQuery(connections);
	const { data: places } = useQuery(destinations);
	const connect = administrator && (
		<Button component={Link} to="/connections/new">
			Connect Azure DevOps
		</Button>
	);
	const some = data && data.items.length > 0;
	return (
		<Page title="Connections" about="Where work items live" actions={some && connect}>
			{isPending && (
				<Panel>
					<Loading />
				</Panel>
			)}
			{error && !data && <Trouble error={error} retry={() => refetch()} />}
			{data && !some && (
				<section className={classes.card} aria-labelledby="azure">
					<div>
						<Text size="xs" c="dimmed">
							Defect tracker
						</Text>
						<h2 id="azure" className={classes.name}>
							Azure DevOps Boards
						</h2>
						<Text size="sm" mt={4}>
							Findings become work items on the right team's board. A card that is moved changes its finding; a fix counts when a
							scan proves it.
						</Text>
						<Text size="sm" c="dimmed" mt={4} mb={12}>
							You need the name of your organization and either a personal access token with the scope Work Items (read &amp;
							write), or a Microsoft Entra application with a client secret.
						</Text>
						{connect || <Text size="sm">An administrator can connect it.</Text>}
					</div>
				</section>
			)}
			{some && (
				<div className="grid3">
					{data.items.map((connection) => (
						<Card
							key={connection.id}
							connection={connection}
							destinations={places?.items.filter((place) => place.connection.id === connection.id).length}
						/>
					))}
				</div>
			)}
		</Page>
	);
}

/** How a connection is, in a word. */
export function ConnectionMark({ connection }: { connection: Connection }) {
	if (connection.problem) return <ToneMark tone="bad">Stopped</ToneMark>;
	if (connection.mode === "shadow") return <ToneMark tone="warn">Shadow</ToneMark>;
	if (connection.mode === "paused") return <ToneMark tone="warn">Paused</ToneMark>;
	return <ToneMark tone="good">Active</ToneMark>;
}

function Card({ connection, destinations }: { connection: Connection; destinations: number | undefined }) {
	return (
		<section className={classes.card} aria-label={connection.name}>
			<div className={classes.head}>
				<h2 className={classes.name}>
					<Link to={`/connections/${connection.id}`} className={classes.cover}>
						{connection.name}
					</Link>
				</h2>
				<ConnectionMark connection={connection} />
			</div>
			{connection.problem && (
				<Text size="sm" c="var(--ls-bad)" className="prewrap" mb={6}>
					{connection.problem}
				</Text>
			)}
			<Facts
				facts={[
					["Organization", connection.organization],
					["Instance", connection.instance_url],
					["Destinations", destinations === undefined ? undefined : count(destinations, "destination")],
					["Changes arrive", connection.hooks === "subscribed" ? "by service hooks and sweeps" : "by sweeps"],
					["Last contact", connection.last_contact_at ? <Time at={connection.last_contact_at} /> : "never"],
					["Board moves followed after", lag(connection.lag)],
				]}
			/>
		</section>
	);
}
