import { Button, Group, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { sources } from "../api/queries";
import type { Source } from "../api/types";
import { Empty } from "../components/Empty";
import { Loading } from "../components/Loading";
import { ToneMark } from "../components/Marks";
import { Page } from "../components/Page";
import { Time } from "../components/Time";
import { Trouble } from "../components/Trouble";
import { useMay } from "../session";
import { count } from "../words";
import classes from "./Tokens.module.css";

/** Where findings come from, and what is taken in. */
export function SourcesPage() {
	const { data, isPending, error, refetch } = useQuery(sources);
	const administrator = useMay("administrator");
	const add = administrator && (
		<Button component={Link} to="/sources/new">
			New source
		</Button>
	);
	return (
		<Page
			title="Sources"
			about="Where findings come from: what is taken in, and which asset it belongs to"
			actions={data && data.length > 0 && add}
		>
			{isPending && <Loading lines={5} />}
			{error && !data && <Trouble error={error} retry={() => refetch()} />}
			{data?.length === 0 && (
				<div className="panel">
					<Empty title="No source yet" action={add}>
						A source divides reports among assets by rules, or fetches Microsoft Defender for Cloud by itself. A report about one
						asset needs none.
					</Empty>
				</div>
			)}
			{data && data.length > 0 && (
				<div className="panel flush">
					<ul className={classes.tokens} aria-label="Sources">
						{data.map((source) => (
							<li key={source.id}>
								<Stack gap={4} style={{ minWidth: 0 }}>
									<Group gap={10}>
										<span className={classes.name}>
											<Link to={`/sources/${source.id}`}>{source.name}</Link>
										</span>
										<SourceState source={source} />
									</Group>
									{source.problem && <div className={classes.quiet}>{source.problem}</div>}
									<div className={classes.quiet}>
										{source.fetch ? "Microsoft Defender for Cloud" : "Uploads"} · {count(source.rules.length, "rule")}
										{source.last_run && (
											<>
												{" · fetched "}
												<Time at={source.last_run.started_at} />
											</>
										)}
									</div>
								</Stack>
							</li>
						))}
					</ul>
				</div>
			)}
		</Page>
	);
}

/** How it goes with a source. */
export function SourceState({ source }: { source: Source }) {
	if (!source.fetch) return <ToneMark tone="quiet">On upload</ToneMark>;
	if (source.running) return <ToneMark tone="good">Being fetched</ToneMark>;
	if (source.problem) return <ToneMark tone="bad">Not fetched</ToneMark>;
	if (!source.enabled) return <ToneMark tone="quiet">Off</ToneMark>;
	return <ToneMark tone="good">On</ToneMark>;
}
