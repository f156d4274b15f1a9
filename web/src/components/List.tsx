import { Button, Group, Kbd, Text } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import type { InfiniteData, UseInfiniteQueryResult } from "@tanstack/react-query";
import { type MouseEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { Link, useNavigate } from "react-router";
import type { Page } from "../api/types";
import { useShortcuts } from "../shortcuts";
import classes from "./List.module.css";
import { Loading } from "./Loading";
import { Trouble } from "./Trouble";

export type Column<T> = {
	header: string;
	cell: (row: T) => ReactNode;
	/** CSS width; columns without one share what is left. */
	width?: string;
	align?: "right";
};

type Shape<T> = {
	/** What the list holds, for screen readers. */
	label: string;
	id: (row: T) => string;
	/** The page of a row. */
	to: (row: T) => string;
	/** What names the row; the text of its link. */
	title: (row: T) => ReactNode;
	/** A second line below the title. */
	about?: (row: T) => ReactNode;
	titleHeader: string;
	columns: readonly Column<T>[];
	/** What a narrow screen shows below the title. */
	card: (row: T) => ReactNode;
	/** Rows may be chosen, to do something with all of them. */
	choice?: Choice;
};

/** Which rows are chosen, by id. */
export type Choice = { chosen: ReadonlySet<string>; change: (ids: readonly string[], chosen: boolean) => void };

/** Chosen rows of a page, and how they are changed. */
export function useChoice(): Choice & { clear: () => void } {
	const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
	const change = (ids: readonly string[], on: boolean) =>
		setChosen((old) => {
			const next = new Set(old);
			for (const id of ids) on ? next.add(id) : next.delete(id);
			return next;
		});
	return { chosen, change, clear: () => setChosen(new Set()) };
}

/** Rows as a dense table, or as cards where there is no room. `j` and `k` move, Enter opens. */
export function List<T>({ rows, ...shape }: Shape<T> & { rows: readonly T[] }) {
	const narrow = useMediaQuery("(max-width: 48em)", window.innerWidth <= 768, { getInitialValueInEffect: false });
	const root = useRef<HTMLDivElement>(null);

	const move = (by: 1 | -1) => {
		const links = [...(root.current?.querySelectorAll<HTMLElement>("[data-row]") ?? [])];
		const here = links.indexOf(document.activeElement as HTMLElement);
		const next = here < 0 ? (by > 0 ? 0 : links.length - 1) : Math.min(links.length - 1, Math.max(0, here + by));
		links[next]?.focus();
		links[next]?.scrollIntoView({ block: "nearest" });
	};
	const { choice, id } = shape;
	const choose = () => {
		const links = [...(root.current?.querySelectorAll<HTMLElement>("[data-row]") ?? [])];
		const row = rows[links.indexOf(document.activeElement as HTMLElement)];
		if (choice && row) choice.change([id(row)], !choice.chosen.has(id(row)));
	};
	useShortcuts({ j: () => move(1), k: () => move(-1), ...(choice ? { x: choose } : {}) });

	return <div ref={root}>{narrow ? <Cards rows={rows} {...shape} /> : <Rows rows={rows} {...shape} />}</div>;
}

function Rows<T>({ rows, label, id, to, title, about, titleHeader, columns, choice }: Shape<T> & { rows: readonly T[] }) {
	const navigate = useNavigate();
	const open = (event: MouseEvent<HTMLElement>, row: T) => {
		const target = event.target as HTMLElement;
		// Links and buttons inside a row keep their own meaning, and marking text is no click.
		if (target.closest("a, button, input, label") || window.getSelection()?.toString()) return;
		navigate(to(row));
	};
	return (
		<table className={classes.table} aria-label={label}>
			<thead>
				<tr>
					{choice && (
						<th scope="col" className={classes.choose}>
							<Choose
								label={`Choose all ${label.toLowerCase()} shown`}
								checked={rows.length > 0 && rows.every((row) => choice.chosen.has(id(row)))}
								onChange={(on) => choice.change(rows.map(id), on)}
							/>
						</th>
					)}
					<th scope="col">{titleHeader}</th>
					{columns.map((column) => (
						<th key={column.header} scope="col" style={{ width: column.width, textAlign: column.align }}>
							{column.header}
						</th>
					))}
				</tr>
			</thead>
			<tbody>
				{rows.map((row) => (
					<tr key={id(row)} onClick={(event) => open(event, row)} data-chosen={choice?.chosen.has(id(row)) || undefined}>
						{choice && (
							<td className={classes.choose}>
								<ChooseRow choice={choice} id={id(row)} title={title(row)} />
							</td>
						)}
						<td className={classes.name}>
							<Link to={to(row)} data-row className={classes.title}>
								{title(row)}
							</Link>
							{about && <div className={classes.about}>{about(row)}</div>}
						</td>
						{columns.map((column) => (
							<td key={column.header} style={{ textAlign: column.align }} className={column.align ? "nums" : undefined}>
								{column.cell(row)}
							</td>
						))}
					</tr>
				))}
			</tbody>
		</table>
	);
}

function Cards<T>({ rows, label, id, to, title, about, card, choice }: Shape<T> & { rows: readonly T[] }) {
	return (
		<ul className={classes.cards} aria-label={label}>
			{rows.map((row) => (
				<li key={id(row)} data-chosen={choice?.chosen.has(id(row)) || undefined}>
					{choice && (
						<span className={classes.chooseCard}>
							<ChooseRow choice={choice} id={id(row)} title={title(row)} />
						</span>
					)}
					<Link to={to(row)} data-row className={`${classes.title} ${classes.cover}`}>
						{title(row)}
					</Link>
					{about && <div className={classes.about}>{about(row)}</div>}
					<div className={classes.meta}>{card(row)}</div>
				</li>
			))}
		</ul>
	);
}

function ChooseRow({ choice, id, title }: { choice: Choice; id: string; title: ReactNode }) {
	return (
		<Choose
			label={typeof title === "string" ? `Choose ${title}` : "Choose this one"}
			checked={choice.chosen.has(id)}
			onChange={(on) => choice.change([id], on)}
		/>
	);
}

function Choose({ label, checked, onChange }: { label: string; checked: boolean; onChange: (checked: boolean) => void }) {
	return (
		<input
			type="checkbox"
			aria-label={label}
			className={classes.box}
			checked={checked}
			onChange={(event) => onChange(event.currentTarget.checked)}
		/>
	);
}

type PagedProps<T> = Shape<T> & { query: UseInfiniteQueryResult<InfiniteData<Page<T>>>; empty: ReactNode };

/** A list that is read page by page as the reader comes to its end. */
export function PagedList<T>({ query, empty, ...shape }: PagedProps<T>) {
	const rows = query.data?.pages.flatMap((page) => page.items) ?? [];
	if (query.isPending) return <Loading lines={10} />;
	if (query.isError && rows.length === 0) return <Trouble error={query.error} retry={() => query.refetch()} />;
	if (rows.length === 0) return empty;
	return (
		<>
			<List rows={rows} {...shape} />
			<More query={query} shown={rows.length} />
		</>
	);
}

/** Reads the next page when it comes into view; the button is for whoever gets there first. */
export function More<T>({ query, shown }: { query: UseInfiniteQueryResult<InfiniteData<Page<T>>>; shown?: number }) {
	const end = useRef<HTMLDivElement>(null);
	const { hasNextPage, isFetchingNextPage, fetchNextPage } = query;
	useEffect(() => {
		const element = end.current;
		if (!element || !hasNextPage) return;
		const watch = new IntersectionObserver(
			(entries) => {
				if (entries.some((entry) => entry.isIntersecting) && !isFetchingNextPage) fetchNextPage();
			},
			{ rootMargin: "600px" },
		);
		watch.observe(element);
		return () => watch.disconnect();
	}, [hasNextPage, isFetchingNextPage, fetchNextPage]);

	return (
		<div ref={end} className={classes.end}>
			{query.isFetchNextPageError && <Trouble error={query.error} retry={() => fetchNextPage()} />}
			{hasNextPage && !query.isFetchNextPageError && (
				<Button variant="default" onClick={() => fetchNextPage()} loading={isFetchingNextPage}>
					Show more
				</Button>
			)}
			{shown !== undefined && (
				<Group gap={10} className={classes.hint}>
					<Text size="xs" c="dimmed" role="status">
						{shown} shown{hasNextPage ? "" : ", that is all"}
					</Text>
					<Text size="xs" c="dimmed" visibleFrom="sm">
						<Kbd size="xs">j</Kbd> <Kbd size="xs">k</Kbd> move · <Kbd size="xs">Enter</Kbd> open · <Kbd size="xs">/</Kbd> search
					</Text>
				</Group>
			)}
		</div>
	);
}
