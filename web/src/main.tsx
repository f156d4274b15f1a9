import "@mantine/core/styles.css";
import "./app.css";
import { MantineProvider } from "@mantine/core";
import { QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { ApiError } from "./api/client";
import { session } from "./api/queries";
import { theme, variables } from "./theme";

const client = new QueryClient({
	defaultOptions: {
		queries: {
			staleTime: 5_000,
			retry: (failures, error) =>
				failures < 2 && !(error instanceof ApiError && error.problem.status >= 400 && error.problem.status < 500),
		},
	},
	queryCache: new QueryCache({
		onError: (error) => {
			// A session that ended elsewhere leads back to the sign-in, which keeps the address.
			if (error instanceof ApiError && error.notSignedIn) client.setQueryData(session.queryKey, null);
		},
	}),
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
