/** What people do on the board, through the emulator (see its README). */
import assert from "node:assert/strict";
import { EMULATOR_URL } from "./environment";

type Directory = { organizations: { name: string; people: { id: string; name: string }[] }[] };

/** A request as the first person of the board; answers what the board says. */
export async function act<T>(method: string, path: string, body?: unknown): Promise<T> {
	const directory = (await (await fetch(`${EMULATOR_URL}/_emulator/directory`)).json()) as Directory;
	const organization = directory.organizations[0];
	const person = organization?.people[0];
	assert.ok(organization && person, "the emulator has an organization with a person");
	const kind = Array.isArray(body) ? "application/json-patch+json" : "application/json";
	const answer = await fetch(`${EMULATOR_URL}/_emulator/act/${person.id}/${organization.name}/${path}`, {
		method,
		...(body === undefined ? {} : { headers: { "content-type": kind }, body: JSON.stringify(body) }),
	});
	const text = await answer.text();
	assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
	return (text === "" ? undefined : JSON.parse(text)) as T;
}
