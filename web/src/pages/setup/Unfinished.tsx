import { Group } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { destinations, rules } from "../../api/queries";
import type { Connection } from "../../api/types";
import { Notice } from "../../components/Notice";
import { useMay } from "../../session";
import { STEPS, stepsDone } from "./steps";

/** Where the set-up of a connection was left, if it was. */
export function Unfinished({ connection }: { connection: Connection }) {
	const administrator = useMay("administrator");
	const { data: places } = useQuery(destinations);
	const { data: known } = useQuery(rules);
	if (!administrator || !places || !known) return null;
	const own = places.items.filter((place) => place.connection.id === connection.id);
	const done = stepsDone(connection, own, known.items);
	const next = STEPS.find((step) => !done.has(step.name));
	if (!next) return null;
	return (
		<Notice tone="warn" title="The set-up is not finished">
			<Group gap={8}>
				<span>Next: {next.label}.</span>
				<Link to={`/connections/${connection.id}/setup`}>Go on with the set-up</Link>
			</Group>
		</Notice>
	);
}
