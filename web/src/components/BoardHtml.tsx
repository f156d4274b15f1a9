import type { ReactNode } from "react";
import classes from "./BoardHtml.module.css";

/** Elements that a block of a work item may have (`model::content`); of anything else only the text is shown. */
const ELEMENTS = new Set(
	"b blockquote br code div em h1 h2 h3 h4 hr i li ol p pre s strong table tbody td th thead tr u ul".split(" "),
);
const EMPTY = new Set(["br", "hr"]);

/** Headings inside of a preview are no headings of the page. */
const AS: Record<string, string> = { h1: "strong", h2: "strong", h3: "strong", h4: "strong" };

function shown(node: Node, key: number): ReactNode {
	if (node.nodeType === Node.TEXT_NODE) return node.textContent;
	if (!(node instanceof Element)) return null;
	const name = node.tagName.toLowerCase();
	const children = [...node.childNodes].map(shown);
	if (name === "a") {
		const href = node.getAttribute("href") ?? "";
		if (!/^https?:\/\//.test(href)) return children;
		return (
			<a key={key} href={href} target="_blank" rel="noreferrer noopener">
				{children}
			</a>
		);
	}
	if (!ELEMENTS.has(name)) return children;
	const As = (AS[name] ?? name) as "p";
	return EMPTY.has(name) ? <As key={key} /> : <As key={key}>{children}</As>;
}

/** HTML as a board shows it. It is read as a document of its own and built again from what is known to be harmless. */
export function BoardHtml({ html }: { html: string }) {
	const body = new DOMParser().parseFromString(html, "text/html").body;
	return <div className={classes.html}>{[...body.childNodes].map(shown)}</div>;
}
