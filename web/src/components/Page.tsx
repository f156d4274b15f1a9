import { Group, Text, Title } from "@mantine/core";
import { type ReactNode, useEffect, useRef } from "react";
import { Link, useLocation } from "react-router";
import classes from "./Page.module.css";

type Props = {
	/** Heading; also the title of the window. */
	title: string;
	/** Where this page hangs: label and address, from the top. */
	above?: readonly { label: string; to: string }[];
	/** One quiet line below the heading. */
	about?: ReactNode;
	actions?: ReactNode;
	children: ReactNode;
};

// The first page is read from the top by itself; focus is moved only when a person goes on from there.
let visited: string | undefined;

/** Frame of a page: window title, heading that takes the focus after a change of page, actions. */
export function Page({ title, above, about, actions, children }: Props) {
	const heading = useRef<HTMLHeadingElement>(null);
	const { pathname } = useLocation();

	useEffect(() => {
		document.title = `${title} · Lockstep`;
	}, [title]);

	useEffect(() => {
		if (visited !== undefined && visited !== pathname) {
			heading.current?.focus({ preventScroll: true });
			window.scrollTo(0, 0);
		}
		visited = pathname;
	}, [pathname]);

	return (
		<div className={classes.page}>
			<div className={classes.head}>
				<div className={classes.titles}>
					{above && (
						<nav aria-label="Breadcrumb">
							<ol className={classes.above}>
								{above.map((step) => (
									<li key={step.to}>
										<Link to={step.to}>{step.label}</Link>
									</li>
								))}
							</ol>
						</nav>
					)}
					<Title order={1} tabIndex={-1} ref={heading} className={classes.title}>
						{title}
					</Title>
					{about && (
						<Text component="div" c="dimmed" size="sm">
							{about}
						</Text>
					)}
				</div>
				{actions && <Group gap={8}>{actions}</Group>}
			</div>
			{children}
		</div>
	);
}
