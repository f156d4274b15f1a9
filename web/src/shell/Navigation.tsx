import { Badge } from "@mantine/core";
import {
	IconBell,
	IconBug,
	IconChecklist,
	IconClipboardCheck,
	IconDatabaseImport,
	IconEyeOff,
	IconFilterCog,
	IconGauge,
	IconLayoutDashboard,
	IconPlugConnected,
	IconPuzzle,
	IconRadar2,
	IconServer2,
	IconShieldCheck,
	IconTemplate,
	IconTicket,
} from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { NavLink } from "react-router";
import { alarmCounts } from "../api/queries";
import classes from "./Navigation.module.css";

const GROUPS = [
	{
		label: undefined,
		pages: [
			{ to: "/", label: "Overview", Icon: IconLayoutDashboard },
			{ to: "/findings", label: "Findings", Icon: IconBug },
			{ to: "/tickets", label: "Tickets", Icon: IconTicket },
			{ to: "/scans", label: "Scans", Icon: IconRadar2 },
			{ to: "/sources", label: "Sources", Icon: IconDatabaseImport },
			{ to: "/assets", label: "Assets", Icon: IconServer2 },
			{ to: "/assessments", label: "Assessments", Icon: IconClipboardCheck },
			{ to: "/acceptances", label: "Acceptances", Icon: IconShieldCheck },
			{ to: "/suppression", label: "Suppression", Icon: IconEyeOff },
			{ to: "/priority", label: "Priority", Icon: IconGauge },
			{ to: "/alarms", label: "Alarms", Icon: IconBell },
		],
	},
	{
		label: "Azure Boards",
		pages: [
			{ to: "/integrations", label: "Integrations", Icon: IconPuzzle },
			{ to: "/connections", label: "Connections", Icon: IconPlugConnected },
			{ to: "/rules", label: "Rules", Icon: IconFilterCog },
			{ to: "/templates", label: "Templates", Icon: IconTemplate },
			{ to: "/plan", label: "Plan", Icon: IconChecklist },
		],
	},
] as const;

/** How many alarms nobody has acknowledged. */
function Unseen() {
	const unseen = useQuery(alarmCounts).data?.unseen ?? 0;
	if (unseen === 0) return null;
	return (
		<Badge ml="auto" size="sm" color="red" autoContrast circle={unseen < 10} aria-label={`${unseen} not acknowledged`}>
			{unseen}
		</Badge>
	);
}

/** The way to every page. */
export function Navigation() {
	return (
		<div>
			{GROUPS.map((group) => (
				<div key={group.label ?? ""} className={classes.group}>
					{group.label && <div className={classes.label}>{group.label}</div>}
					<ul className={classes.list}>
						{group.pages.map(({ to, label, Icon }) => (
							<li key={to}>
								<NavLink to={to} end={to === "/"} className={classes.link}>
									<Icon size={17} stroke={1.6} aria-hidden />
									{label}
									{to === "/alarms" && <Unseen />}
								</NavLink>
							</li>
						))}
					</ul>
				</div>
			))}
		</div>
	);
}
