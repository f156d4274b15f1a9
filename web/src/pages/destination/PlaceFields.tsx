import { NativeSelect, Select, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { boardProjects, boardTeams, projectTypes, teamBoards } from "../../api/queries";
import type { DestinationSettings, NewDestination } from "../../api/types";
import { Trouble } from "../../components/Trouble";

type Props = {
	draft: NewDestination;
	/** The settings with blanks filled in, as the server reads them. */
	filled: DestinationSettings | undefined;
	change: (part: Partial<NewDestination>) => void;
};

/** A blank choice says what a blank means. */
const blank = (meaning: string | undefined, otherwise: string) => ({
	value: "",
	label: meaning ? `${meaning} (chosen for you)` : otherwise,
});
const named = (name: string) => ({ value: name, label: name });

/** Project, type, team, board and lane, each offered from what the board has. */
export function PlaceFields({ draft, filled, change }: Props) {
	const { connection_id: id, project } = draft;
	const team = draft.team || filled?.team || "";
	const projects = useQuery(boardProjects(id));
	const teams = useQuery(boardTeams(id, project));
	const types = useQuery(projectTypes(id, project));
	const boards = useQuery(teamBoards(id, project, team));
	const board = boards.data?.boards.find((board) => board.name === (draft.board || filled?.board));
	const shown = boards.data?.boards.filter(
		(board) => draft.work_item_type === "" || board.columns.some((column) => draft.work_item_type in column.states),
	);
	const error = projects.error ?? teams.error ?? types.error ?? boards.error;

	// A name that the board no longer has stays visible; the check says what is wrong with it.
	const withCurrent = (names: readonly string[], current: string | undefined) =>
		current && !names.includes(current) ? [...names, current] : [...names];

	return (
		<Stack gap={12}>
			<Select
				label="Project"
				required
				searchable
				placeholder={projects.isPending ? "Reading the projects…" : "Choose a project"}
				nothingFoundMessage="No such project"
				value={project || null}
				onChange={(name) =>
					change({
						project: name ?? "",
						team: "",
						board: "",
						lane: "",
						work_item_type: "",
						area: "",
						iteration: { policy: "backlog" },
						status_map: {},
					})
				}
				data={withCurrent(projects.data?.items.map((entry) => entry.name) ?? [], project)}
			/>
			<NativeSelect
				label="Work item type"
				required
				disabled={project === ""}
				value={draft.work_item_type}
				onChange={(event) => change({ work_item_type: event.currentTarget.value, board: "", lane: "", status_map: {} })}
				data={[
					{ value: "", label: types.isFetching ? "Reading the types…" : "Choose a type" },
					...withCurrent(types.data?.types.map((type) => type.name) ?? [], draft.work_item_type).map(named),
				]}
			/>
			<NativeSelect
				label="Team"
				disabled={project === ""}
				value={draft.team ?? ""}
				onChange={(event) => change({ team: event.currentTarget.value, board: "", lane: "" })}
				data={[
					blank(draft.team ? undefined : filled?.team, "The project's default team"),
					...withCurrent(teams.data?.items.map((entry) => entry.name) ?? [], draft.team).map(named),
				]}
			/>
			<NativeSelect
				label="Board"
				disabled={team === ""}
				value={draft.board ?? ""}
				onChange={(event) => change({ board: event.currentTarget.value, lane: "" })}
				data={[
					blank(draft.board ? undefined : filled?.board, "The board that shows the type"),
					...withCurrent(shown?.map((entry) => entry.name) ?? [], draft.board).map(named),
				]}
			/>
			<NativeSelect
				label="Lane"
				disabled={!board || board.lanes.length === 0}
				value={draft.lane ?? ""}
				onChange={(event) => change({ lane: event.currentTarget.value })}
				data={[{ value: "", label: "The default lane" }, ...withCurrent(board?.lanes ?? [], draft.lane).map(named)]}
			/>
			{error && <Trouble error={error} />}
		</Stack>
	);
}
