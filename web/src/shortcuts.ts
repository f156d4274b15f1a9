import { useEffect, useRef } from "react";

/** Keys that act on the page. They rest while somebody types, holds a modifier, or has a dialog open. */
export function useShortcuts(keys: Record<string, () => void>) {
	const current = useRef(keys);
	current.current = keys;
	useEffect(() => {
		const listen = (event: KeyboardEvent) => {
			if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
			const target = event.target as HTMLElement;
			if (target.closest("input, textarea, select, [contenteditable], [role=dialog], [role=menu], [role=listbox]")) return;
			const act = current.current[event.key];
			if (!act) return;
			event.preventDefault();
			act();
		};
		document.addEventListener("keydown", listen);
		return () => document.removeEventListener("keydown", listen);
	}, []);
}
