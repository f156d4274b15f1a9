/**
 * Keeps open pages true: the server says what sort of thing changed, and what shows such things is read again.
 * Without the stream (a proxy that buffers, a server that restarts) everything on the page is read every 15 seconds.
 */
import { hashKey, type QueryClient, type QueryKey, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import type { LiveEvent, LiveEventKind } from "./types";

/** First words of the query keys that show things of a kind. */
const SHOWN_IN: Record<LiveEventKind, readonly string[]> = {
	finding: ["finding", "overview", "asset"],
	ticket: ["ticket", "finding", "overview"],
	scan: ["scan", "overview", "asset"],
	job: ["job"],
	connection: ["connection", "overview"],
	configuration: ["configuration", "overview"],
	alarm: ["alarm", "overview"],
};

/** An import changes thousands of findings; the page reads again at most this often, in milliseconds. */
const AT_MOST_EVERY = 700;
const POLL_EVERY = 15_000;
const EVERYTHING = [...new Set(Object.values(SHOWN_IN).flat())];

/** What is being deleted, or is gone: it is not read again, or it would be missed for a moment. */
const going = new Set<QueryKey>();

/** What these keys stand for is being deleted. The answer takes that back. */
export function goes(key: QueryKey): () => void {
	going.add(key);
	return () => going.delete(key);
}

/** It is being deleted, or is gone. */
export const isGoing = (key: QueryKey) =>
	[...going].some((gone) => gone.every((part, at) => hashKey([part]) === hashKey([key[at]])));

function readAgain(client: QueryClient, words: Iterable<string>) {
	for (const word of words) client.invalidateQueries({ queryKey: [word], predicate: ({ queryKey }) => !isGoing(queryKey) });
}

/** Whether changes are told as they happen. */
export type Live = "connecting" | "open" | "lost";

export function useLive(): Live {
	const client = useQueryClient();
	const [live, setLive] = useState<Live>("connecting");

	useEffect(() => {
		let source: EventSource | undefined;
		let waiting: number | undefined;
		let again: number | undefined;
		let wasOpen = false;
		const stale = new Set<string>();

		const flush = () => {
			waiting = undefined;
			if (stale.size === 0) return;
			readAgain(client, stale);
			stale.clear();
			waiting = window.setTimeout(flush, AT_MOST_EVERY);
		};

		const connect = () => {
			source = new EventSource("/api/v1/events");
			source.onopen = () => {
				setLive("open");
				// What changed while nobody listened is not told again.
				if (wasOpen) readAgain(client, EVERYTHING);
				wasOpen = true;
			};
			source.addEventListener("change", (message: MessageEvent<string>) => {
				const event = JSON.parse(message.data) as LiveEvent;
				for (const word of SHOWN_IN[event.kind] ?? []) stale.add(word);
				// A short pause lets the events of one commit arrive together.
				waiting ??= window.setTimeout(flush, 60);
			});
			source.onerror = () => {
				setLive("lost");
				// The browser gives up for good on an error answer; we do not.
				if (source?.readyState === EventSource.CLOSED) again = window.setTimeout(connect, POLL_EVERY);
			};
		};
		connect();

		return () => {
			source?.close();
			window.clearTimeout(waiting);
			window.clearTimeout(again);
		};
	}, [client]);

	useEffect(() => {
		if (live === "open") return;
		const clock = window.setInterval(() => readAgain(client, EVERYTHING), POLL_EVERY);
		return () => window.clearInterval(clock);
	}, [client, live]);

	return live;
}
