import { Button, Group, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { connections, destinations } from "../api/queries";
import { Loading } from "../components/Loading";
import { Page } from "../components/Page";
import { Panel } from "../components/Panel";
import { Trouble } from "../components/Trouble";
import { useMay } from "../session";
import { count } from "../words";
import { ConnectionMark } from "./Connections";
import classes from "./Integrations.module.css";

/** What Lockstep works together with, by category. */
export function IntegrationsPage() {
	const administrator = useMay("administrator");
	return (
		<Page title="Integrations" about="What Lockstep works together with">
			<Category title="Defect tracker">
				<AzureBoards />
			</Category>
			<Category title="Findings">
				<Card name="Reports of scanners" action={<Go to="/scans">Import a report</Go>}>
					SARIF and the reports of forty scanners, uploaded here or by a pipeline with <code>lockstep import</code>.
				</Card>
			</Category>
			<Category title="Notifications">
				<Card name="Alarms" action={<Go to="/alarms">{administrator ? "Choose where alarms go" : "Look at the alarms"}</Go>}>
					What a person should know is sent to chat, mail or any address that takes JSON.
				</Card>
			</Category>
		</Page>
	);
}

function Go({ to, children }: { to: string; children: string }) {
	return (
		<Button component={Link} to={to} variant="default">
			{children}
		</Button>
	);
}

function Category({ title, children }: { title: string; children: ReactNode }) {
	return (
		<Panel title={title}>
			<div className={classes.cards}>{children}</div>
		</Panel>
	);
}

function Card({ name, action, children }: { name: string; action: ReactNode; children: ReactNode }) {
	return (
		<section className={classes.card} aria-label={name}>
			<h3 className={classes.name}>{name}</h3>
			<Text size="sm" mb={10} component="div">
				{children}
			</Text>
			{action}
		</section>
	);
}

function AzureBoards() {
	const administrator = useMay("administrator");
	const { data, isPending, error, refetch } = useQuery(connections);
	const { data: places } = useQuery(destinations);
	const some = data !== undefined && data.items.length > 0;
	const integrate = administrator ? (
		<Button component={Link} to="/connections/new" variant={some ? "default" : "filled"}>
			{some ? "Integrate another" : "Integrate"}
		</Button>
	) : (
		!some && <Text size="sm">An administrator can connect it.</Text>
	);
	return (
		<Card name="Azure Boards" action={integrate}>
			Findings become work items on the right team's board. A card that is moved changes its finding; a fix counts when a scan
			proves it.
			{isPending && <Loading lines={1} />}
			{error && !data && <Trouble error={error} retry={() => refetch()} />}
			{some && (
				<ul className={classes.list}>
					{data.items.map((connection) => {
						const own = places?.items.filter((place) => place.connection.id === connection.id).length ?? 0;
						return (
							<li key={connection.id}>
								<Group gap={10}>
									<Link to={`/connections/${connection.id}`}>{connection.name}</Link>
									<ConnectionMark connection={connection} />
									<Text span size="sm" c="dimmed">
										{connection.organization}, {count(own, "destination")}
									</Text>
									{administrator && own === 0 && <Link to={`/connections/${connection.id}/setup`}>Go on with the set-up</Link>}
								</Group>
							</li>
						);
					})}
				</ul>
			)}
		</Card>
	);
}
