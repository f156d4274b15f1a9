import { Text } from "@mantine/core";
import type { Finding } from "../api/types";
import { ToneMark } from "../components/Marks";
import { Time } from "../components/Time";
import classes from "./Detections.module.css";

type Detection = Finding["detections"][number];

const isGone = (detection: Detection) =>
	Boolean(detection.last_absent_at && new Date(detection.last_absent_at) > new Date(detection.last_seen_at));

/** What each configuration says on each branch: the facts behind Fixed and not fixed. */
export function Detections({ detections }: { detections: readonly Detection[] }) {
	if (detections.length === 0)
		return (
			<Text size="sm" c="dimmed" p="0 16px 14px">
				No scan saw it: it was written by hand.
			</Text>
		);
	return (
		<ul className={classes.list}>
			{detections.map((detection) => (
				<li key={`${detection.scanner}\0${detection.configuration}\0${detection.branch}`}>
					<div>
						<div className={classes.name}>{detection.scanner}</div>
						<div className={classes.quiet}>
							{detection.configuration || "default configuration"} · {detection.branch ?? "no branch"}
							{!detection.tracked && " · not tracked: it decides nothing"}
						</div>
					</div>
					<div>
						{isGone(detection) ? <ToneMark tone="good">no longer seen</ToneMark> : <ToneMark tone="warn">still seen</ToneMark>}
						<div className={classes.quiet}>
							seen <Time at={detection.last_seen_at} />
							{detection.last_absent_at && (
								<>
									, absent <Time at={detection.last_absent_at} />
								</>
							)}
						</div>
					</div>
				</li>
			))}
		</ul>
	);
}
