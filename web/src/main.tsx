import "@mantine/core/styles.css";
import "./app.css";
import { MantineProvider } from "@mantine/core";
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { ApiError } from "./api/client";
import { session } from "./api/queries";
import { theme, variables } from "./theme";

/** A session that ended elsewhere leads back to the sign-in, which keeps the address. */
function onError(error: Error) {
	if (error instanceof ApiError && error.notSignedIn) client.setQueryData(session.queryKey, null);
}

const client = new QueryClient({
	defaultOptions: {
		queries: {
			staleTime: 5_000,
			retry: (failures, error) =>
				failures < 2 && !(error instanceof ApiError && error.problem.status >= 400 && error.problem.status < 500),
		},
	},
	queryCache: new QueryCache({ onError }),
	mutationCache: new MutationCache({ onError }),
});

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");

createRoot(root).render(
	<StrictMode>
		<MantineProvider theme={theme} cssVariablesResolver={variables} defaultColorScheme="auto">
			<QueryClientProvider client={client}>
				<App />
			</QueryClientProvider>
		</MantineProvider>
	</StrictMode>,
);
