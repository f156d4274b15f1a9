import { Tooltip } from "@mantine/core";
import { createContext, type ReactNode, useContext, useEffect, useState } from "react";
import { ago, moment } from "../words";

const Now = createContext(Date.now());

/** One clock for all times on the page; it ticks each half minute. */
export function Clock({ children }: { children: ReactNode }) {
	const [now, setNow] = useState(Date.now);
	useEffect(() => {
		const tick = window.setInterval(() => setNow(Date.now()), 30_000);
		return () => window.clearInterval(tick);
	}, []);
	return <Now.Provider value={now}>{children}</Now.Provider>;
}

/** A time as its distance from now; the exact moment on hover and for screen readers. */
export function Time({ at }: { at: string }) {
	const now = useContext(Now);
	const exact = moment(at);
	return (
		<Tooltip label={exact}>
			<time dateTime={at} style={{ whiteSpace: "nowrap" }}>
				{ago(at, now)}
			</time>
		</Tooltip>
	);
}
