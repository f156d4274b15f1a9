import { Button, Text } from "@mantine/core";
import { Link } from "react-router";
import { Panel } from "../components/Panel";
import { useMay } from "../session";

/** What an empty installation says: two ways to the first report, then on to the board. */
export function FirstReport() {
	const importer = useMay("importer");
	return (
		<div className="grid2">
			<Panel title="Import the first report">
				<Text size="sm" mb={10}>
					Lockstep knows no asset yet. Give it a report of a scanner: it recognises the format by itself (SARIF, Trivy, generic
					JSON and CSV).
				</Text>
				<Text size="sm" fw={600}>
					From a terminal or a pipeline
				</Text>
				<pre className="snippet" style={{ margin: "6px 0 14px", whiteSpace: "pre-wrap" }}>
					lockstep import report.sarif --asset my-service
				</pre>
				<Text size="sm" fw={600} mb={6}>
					From here
				</Text>
				{importer ? (
					<Button component={Link} to="/scans?upload">
						Upload a report
					</Button>
				) : (
					<Text size="sm" c="dimmed">
						Your role may only read. Ask an administrator for the role Importer.
					</Text>
				)}
			</Panel>
			<Panel title="Then">
				<ol style={{ margin: 0, paddingLeft: 18, fontSize: "var(--mantine-font-size-sm)", lineHeight: 1.7 }}>
					<li>
						<Link to="/connections">Connect Azure DevOps</Link> and check the connection.
					</li>
					<li>Add a destination: the team and board where work items go.</li>
					<li>
						<Link to="/rules">Save a rule</Link>. It shows what it would create before it does.
					</li>
				</ol>
			</Panel>
		</div>
	);
}
