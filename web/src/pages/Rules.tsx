import { Button, Group, Switch } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { api, ask } from "../api/client";
import { ruleCounts, rule as ruleQuery, rules } from "../api/queries";
import type { Rule, RuleSettings } from "../api/types";
import { Confirm } from "../components/Confirm";
import { Empty } from "../components/Empty";
import { List } from "../components/List";
import { Loading } from "../components/Loading";
import { ToneMark } from "../components/Marks";
import { Page } from "../components/Page";
import { Panel } from "../components/Panel";
import { PlaceButtons } from "../components/PlaceButtons";
import { Trouble } from "../components/Trouble";
import { useMay } from "../session";
import { groupingWords, number } from "../words";
import { DestinationShares } from "./rule/RulePlanView";

/** Which findings get tickets. */
export function RulesPage() {
	const client = useQueryClient();
	const administrator = useMay("administrator");
	const { data, isPending, error, refetch } = useQuery(rules);
	const counts = useQuery(ruleCounts);
	const [enabling, setEnabling] = useState<Rule>();
	const rows = data?.items ?? [];
	const order = useMutation({
		mutationFn: (ids: string[]) => ask(api.PUT("/api/v1/rules/order", { body: { rules: ids } })),
		onSuccess: (page) => client.setQueryData(rules.queryKey, page),
		onSettled: () => client.invalidateQueries({ queryKey: ["configuration"] }),
	});
	const disable = useMutation({
		mutationFn: (rule: Rule) => saveRule(rule, false),
		onSettled: () => client.invalidateQueries({ queryKey: ["configuration"] }),
	});
	const add = administrator && (
		<Button component={Link} to="/rules/new">
			New rule
		</Button>
	);
	const matching = (rule: Rule) => {
		const found = counts.data?.find((one) => one.id === rule.id);
		return found ? number(found.matching) : "…";
	};
	const toggle = (rule: Rule) =>
		administrator ? (
			<Switch
				size="sm"
				aria-label={`${rule.name} is in effect`}
				checked={rule.enabled !== false}
				disabled={disable.isPending}
				onChange={(event) => (event.currentTarget.checked ? setEnabling(rule) : disable.mutate(rule))}
			/>
		) : null;
	const places = (rule: Rule) =>
		administrator && <PlaceButtons row={rule} rows={rows} busy={order.isPending} order={order.mutate} />;
	return (
		<Page
			title="Rules"
			about="Which findings get tickets. The first rule that matches decides, unless it lets the others be asked, too."
			actions={rows.length > 0 && add}
		>
			<Trouble error={order.error ?? disable.error} />
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
							about={(rule) => rule.about}
							columns={[
								{ header: "Sharing", width: "24%", cell: (rule) => groupingWords(rule.grouping) },
								{
									header: "State",
									width: "150px",
									cell: (rule) => (
										<Group gap={8} wrap="nowrap">
											{toggle(rule)}
											<State rule={rule} />
										</Group>
									),
								},
								{ header: "Open findings", width: "116px", align: "right", cell: matching },
								{ header: "Order", width: "84px", cell: places },
							]}
							card={(rule) => (
								<>
									<State rule={rule} />
									<span className="nums">{matching(rule)} open findings</span>
								</>
							)}
						/>
					)}
				</Panel>
			)}
			{enabling && <Enable rule={enabling} onClose={() => setEnabling(undefined)} />}
		</Page>
	);
}

function State({ rule }: { rule: Rule }) {
	if (rule.problem) return <ToneMark tone="bad">Stopped</ToneMark>;
	return rule.enabled === false ? <ToneMark tone="quiet">Off</ToneMark> : <ToneMark tone="good">In effect</ToneMark>;
}

function settingsOf(rule: Rule, enabled: boolean): RuleSettings {
	const { id: _id, version: _version, about: _about, problem: _problem, since: _since, created_at: _made, ...settings } = rule;
	return { ...settings, enabled };
}

const saveRule = (rule: Rule, enabled: boolean) =>
	ask(api.PUT("/api/v1/rules/{id}", { params: { path: { id: rule.id } }, body: settingsOf(rule, enabled) }));

/** A rule comes into effect only after it has shown what it would do. */
function Enable({ rule, onClose }: { rule: Rule; onClose: () => void }) {
	const client = useQueryClient();
	const plan = useQuery({
		queryKey: ["configuration", "rules", rule.id, "enable"],
		queryFn: () => ask(api.POST("/api/v1/rules/plan", { body: settingsOf(rule, true), params: { query: { rule: rule.id } } })),
		gcTime: 0,
	});
	const save = useMutation({
		mutationFn: () => saveRule(rule, true),
		onSuccess: (saved) => {
			client.setQueryData(ruleQuery(saved.id).queryKey, saved);
			client.invalidateQueries({ queryKey: ["configuration"] });
			onClose();
		},
	});
	return (
		<Confirm
			opened
			title={`Let ${rule.name} be in effect?`}
			yes="Switch on"
			busy={save.isPending || plan.isPending}
			error={save.error ?? plan.error}
			onYes={() => save.mutate()}
			onClose={onClose}
		>
			{plan.isPending && <Loading />}
			{plan.data && plan.data.destinations.length === 0 && "It would make no tickets now."}
			{plan.data && <DestinationShares plan={plan.data} />}
		</Confirm>
	);
}
