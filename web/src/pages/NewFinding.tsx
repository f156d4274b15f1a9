import { Autocomplete, Button, Group, NativeSelect, Stack } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useNavigate } from "react-router";
import { api, ask } from "../api/client";
import { assessments, assets } from "../api/queries";
import type { ManualFinding } from "../api/types";
import { Page } from "../components/Page";
import { Panel } from "../components/Panel";
import { Trouble } from "../components/Trouble";
import { ManualFields } from "./finding/ManualFields";

/** A finding that a person writes down: published at once, or drafted first. */
export function NewFindingPage() {
	const client = useQueryClient();
	const navigate = useNavigate();
	const [asset, setAsset] = useState("");
	const [wanted] = useDebouncedValue(asset, 200);
	const known = useInfiniteQuery({ ...assets(wanted || undefined), placeholderData: keepPreviousData });
	const [assessment, setAssessment] = useState("");
	const open = useQuery(assessments).data?.filter((one) => one.state !== "completed") ?? [];
	const [said, setSaid] = useState<ManualFinding>({ title: "", severity: "high" });
	const save = useMutation({
		mutationFn: (draft: boolean) =>
			ask(api.POST("/api/v1/findings", { body: { asset, finding: said, draft, assessment: assessment || undefined } })),
		onSuccess: (made) => {
			for (const word of ["finding", "overview"]) client.invalidateQueries({ queryKey: [word] });
			navigate(`/findings/${made.id}`);
		},
	});
	const submit = (event: FormEvent) => {
		event.preventDefault();
		save.mutate(false);
	};
	const complete = asset.trim() !== "" && said.title.trim() !== "";
	return (
		<Page
			title="New finding"
			above={[{ label: "Findings", to: "/findings" }]}
			about="For what people find: a fix of it counts when a validator says so"
		>
			<Panel>
				<form onSubmit={submit}>
					<Stack gap={12} maw={760}>
						<Group grow align="flex-start">
							<Autocomplete
								label="Asset"
								description="Made on first use."
								required
								value={asset}
								onChange={setAsset}
								data={known.data?.pages[0]?.items.map(({ name }) => name) ?? []}
							/>
							<NativeSelect
								label="Assessment"
								description="What it belongs to."
								value={assessment}
								onChange={(event) => setAssessment(event.currentTarget.value)}
								data={[{ value: "", label: "None" }, ...open.map(({ name }) => ({ value: name, label: name }))]}
							/>
						</Group>
						<ManualFields said={said} change={setSaid} exists={false} />
						<Trouble error={save.error} />
						<Group gap={8}>
							<Button type="submit" disabled={!complete} loading={save.isPending}>
								Publish
							</Button>
							<Button variant="default" disabled={!complete || save.isPending} onClick={() => save.mutate(true)}>
								Save as a draft
							</Button>
						</Group>
					</Stack>
				</form>
			</Panel>
		</Page>
	);
}
