import { Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { route } from "../api/queries";
import type { RouteStep } from "../api/types";
import { Loading } from "./Loading";
import { Trouble } from "./Trouble";

type Props = { of: { finding: string } | { asset: string; branch?: string } };

/** Where work items go, and why. */
export function RouteSaid({ of }: Props) {
	const { data, isPending, error, refetch } = useQuery(route(of));
	if (isPending) return <Loading lines={1} />;
	if (error && !data) return <Trouble error={error} retry={() => refetch()} />;
	if (!data?.taken_by)
		return (
			<Text size="sm">
				Nowhere: no destination is bound to it, and there is no default one. Add one to a{" "}
				<Link to="/connections">connection</Link>.
			</Text>
		);
	return (
		<Text size="sm">
			<Step step={data.taken_by} />.
			{data.others.length > 0 && (
				<Text span c="dimmed">
					{" "}
					Less specific:{" "}
					{data.others.map((step, index) => (
						<span key={step.destination.id}>
							{index > 0 && "; "}
							<Step step={step} />
						</span>
					))}
					.
				</Text>
			)}
		</Text>
	);
}

function Step({ step }: { step: RouteStep }) {
	return (
		<>
			<Link to={`/destinations/${step.destination.id}`}>{step.destination.name}</Link> {step.reason}
		</>
	);
}
