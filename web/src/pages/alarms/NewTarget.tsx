import { Button, Checkbox, Group, NumberInput, PasswordInput, Radio, Stack, TagsInput, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, ask } from "../../api/client";
import { alarmTargets } from "../../api/queries";
import type { AlarmWay, CreatedAlarmTarget } from "../../api/types";
import { CopyField } from "../../components/CopyField";
import { DialogButtons } from "../../components/DialogButtons";
import { Notice } from "../../components/Notice";
import { Trouble } from "../../components/Trouble";
import { ALARM_WAY } from "../../words";

/** Ports for handing in mail: with STARTTLS, and with TLS from the first byte (RFC 8314). */
const SUBMISSION = 587;
const SUBMISSIONS = 465;

const EMPTY: { [W in AlarmWay["way"]]: Extract<AlarmWay, { way: W }> } = {
	webhook: { way: "webhook", url: "" },
	mail: { way: "mail", host: "", port: SUBMISSION, implicit_tls: false, user: "", from: "", to: [] },
};

const filled = (...texts: string[]) => texts.every((text) => text.trim() !== "");

function isComplete(way: AlarmWay, secret: string): boolean {
	if (way.way === "webhook") return filled(way.url);
	return filled(way.host, way.from) && way.to.length > 0 && filled(way.user ?? "") === filled(secret);
}

/** A webhook or a mailbox that hears of alarms from now on. Secrets are sent once; a key that the server made is shown once. */
export function NewTarget({ onClose }: { onClose: () => void }) {
	const client = useQueryClient();
	const [name, setName] = useState("");
	const [way, setWay] = useState<AlarmWay>(EMPTY.webhook);
	const [secret, setSecret] = useState("");
	const [created, setCreated] = useState<CreatedAlarmTarget>();
	const save = useMutation({
		mutationFn: () =>
			ask(api.POST("/api/v1/alarm-targets", { body: { ...way, name: name.trim(), secret: secret || undefined } })),
		onSuccess: (target) => {
			client.invalidateQueries({ queryKey: alarmTargets.queryKey });
			if (target.secret) setCreated(target);
			else onClose();
		},
	});
	if (created)
		return (
			<Stack gap={12}>
				<Notice tone="warn" title="Copy the key now">
					It is shown this once. Who receives the webhook checks its signature with it.
				</Notice>
				<CopyField label={`Key of ${created.name}`} value={created.secret ?? ""} />
				<Group justify="flex-end">
					<Button onClick={onClose}>Done</Button>
				</Group>
			</Stack>
		);
	const choose = (chosen: string) => {
		setWay(chosen === "mail" ? EMPTY.mail : EMPTY.webhook);
		// The password of a mail server must not become the key of a webhook.
		setSecret("");
		save.reset();
	};
	const submit = (event: FormEvent) => {
		event.preventDefault();
		save.mutate();
	};
	return (
		<form onSubmit={submit}>
			<Stack gap={12}>
				<TextInput
					label="Name"
					required
					data-autofocus
					maxLength={200}
					placeholder="Security channel"
					value={name}
					onChange={(event) => setName(event.currentTarget.value)}
				/>
				<Radio.Group
					label="Sent by"
					description="The operator of the server has to allow the address first."
					value={way.way}
					onChange={choose}
				>
					<Group gap={16} mt={6}>
						<Radio value="webhook" label={ALARM_WAY.webhook} />
						<Radio value="mail" label={ALARM_WAY.mail} />
					</Group>
				</Radio.Group>
				<Fields way={way} setWay={setWay} secret={secret} setSecret={setSecret} />
				<Trouble error={save.error} />
				<DialogButtons onCancel={onClose}>
					<Button type="submit" disabled={!filled(name) || !isComplete(way, secret)} loading={save.isPending}>
						Add
					</Button>
				</DialogButtons>
			</Stack>
		</form>
	);
}

type FieldsProps = {
	way: AlarmWay;
	setWay: (way: AlarmWay) => void;
	secret: string;
	setSecret: (secret: string) => void;
};

function Fields({ way, setWay, secret, setSecret }: FieldsProps) {
	if (way.way === "webhook")
		return (
			<>
				<TextInput
					type="url"
					label="Address"
					description="Gets a signed POST with a JSON body."
					required
					placeholder="https://hooks.example.com/lockstep"
					value={way.url}
					onChange={(event) => setWay({ ...way, url: event.currentTarget.value })}
				/>
				<PasswordInput
					label="Key of the signature"
					description="Blank: one is made, and shown once."
					autoComplete="off"
					value={secret}
					onChange={(event) => setSecret(event.currentTarget.value)}
					visibilityToggleButtonProps={{ "aria-label": "Show the key" }}
				/>
			</>
		);
	const encrypt = (implicit_tls: boolean) => {
		const [before, after] = implicit_tls ? [SUBMISSION, SUBMISSIONS] : [SUBMISSIONS, SUBMISSION];
		setWay({ ...way, implicit_tls, port: way.port === before ? after : way.port });
	};
	return (
		<>
			<Group gap={8} align="flex-start" wrap="nowrap">
				<TextInput
					label="SMTP server"
					required
					placeholder="smtp.example.com"
					style={{ flex: 1 }}
					value={way.host}
					onChange={(event) => setWay({ ...way, host: event.currentTarget.value })}
				/>
				<NumberInput
					label="Port"
					required
					w={96}
					min={1}
					max={65535}
					value={way.port}
					onChange={(port) => setWay({ ...way, port: typeof port === "number" ? port : undefined })}
				/>
			</Group>
			<Checkbox
				label="TLS from the first byte"
				description="Otherwise STARTTLS."
				checked={way.implicit_tls}
				onChange={(event) => encrypt(event.currentTarget.checked)}
			/>
			<TextInput
				type="email"
				label="Sender"
				required
				placeholder="lockstep@example.com"
				value={way.from}
				onChange={(event) => setWay({ ...way, from: event.currentTarget.value })}
			/>
			<TagsInput
				label="Receivers"
				description="Enter ends an address."
				required
				value={way.to}
				onChange={(to) => setWay({ ...way, to })}
				splitChars={[",", ";", " "]}
			/>
			<Group gap={8} align="flex-start" grow>
				<TextInput
					label="User"
					description="Blank: nobody signs in."
					autoComplete="off"
					value={way.user}
					onChange={(event) => {
						const user = event.currentTarget.value;
						setWay({ ...way, user });
						if (!filled(user)) setSecret("");
					}}
				/>
				<PasswordInput
					label="Password"
					description="Never shown again."
					autoComplete="new-password"
					required={filled(way.user ?? "")}
					disabled={!filled(way.user ?? "")}
					value={secret}
					onChange={(event) => setSecret(event.currentTarget.value)}
					visibilityToggleButtonProps={{ "aria-label": "Show the password" }}
				/>
			</Group>
		</>
	);
}
