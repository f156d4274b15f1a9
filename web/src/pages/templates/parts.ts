/** The parts of a set of templates, as the form shows them. */
export const PARTS = [
	{ part: "title", label: "Title", rows: 4, about: "One line of text; Azure DevOps takes 255 characters." },
	{ part: "block", label: "Block", rows: 18, about: "HTML for our part of the description. What people write around it stays." },
	{ part: "comment", label: "Comment", rows: 5, about: "HTML for the reason when a card is moved." },
	{ part: "tags", label: "Tags", rows: 2, about: "Further tags, separated by commas. The tag lockstep is always there." },
] as const;

/** What a template can name, for the help beside the editor. */
export const VARIABLES: readonly [string, string][] = [
	[
		"first",
		"the worst finding: url, title, severity, status, kind, asset, asset_tags, asset_owner, impact, scanner, message, place, path, start_line, end_line, snippet, detection, first_seen, regressed, risk, due, assessments (name, state, completed)",
	],
	[
		"first.vulnerability",
		"id, name, aliases, cwes, cvss_score, cvss_vector, epss, epss_percentile, known_exploited, known_exploited_since, ransomware, description, remediation, references, tags",
	],
	["first.component", "name, version, fixed_version, ecosystem, purl, path; nothing if there is none"],
	["findings, count, more", "the first 50, how many there are, how many are not listed"],
	["fixes, assets, severities", "what to upgrade to; names; each with severity and count"],
	["ticket_url, destination, rule", "where it comes from"],
	["changes", "for the comment: title, what, status"],
	["link(address, text), how_to_verify()", "functions"],
	["markdown, code, lines, table, clip(100)", "filters: {{ first.snippet|code }}, {{ findings|table }}"],
];
