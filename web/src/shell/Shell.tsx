import { ActionIcon, Drawer } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconMenu2 } from "@tabler/icons-react";
import { useEffect } from "react";
import { Link, Outlet, useLocation } from "react-router";
import { type Live, useLive } from "../api/live";
import { AccountMenu } from "./AccountMenu";
import { Brand } from "./Brand";
import { Navigation } from "./Navigation";
import classes from "./Shell.module.css";

const LIVE: Record<Live, string> = { open: "Live", connecting: "Connecting…", lost: "Not live" };
const LIVE_MEANS: Record<Live, string> = {
	open: "Changes are shown as they happen.",
	connecting: "Changes are read every 15 seconds.",
	lost: "The server does not tell of changes at the moment. They are read every 15 seconds.",
};

/** What stands around every page: skip link, navigation, account. */
export function Shell() {
	const live = useLive();
	const [opened, { open, close }] = useDisclosure(false);
	const { pathname } = useLocation();

	// biome-ignore lint/correctness/useExhaustiveDependencies: the drawer closes when the page changes.
	useEffect(close, [pathname]);

	return (
		<div className={classes.shell}>
			<a className="skip" href="#main">
				Skip to the page
			</a>
			<header className={classes.header}>
				<ActionIcon variant="subtle" color="gray" size="lg" onClick={open} aria-label="Open the menu" className={classes.burger}>
					<IconMenu2 size={20} aria-hidden />
				</ActionIcon>
				<Link to="/" className={classes.brand} aria-label="Lockstep, overview">
					<Brand />
				</Link>
				<AccountMenu />
			</header>
			<nav className={classes.side} aria-label="Main">
				<div className={classes.stays}>
					<Navigation />
					<p className={classes.live} data-live={live} title={LIVE_MEANS[live]}>
						{LIVE[live]}
					</p>
				</div>
			</nav>
			<Drawer opened={opened} onClose={close} size={260} title="Menu" closeButtonProps={{ "aria-label": "Close the menu" }}>
				<nav aria-label="Main">
					<Navigation />
				</nav>
			</Drawer>
			<main id="main" tabIndex={-1} className={classes.main}>
				<Outlet />
			</main>
		</div>
	);
}
