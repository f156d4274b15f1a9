import { Loading } from "./Loading";
import { Panel } from "./Panel";
import { Trouble } from "./Trouble";

type Props = { of: { isPending: boolean; error: unknown; refetch: () => unknown }; lines?: number };

/** In place of what a page is about, until it is read: that it is being read, or why it could not be. */
export function Reading({ of, lines }: Props) {
	if (of.isPending)
		return (
			<Panel>
				<Loading lines={lines} />
			</Panel>
		);
	return <Trouble error={of.error} retry={() => of.refetch()} />;
}
