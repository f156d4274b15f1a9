import { Link } from "react-router";
import { Empty } from "../components/Empty";
import { Page } from "../components/Page";

export function NotFound() {
	return (
		<Page title="Nothing here">
			<Empty title="There is no page at this address">
				It may have been typed by hand, or what it showed was deleted. <Link to="/">Go to the overview</Link>.
			</Empty>
		</Page>
	);
}
