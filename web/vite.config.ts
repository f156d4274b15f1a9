import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The server that `npm run dev` passes API calls to; the built pages are served by it and need no such setting.
const server = "http://127.0.0.1:8080";

export default defineConfig({
	plugins: [react()],
	base: "/",
	// Everything is a file of its own: a data: address would need a hole in the content security policy.
	build: { target: "es2022", assetsInlineLimit: 0, chunkSizeWarningLimit: 700, modulePreload: { polyfill: false } },
	server: { host: "127.0.0.1", port: 5173, proxy: { "/api": server, "/hooks": server } },
});
