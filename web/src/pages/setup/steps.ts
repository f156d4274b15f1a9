import type { Connection, Destination, Rule } from "../../api/types";

/** The steps of the set-up, in order. */
export const STEPS = [
	{ name: "connect", label: "Sign in and verify" },
	{ name: "severities", label: "Severity map" },
	{ name: "destination", label: "Destinations" },
	{ name: "statuses", label: "Status map" },
	{ name: "webhook", label: "Webhook" },
	{ name: "rule", label: "Rule" },
] as const;

export type Step = (typeof STEPS)[number]["name"];

/**
 * Which steps are done, read from what there is: nothing is remembered beside it. A destination is saved with a sound
 * status map; service hooks only make things faster, so a rule ends the set-up without them.
 */
export function stepsDone(connection: Connection, own: readonly Destination[], rules: readonly Rule[]): Set<Step> {
	const done = new Set<Step>(["connect"]);
	const placed = own.length > 0;
	if (connection.severity_map || placed) done.add("severities");
	if (placed) done.add("destination").add("statuses");
	if (placed && rules.length > 0) done.add("rule");
	if (connection.hooks === "subscribed" || done.has("rule")) done.add("webhook");
	return done;
}
