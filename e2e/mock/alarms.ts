/** Alarms and where they are sent. */
import { randomUUID } from "node:crypto";
import { NOT_FOUND, ok, page, problem, type Table } from "./answers";
import { now } from "./data";
import type { Alarm, AlarmCounts, AlarmTarget, CreatedAlarmTarget, NewAlarmTarget } from "./types";

const alarms: Alarm[] = [
	{
		id: randomUUID(),
		kind: "ticket_parked",
		what: "Webshop / Payments has 2 parked tickets.",
		next_step: "Read what is wrong and try again.",
		link: "/tickets?health=parked",
		raised_at: now(),
		last_raised_at: now(),
		count: 2,
	},
];

const targets: AlarmTarget[] = [
	{ id: randomUUID(), name: "Chat", way: "webhook", url: "https://chat.contoso.example/hooks/security", created_at: now() },
	{
		id: randomUUID(),
		name: "On call",
		way: "mail",
		host: "smtp.contoso.example",
		port: 587,
		from: "lockstep@contoso.example",
		to: ["oncall@contoso.example", "security@contoso.example"],
		problem: "Connection error: Connection refused (os error 111)",
		created_at: now(),
	},
];

export function alarmRoutes(): Table {
	const one = /^\/alarm-targets\/([^/]+)$/;
	return [
		["GET", /^\/alarms$/, ({ query }) => page(alarms, query)],
		[
			"GET",
			/^\/alarms\/count$/,
			() => {
				const unseen = alarms.filter((alarm) => !alarm.acknowledged_by).length;
				const body: AlarmCounts = { open: alarms.length, unseen, by_kind: [{ kind: "ticket_parked", open: alarms.length }] };
				return ok(body);
			},
		],
		[
			"POST",
			/^\/alarms\/([^/]+)\/acknowledge$/,
			(_call, id) => {
				const alarm = alarms.find((alarm) => alarm.id === id);
				return alarm ? ok(Object.assign(alarm, { acknowledged_by: "admin", acknowledged_at: now() })) : NOT_FOUND;
			},
		],
		["GET", /^\/breakers$/, () => ok({ items: [] })],
		["GET", /^\/alarm-targets$/, ({ query }) => page(targets, query)],
		[
			"POST",
			/^\/alarm-targets$/,
			({ body }) => {
				const { secret, ...asked } = body as NewAlarmTarget;
				if (asked.way === "webhook" && !asked.url.includes(".example"))
					return problem(
						422,
						"alarm_target_invalid",
						`The target is not saved: the server may not send alarms to ${asked.url}.`,
						`Ask who operates the server to start it with --allow-alarm-address ${asked.url}.`,
					);
				const made: AlarmTarget = { ...asked, id: randomUUID(), created_at: now() };
				targets.push(made);
				const created: CreatedAlarmTarget = { ...made, secret: asked.way === "mail" || secret ? null : randomUUID() };
				return { status: 201, body: created };
			},
		],
		[
			"POST",
			/^\/alarm-targets\/([^/]+)\/test$/,
			(_call, id) => {
				const target = targets.find((target) => target.id === id);
				if (!target) return NOT_FOUND;
				if (!target.problem) return { status: 204 };
				return problem(
					409,
					"alarm_target_unreachable",
					`The test did not arrive at ${target.name}: ${target.problem}.`,
					"Check address, port and password.",
				);
			},
		],
		[
			"DELETE",
			one,
			(_call, id) => {
				const index = targets.findIndex((target) => target.id === id);
				if (index < 0) return NOT_FOUND;
				targets.splice(index, 1);
				return { status: 204 };
			},
		],
	];
}
