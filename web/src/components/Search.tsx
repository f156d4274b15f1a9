import { TextInput } from "@mantine/core";
import { type Ref, useEffect, useRef, useState } from "react";

type Props = {
	value: string;
	onChange: (value: string) => void;
	placeholder?: string;
	label?: string;
	ref?: Ref<HTMLInputElement>;
};

/** Milliseconds without a key before the list is asked. */
const PAUSE = 250;

/** A search field that asks once typing pauses. `/` leads here from the list, Escape back to it. */
export function Search({ value, onChange, placeholder, label = "Search", ref }: Props) {
	const [text, setText] = useState(value);
	const waiting = useRef<number>(undefined);
	const sent = useRef(value);

	useEffect(() => {
		// The address changed by itself: a link, Back, or "Clear".
		if (value !== sent.current) {
			sent.current = value;
			setText(value);
		}
	}, [value]);
	useEffect(() => () => window.clearTimeout(waiting.current), []);

	const send = (next: string) => {
		sent.current = next;
		onChange(next);
	};

	return (
		<TextInput
			ref={ref}
			type="search"
			label={label}
			placeholder={placeholder}
			value={text}
			onChange={(event) => {
				const next = event.currentTarget.value;
				setText(next);
				window.clearTimeout(waiting.current);
				waiting.current = window.setTimeout(() => send(next.trim()), PAUSE);
			}}
			onKeyDown={(event) => {
				if (event.key === "Escape") event.currentTarget.blur();
			}}
		/>
	);
}
