import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { templates } from "../api/queries";
import type { Templates } from "../api/types";
import { Empty } from "../components/Empty";
import { List } from "../components/List";
import { Loading } from "../components/Loading";
import { Page } from "../components/Page";
import { Panel } from "../components/Panel";
import { Trouble } from "../components/Trouble";
import { useMay } from "../session";
import { number } from "../words";
import { PARTS } from "./templates/parts";

/** Which parts are a set's own. */
function own(templates: Templates): string {
	const named = PARTS.filter(({ part }) => (templates.set[part] ?? "").trim() !== "").map(({ label }) => label.toLowerCase());
	return named.length > 0 ? `own ${named.join(", ")}` : "standard texts";
}

const users = (templates: Templates) => templates.destinations.map(({ name }) => name).join(", ") || "not used";

/** What work items say. */
export function TemplatesPage() {
	const writer = useMay("security_manager");
	const { data, isPending, error, refetch } = useQuery(templates);
	const rows = data?.items ?? [];
	const add = writer && (
		<Button component={Link} to="/templates/new">
			New templates
		</Button>
	);
	return (
		<Page title="Templates" about="What work items say" actions={rows.length > 0 && add}>
			{error && !data && <Trouble error={error} retry={() => refetch()} />}
			{(isPending || data) && (
				<Panel flush>
					{isPending && <Loading />}
					{data && rows.length === 0 && (
						<Empty title="Work items are written by the standard templates" action={add}>
							Own templates change title, description, comments and tags, and leave out what must not reach a board. A destination
							names the set it uses.
						</Empty>
					)}
					{rows.length > 0 && (
						<List
							rows={rows}
							label="Templates"
							titleHeader="Templates"
							id={(row) => row.id}
							to={(row) => `/templates/${row.id}`}
							title={(row) => row.set.name}
							about={own}
							columns={[
								{ header: "Destinations", width: "40%", cell: users },
								{ header: "Work items", width: "116px", align: "right", cell: (row) => number(row.work_items) },
							]}
							card={(row) => <span>{users(row)}</span>}
						/>
					)}
				</Panel>
			)}
		</Page>
	);
}
