import { createBrowserRouter } from "react-router";
import { NotFound } from "./pages/NotFound";
import { RouteTrouble } from "./pages/RouteTrouble";
import { Shell } from "./shell/Shell";

/** The pages by address. Each is a file of its own and is fetched when it is first needed. */
export const router = createBrowserRouter([
	{
		element: <Shell />,
		errorElement: <RouteTrouble />,
		hydrateFallbackElement: <div />,
		children: [
			{
				errorElement: <RouteTrouble />,
				children: [
					{ index: true, lazy: async () => ({ Component: (await import("./pages/Overview")).OverviewPage }) },
					{ path: "findings", lazy: async () => ({ Component: (await import("./pages/Findings")).FindingsPage }) },
					{ path: "findings/new", lazy: async () => ({ Component: (await import("./pages/NewFinding")).NewFindingPage }) },
					{ path: "findings/:id", lazy: async () => ({ Component: (await import("./pages/Finding")).FindingPage }) },
					{ path: "tickets", lazy: async () => ({ Component: (await import("./pages/Tickets")).TicketsPage }) },
					{ path: "tickets/:id", lazy: async () => ({ Component: (await import("./pages/Ticket")).TicketPage }) },
					{ path: "scans", lazy: async () => ({ Component: (await import("./pages/Scans")).ScansPage }) },
					{ path: "scans/:id", lazy: async () => ({ Component: (await import("./pages/Scan")).ScanPage }) },
					{ path: "assets", lazy: async () => ({ Component: (await import("./pages/Assets")).AssetsPage }) },
					{ path: "assets/:id", lazy: async () => ({ Component: (await import("./pages/Asset")).AssetPage }) },
					{ path: "assessments", lazy: async () => ({ Component: (await import("./pages/Assessments")).AssessmentsPage }) },
					{ path: "acceptances", lazy: async () => ({ Component: (await import("./pages/Acceptances")).AcceptancesPage }) },
					{ path: "suppression", lazy: async () => ({ Component: (await import("./pages/Suppressions")).SuppressionsPage }) },
					{
						path: "suppression/new",
						lazy: async () => ({ Component: (await import("./pages/Suppression")).NewSuppressionPage }),
					},
					{ path: "suppression/:id", lazy: async () => ({ Component: (await import("./pages/Suppression")).SuppressionPage }) },
					{ path: "sources", lazy: async () => ({ Component: (await import("./pages/Sources")).SourcesPage }) },
					{ path: "sources/new", lazy: async () => ({ Component: (await import("./pages/Source")).NewSourcePage }) },
					{ path: "sources/:id", lazy: async () => ({ Component: (await import("./pages/Source")).SourcePage }) },
					{ path: "priority", lazy: async () => ({ Component: (await import("./pages/Priority")).PriorityPage }) },
					{ path: "integrations", lazy: async () => ({ Component: (await import("./pages/Integrations")).IntegrationsPage }) },
					{ path: "connections", lazy: async () => ({ Component: (await import("./pages/Connections")).ConnectionsPage }) },
					{
						path: "connections/new",
						lazy: async () => ({ Component: (await import("./pages/NewConnection")).NewConnectionPage }),
					},
					{
						path: "connections/callback",
						lazy: async () => ({ Component: (await import("./pages/SignInCallback")).SignInCallbackPage }),
					},
					{ path: "connections/:id", lazy: async () => ({ Component: (await import("./pages/Connection")).ConnectionPage }) },
					{ path: "connections/:id/setup", lazy: async () => ({ Component: (await import("./pages/Setup")).SetupPage }) },
					{
						path: "connections/:connection/destinations/new",
						lazy: async () => ({ Component: (await import("./pages/Destination")).NewDestinationPage }),
					},
					{ path: "destinations/:id", lazy: async () => ({ Component: (await import("./pages/Destination")).DestinationPage }) },
					{ path: "rules", lazy: async () => ({ Component: (await import("./pages/Rules")).RulesPage }) },
					{ path: "rules/new", lazy: async () => ({ Component: (await import("./pages/Rule")).NewRulePage }) },
					{ path: "rules/:id", lazy: async () => ({ Component: (await import("./pages/Rule")).RulePage }) },
					{ path: "templates", lazy: async () => ({ Component: (await import("./pages/Templates")).TemplatesPage }) },
					{ path: "templates/new", lazy: async () => ({ Component: (await import("./pages/TemplateSet")).NewTemplateSetPage }) },
					{ path: "templates/:id", lazy: async () => ({ Component: (await import("./pages/TemplateSet")).TemplateSetPage }) },
					{ path: "plan", lazy: async () => ({ Component: (await import("./pages/Plan")).PlanPage }) },
					{ path: "alarms", lazy: async () => ({ Component: (await import("./pages/Alarms")).AlarmsPage }) },
					{ path: "password", lazy: async () => ({ Component: (await import("./pages/Password")).PasswordPage }) },
					{ path: "tokens", lazy: async () => ({ Component: (await import("./pages/Tokens")).TokensPage }) },
					{ path: "*", element: <NotFound /> },
				],
			},
		],
	},
]);
