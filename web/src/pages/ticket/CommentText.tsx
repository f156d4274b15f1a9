import { Textarea } from "@mantine/core";
import type { Ref } from "react";

/** Longest comment, in characters; the server says so too. */
const LONGEST = 10_000;

type Props = {
	label: string;
	value: string;
	onChange: (value: string) => void;
	/** It is on its way to the server: what is typed now would be lost when it arrives. */
	busy: boolean;
	ref?: Ref<HTMLTextAreaElement>;
};

/** Where a comment is written. */
export function CommentText({ label, value, onChange, busy, ref }: Props) {
	return (
		<Textarea
			ref={ref}
			label={label}
			autosize
			minRows={2}
			maxRows={12}
			maxLength={LONGEST}
			readOnly={busy}
			value={value}
			onChange={(event) => onChange(event.currentTarget.value)}
		/>
	);
}
