import { Button, Group, Modal, Stack } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQuery } from "@tanstack/react-query";
import { api, ask } from "../../api/client";
import { alarmTargets } from "../../api/queries";
import type { AlarmTarget } from "../../api/types";
import { ConfirmDelete } from "../../components/ConfirmDelete";
import { Empty } from "../../components/Empty";
import { Loading } from "../../components/Loading";
import { ToneMark } from "../../components/Marks";
import { Panel } from "../../components/Panel";
import { Trouble } from "../../components/Trouble";
import { useKeptFocus } from "../../components/useKeptFocus";
import { ALARM_WAY } from "../../words";
import classes from "../Tokens.module.css";
import { NewTarget } from "./NewTarget";

/** Where alarms go besides this page: for administrators, because a target makes the server call an address. */
export function Targets() {
	const { data, isPending, error, refetch } = useQuery(alarmTargets);
	const [creating, create] = useDisclosure(false);
	const targets = data?.items ?? [];
	const list = useKeptFocus<HTMLUListElement>(targets.length);
	const add = <Button onClick={create.open}>Add a target</Button>;
	return (
		<Panel title="Where alarms go" flush actions={targets.length > 0 && add}>
			{isPending && <Loading lines={2} />}
			{error && !data && <Trouble error={error} retry={() => refetch()} />}
			{data && targets.length === 0 && (
				<Empty title="Nowhere but here" action={add}>
					Let a webhook or a mailbox hear of them, too: when one is raised, and when it is over.
				</Empty>
			)}
			<ul className={classes.tokens} ref={list} tabIndex={-1} aria-label="Targets of alarms">
				{targets.map((target) => (
					<TargetRow key={target.id} target={target} />
				))}
			</ul>
			<Modal opened={creating} onClose={create.close} title="New target of alarms">
				<NewTarget onClose={create.close} />
			</Modal>
		</Panel>
	);
}

function address(target: AlarmTarget): string {
	if (target.way === "webhook") return target.url;
	return `${target.to.join(", ")} by ${target.host}${target.port ? `:${target.port}` : ""}`;
}

function TargetRow({ target }: { target: AlarmTarget }) {
	const [deleting, remove] = useDisclosure(false);
	const path = { params: { path: { id: target.id } } };
	const test = useMutation({
		mutationFn: () => ask(api.POST("/api/v1/alarm-targets/{id}/test", path)),
	});
	return (
		<li>
			<Stack gap={2}>
				<div className={classes.name}>{target.name}</div>
				<div className={classes.quiet}>
					{ALARM_WAY[target.way]} · {address(target)}
				</div>
				{target.problem && (
					<>
						<ToneMark tone="bad">The latest message did not arrive</ToneMark>
						<div className={classes.quiet}>{target.problem}</div>
					</>
				)}
				<Trouble error={test.error} />
				<div role="status">{test.isSuccess && <ToneMark tone="good">The test arrived</ToneMark>}</div>
			</Stack>
			<Group gap={4} wrap="nowrap" style={{ flex: "none" }}>
				<Button
					variant="default"
					size="compact-sm"
					loading={test.isPending}
					onClick={() => test.mutate()}
					aria-label={`Send a test to ${target.name}`}
				>
					Send a test
				</Button>
				<Button
					variant="subtle"
					color="red"
					c="var(--ls-bad)"
					size="compact-sm"
					onClick={remove.open}
					aria-label={`Delete ${target.name}`}
				>
					Delete
				</Button>
			</Group>
			<ConfirmDelete
				name={target.name}
				opened={deleting}
				onClose={remove.close}
				remove={() => ask(api.DELETE("/api/v1/alarm-targets/{id}", path))}
				refresh={alarmTargets.queryKey}
			>
				No alarm is sent there any more, nor what still waits to be sent. Alarms stay on this page.
			</ConfirmDelete>
		</li>
	);
}
