/** Who is signed in, for every page below the sign-in. */
import { createContext, useContext } from "react";
import type { Me, Role } from "./api/types";
import { includes } from "./words";

const Session = createContext<Me | null>(null);

export const SessionProvider = Session.Provider;

export function useMe(): Me {
	const me = useContext(Session);
	if (!me) throw new Error("pages are only shown to somebody who is signed in");
	return me;
}

/** Whether the caller may do what needs this role. The server decides; this only spares people a refusal. */
export function useMay(role: Role): boolean {
	return includes(useMe().role, role);
}
