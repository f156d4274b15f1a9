/** The way of a person through Microsoft's pages: it begins with an address to go to, and ends on our callback page. */
import { useMutation } from "@tanstack/react-query";
import { api, ask } from "./client";
import type { BeginSignIn } from "./types";

/** Leaves for an address that the server made. Anything but a web address would run here. */
function leave(address: string) {
	const url = new URL(address, window.location.href);
	if (url.protocol !== "https:" && url.protocol !== "http:") throw new Error("The server gave no web address to sign in at.");
	window.location.assign(url);
}

export function useBeginSignIn() {
	return useMutation({
		mutationFn: async (body: BeginSignIn) => leave((await ask(api.POST("/api/v1/connections/sign-in", { body }))).authorize_url),
	});
}
