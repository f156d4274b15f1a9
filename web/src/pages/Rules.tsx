import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { rules } from "../api/queries";
import type { Rule } from "../api/types";
import { Empty } from "../components/Empty";
import { List } from "../components/List";
import { Loading } from "../components/Loading";
import { ToneMark } from "../components/Marks";
import { Page } from "../components/Page";
import { Panel } from "../components/Panel";
import { Trouble } from "../components/Trouble";
import { useMay } from "../session";
import { GROUPING, number, SEVERITY } from "../words";

/** Criteria in one line. */
function criteria(rule: Rule): string {
	const least = rule.criteria?.severity_at_least;
	const tags = rule.criteria?.asset_tags ?? [];
	const parts = [least && `at least ${SEVERITY[least]}`, tags.length > 0 && `assets with ${tags.join(" and ")}`].filter(Boolean);
	return parts.length > 0 ? parts.join(", ") : "every finding";
}

/** Which findings get tickets. */
export function RulesPage() {
	const administrator = useMay("administrator");
	const { data, isPending, error, refetch } = useQuery(rules);
	const rows = data?.items ?? [];
	const add = administrator && (
		<Button component={Link} to="/rules/new">
			New rule
		</Button>
	);
	return (
		<Page title="Rules" about="Which findings get tickets" actions={rows.length > 0 && add}>
			{error && !data && <Trouble error={error} retry={() => refetch()} />}
			{(isPending || data) && (
				<Panel flush>
					{isPending && <Loading />}
					{data && rows.length === 0 && (
						<Empty title="No rules: no tickets are made" action={add}>
							A rule says which findings get a work item. It shows what it would create before it is saved.
						</Empty>
					)}
					{rows.length > 0 && (
						<List
							rows={rows}
							label="Rules"
							titleHeader="Rule"
							id={(rule) => rule.id}
							to={(rule) => `/rules/${rule.id}`}
							title={(rule) => rule.name}
							about={criteria}
							columns={[
								{ header: "Sharing", width: "34%", cell: (rule) => GROUPING[rule.grouping ?? "per_finding"] },
								{ header: "State", width: "110px", cell: (rule) => <Enabled rule={rule} /> },
								{ header: "Open findings", width: "116px", align: "right", cell: (rule) => number(rule.matching) },
							]}
							card={(rule) => (
								<>
									<Enabled rule={rule} />
									<span className="nums">{number(rule.matching)} open findings</span>
								</>
							)}
						/>
					)}
				</Panel>
			)}
		</Page>
	);
}

function Enabled({ rule }: { rule: Rule }) {
	return rule.enabled === false ? <ToneMark tone="quiet">Off</ToneMark> : <ToneMark tone="good">In effect</ToneMark>;
}
