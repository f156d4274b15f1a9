import { useRouteError } from "react-router";
import { Page } from "../components/Page";
import { Trouble } from "../components/Trouble";

/** A page that failed while it was drawn or fetched (after an update of the server, its old file is gone). */
export function RouteTrouble() {
	const error = useRouteError();
	return (
		<Page title="This page failed">
			<Trouble error={error} retry={() => window.location.reload()} />
		</Page>
	);
}
