import { Anchor, Button, Group, Modal, NativeSelect, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Link, useSearchParams } from "react-router";
import { api, ask } from "../api/client";
import { acceptances } from "../api/queries";
import type { Acceptance, AcceptanceState } from "../api/types";
import { DialogButtons } from "../components/DialogButtons";
import { Empty } from "../components/Empty";
import { More } from "../components/List";
import { Loading } from "../components/Loading";
import { ToneMark } from "../components/Marks";
import { Page } from "../components/Page";
import { Time } from "../components/Time";
import { Trouble } from "../components/Trouble";
import { useMay } from "../session";
import { ACCEPTANCE_STATE, count, day, endOfDay } from "../words";
import { PolicyPanel } from "./acceptance/PolicyPanel";
import classes from "./Tokens.module.css";

const TONE = { in_force: "good", ended: "warn", revoked: "quiet" } as const satisfies Record<AcceptanceState, string>;

/** Risks that somebody accepted: why, by whom, until when, for how many findings. */
export function AcceptancesPage() {
	const [params, setParams] = useSearchParams();
	const state = params.get("state") ?? "";
	const query = useInfiniteQuery(acceptances(state || undefined));
	const manager = useMay("security_manager");
	const list = query.data?.pages.flatMap((page) => page.items);
	return (
		<Page title="Acceptances" about="Risks that somebody accepted, for one finding or many">
			<search>
				<NativeSelect
					label="State"
					maw={240}
					value={state}
					onChange={(event) =>
						setParams(event.currentTarget.value ? { state: event.currentTarget.value } : {}, { replace: true })
					}
					data={[{ value: "", label: "All" }, ...Object.entries(ACCEPTANCE_STATE).map(([value, label]) => ({ value, label }))]}
				/>
			</search>
			{query.isPending && <Loading lines={5} />}
			{query.error && !list && <Trouble error={query.error} retry={() => query.refetch()} />}
			{list?.length === 0 && (
				<div className="panel">
					<Empty title={state ? "No acceptance matches" : "No risk is accepted"}>
						{state
							? "Choose another state."
							: "A risk is accepted on the page of a finding, for many that are chosen in the list of findings, or by a comment on a work item."}
					</Empty>
				</div>
			)}
			{list && list.length > 0 && (
				<div className="panel flush">
					<ul className={classes.tokens} aria-label="Acceptances">
						{list.map((acceptance) => (
							<AcceptanceRow key={acceptance.id} acceptance={acceptance} manager={manager} />
						))}
					</ul>
					<More query={query} />
				</div>
			)}
			<PolicyPanel />
		</Page>
	);
}

/** How long it holds. */
function left(acceptance: Acceptance): string {
	if (!acceptance.until) return "no end";
	const until = `until ${day(acceptance.until)}`;
	const days = acceptance.days_left;
	if (typeof days !== "number" || days < 0) return until;
	return `${until} (${days === 0 ? "less than a day" : count(days, "day")} left)`;
}

function AcceptanceRow({ acceptance, manager }: { acceptance: Acceptance; manager: boolean }) {
	const [extending, extend] = useDisclosure(false);
	const [revoking, revoke] = useDisclosure(false);
	const live = acceptance.state === "in_force" || (acceptance.state === "ended" && acceptance.findings > 0);
	return (
		<li>
			<Stack gap={4} style={{ minWidth: 0 }}>
				<Group gap={10}>
					<span className={classes.name}>
						<Link to={`/findings?status=all&acceptance=${acceptance.id}`}>{acceptance.reason}</Link>
					</span>
					<ToneMark tone={TONE[acceptance.state]}>{ACCEPTANCE_STATE[acceptance.state]}</ToneMark>
				</Group>
				{acceptance.evidence && (
					<Text size="sm" className="prewrap">
						{acceptance.evidence}
					</Text>
				)}
				{acceptance.link && (
					<Anchor size="sm" href={acceptance.link} target="_blank" rel="noreferrer noopener" style={{ overflowWrap: "anywhere" }}>
						{acceptance.link}
					</Anchor>
				)}
				<div className={classes.quiet}>
					{[
						count(acceptance.findings, "finding"),
						acceptance.covered > acceptance.findings && `${acceptance.covered} covered`,
						left(acceptance),
						acceptance.at_end === "keep" && acceptance.until && "then kept, with an alarm",
					]
						.filter(Boolean)
						.join(" · ")}
				</div>
				<div className={classes.quiet}>
					granted by {acceptance.approver} <Time at={acceptance.granted_at} />
					{acceptance.requested_by && `, asked for by ${acceptance.requested_by}`}
					{acceptance.extended_at && (
						<>
							{" · end changed by "}
							{acceptance.extended_by} <Time at={acceptance.extended_at} />
						</>
					)}
					{acceptance.revoked_at && (
						<>
							{" · revoked by "}
							{acceptance.revoked_by} <Time at={acceptance.revoked_at} />: {acceptance.revoked_reason}
						</>
					)}
				</div>
			</Stack>
			{manager && live && (
				<Group gap={4} wrap="nowrap" style={{ flex: "none" }}>
					<Button variant="default" size="compact-sm" onClick={extend.open} aria-label={`Extend: ${acceptance.reason}`}>
						Extend…
					</Button>
					<Button
						variant="subtle"
						color="red"
						c="var(--ls-bad)"
						size="compact-sm"
						onClick={revoke.open}
						aria-label={`Revoke: ${acceptance.reason}`}
					>
						Revoke…
					</Button>
				</Group>
			)}
			<Modal opened={extending} onClose={extend.close} title="Extend the acceptance">
				<ChangeForm acceptance={acceptance} what="extend" onClose={extend.close} />
			</Modal>
			<Modal opened={revoking} onClose={revoke.close} title="Revoke the acceptance?">
				<ChangeForm acceptance={acceptance} what="revoke" onClose={revoke.close} />
			</Modal>
		</li>
	);
}

type Change = { acceptance: Acceptance; what: "extend" | "revoke"; onClose: () => void };

function ChangeForm({ acceptance, what, onClose }: Change) {
	const client = useQueryClient();
	const [until, setUntil] = useState("");
	const [reason, setReason] = useState("");
	const params = { path: { id: acceptance.id } };
	const save = useMutation({
		mutationFn: () =>
			what === "revoke"
				? ask(api.POST("/api/v1/acceptances/{id}/revoke", { params, body: { reason } }))
				: ask(
						api.POST("/api/v1/acceptances/{id}/extend", {
							params,
							body: { reason, until: endOfDay(until) },
						}),
					),
		onSuccess: () => {
			for (const word of ["configuration", "finding", "ticket"]) client.invalidateQueries({ queryKey: [word] });
			onClose();
		},
	});
	const submit = (event: FormEvent) => {
		event.preventDefault();
		save.mutate();
	};
	return (
		<form onSubmit={submit}>
			<Stack gap={12}>
				<Text size="sm">
					{what === "revoke"
						? `${count(acceptance.findings, "finding")} will be open again, and their work items with them.`
						: `It counts for ${count(acceptance.findings, "finding")}, and is said on their work items.`}
				</Text>
				{what === "extend" && (
					<TextInput
						type="date"
						label="Until"
						description="Without a date it has no end, if the policy allows that."
						min={new Date().toISOString().slice(0, 10)}
						value={until}
						onChange={(event) => setUntil(event.currentTarget.value)}
					/>
				)}
				<Textarea
					label="Reason"
					required
					autosize
					minRows={2}
					maxLength={2000}
					value={reason}
					onChange={(event) => setReason(event.currentTarget.value)}
				/>
				<Trouble error={save.error} />
				<DialogButtons onCancel={onClose}>
					<Button
						type="submit"
						disabled={reason.trim() === ""}
						loading={save.isPending}
						color={what === "revoke" ? "red" : undefined}
					>
						{what === "revoke" ? "Revoke" : "Extend"}
					</Button>
				</DialogButtons>
			</Stack>
		</form>
	);
}
