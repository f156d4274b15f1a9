import { Page } from "../components/Page";
import { ExploitDataPanel } from "./priority/ExploitDataPanel";
import { SlaPanel } from "./priority/SlaPanel";

/** What decides how much findings matter: the SLA matrix, and what the world knows about exploitation. */
export function PriorityPage() {
	return (
		<Page title="Priority" about="When findings are due, and what is known about their exploitation">
			<SlaPanel />
			<ExploitDataPanel />
		</Page>
	);
}
