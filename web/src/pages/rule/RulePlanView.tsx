import type { RulePlan } from "../../api/types";
import { PlanView } from "../../components/PlanView";
import { count, number } from "../../words";
import classes from "./RulePlanView.module.css";

/** What saving a rule would do: destination by destination, then ticket by ticket. */
export function RulePlanView({ plan }: { plan: RulePlan }) {
	return (
		<>
			<p className={classes.summary}>
				Matches {count(plan.matching, "open finding")}: {number(plan.with_ticket)} with a ticket already
				{plan.taken > 0 && `, ${number(plan.taken)} that another rule decides about`}.
			</p>
			{plan.destinations.length > 0 && <DestinationShares plan={plan} />}
			<PlanView plan={plan} />
			{plan.existing_unknown && (
				<p className={classes.summary}>What becomes of its work items that are there cannot be said: {plan.existing_unknown}</p>
			)}
			{plan.existing.tickets.length > 0 && (
				<section aria-labelledby="existing">
					<h3 id="existing" className={classes.summary}>
						Its work items that are there
					</h3>
					<PlanView plan={plan.existing} />
				</section>
			)}
		</>
	);
}

/** What rules would do, destination by destination. */
export function DestinationShares({ plan }: { plan: Pick<RulePlan, "destinations"> }) {
	return (
		<ul className={classes.shares} aria-label="Destinations">
			{plan.destinations.map((share) => (
				<li key={share.id ?? "none"}>
					<b>{share.name || "Without a destination"}</b>
					<span>{number(share.create)} to create</span>
					<span>{number(share.join)} joined</span>
					<span>
						{number(share.wait)} wait{share.wait > 0 && share.why && `: ${share.why}`}
					</span>
				</li>
			))}
		</ul>
	);
}
