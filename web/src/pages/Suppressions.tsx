import { Button, Group, Stack, Text } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "react-router";
import { api, ask } from "../api/client";
import { suppressions } from "../api/queries";
import { Empty } from "../components/Empty";
import { Loading } from "../components/Loading";
import { ToneMark } from "../components/Marks";
import { Page } from "../components/Page";
import { PlaceButtons } from "../components/PlaceButtons";
import { Trouble } from "../components/Trouble";
import { useMay } from "../session";
import { count, day } from "../words";
import classes from "./Tokens.module.css";

/** Rules that say which findings are not to be looked at. */
export function SuppressionsPage() {
	const { data, isPending, error, refetch } = useQuery(suppressions);
	const manager = useMay("security_manager");
	const client = useQueryClient();
	const order = useMutation({
		mutationFn: (rules: string[]) => ask(api.PUT("/api/v1/suppressions/order", { body: { rules } })),
		onSuccess: (ordered) => client.setQueryData(suppressions.queryKey, ordered),
		onSettled: () => client.invalidateQueries({ queryKey: ["configuration"] }),
	});
	const add = manager && (
		<Button component={Link} to="/suppression/new">
			New suppression rule
		</Button>
	);
	return (
		<Page
			title="Suppression"
			about="Rules that say which findings are not to be looked at. The first that matches suppresses; what a person decided stands above them."
			actions={data && data.length > 0 && add}
		>
			<Trouble error={order.error} />
			{isPending && <Loading lines={5} />}
			{error && !data && <Trouble error={error} retry={() => refetch()} />}
			{data?.length === 0 && (
				<div className="panel">
					<Empty title="No suppression rule yet" action={add}>
						A rule suppresses what it matches, such as findings in test code, and gives it back when it goes.
					</Empty>
				</div>
			)}
			{data && data.length > 0 && (
				<div className="panel flush">
					<ul className={classes.tokens} aria-label="Suppression rules">
						{data.map((rule) => (
							<li key={rule.id}>
								<Stack gap={4} style={{ minWidth: 0 }}>
									<Group gap={10}>
										<span className={classes.name}>
											<Link to={`/suppression/${rule.id}`}>{rule.name}</Link>
										</span>
										<ToneMark tone={rule.in_effect ? "good" : "quiet"}>{rule.in_effect ? "In effect" : "Not in effect"}</ToneMark>
									</Group>
									<Text size="sm">{rule.reason}</Text>
									<div className={classes.quiet}>
										{rule.about}
										{rule.until && ` · until ${day(rule.until)}`}
									</div>
								</Stack>
								<Group gap={8} wrap="nowrap">
									<Link to={`/findings?status=all&suppressed_by=${rule.id}`}>{count(rule.findings, "finding")}</Link>
									{manager && <PlaceButtons row={rule} rows={data} busy={order.isPending} order={order.mutate} />}
								</Group>
							</li>
						))}
					</ul>
				</div>
			)}
		</Page>
	);
}
