import { type RefObject, useEffect, useRef } from "react";

/**
 * For a list whose rows can be deleted. A row takes the focus with it when it goes, and a keyboard would start again at the
 * top of the page: the list takes the focus instead. It needs `tabIndex={-1}`.
 */
export function useKeptFocus<E extends HTMLElement>(rows: number): RefObject<E | null> {
	const list = useRef<E>(null);
	const before = useRef(rows);
	useEffect(() => {
		if (rows < before.current && document.activeElement === document.body) list.current?.focus({ preventScroll: true });
		before.current = rows;
	}, [rows]);
	return list;
}
