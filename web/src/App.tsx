import { Center, Loader } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { RouterProvider } from "react-router";
import { session } from "./api/queries";
import { Clock } from "./components/Time";
import { Trouble } from "./components/Trouble";
import { SignIn } from "./pages/SignIn";
import { router } from "./routes";
import { SessionProvider } from "./session";

/** Sign-in stands before every page and keeps the address that was asked for. */
export function App() {
	const { data: me, isPending, error, refetch } = useQuery(session);
	if (isPending)
		return (
			<Center h="100vh">
				<Loader size="sm" aria-label="Loading" />
			</Center>
		);
	if (error && me === undefined)
		return (
			<Center component="main" h="100vh" p={20}>
				<Trouble error={error} retry={() => refetch()} />
			</Center>
		);
	if (!me) return <SignIn />;
	return (
		<SessionProvider value={me}>
			<Clock>
				<RouterProvider router={router} />
			</Clock>
		</SessionProvider>
	);
}
