// Talks to the emulator. Everything a person does goes through the same API as a client's requests, as that
// person; the answers and refusals are the service's own.

export const get = async (path) => {
  const answer = await fetch(path, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}.`);
  return answer.json();
};

/** Calls the API as a person. Throws an Error whose message is for people. */
export const as = async (person, method, path, body, patch = false) => {
  const separator = path.includes("?") ? "&" : "?";
  const version = path.includes("/comments") ? "7.1-preview.4" : "7.1";
  const answer = await fetch(`/_emulator/act/${person}/${path}${separator}api-version=${version}`, {
    method,
    headers: body === undefined ? {} : { "Content-Type": patch ? "application/json-patch+json" : "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await answer.text();
  let value = null;
  try {
    value = text ? JSON.parse(text) : null;
  } catch {
    // Not every refusal is JSON.
  }
  if (!answer.ok) throw new Error(inPlainWords(answer.status, value, text));
  return value;
};

const inPlainWords = (status, value, text) => {
  const message = (value?.message || text || `The service answered ${status}.`).replace(/^(TF|VS)\d+:\s*/, "");
  if (status === 412) return "Somebody changed this work item in the meantime. Close it, look at it again and repeat your change.";
  if (status === 404) return "This work item does not exist any more.";
  const state = /The field 'State' contains the value '(.+)' that is not in the list/.exec(message);
  if (state) return `The process does not allow the step to “${state[1]}” from where the work item is.`;
  const required = /Rule Error for field (.+)\. Error code: Required, InvalidEmpty/.exec(message);
  if (required) return `“${required[1]}” must be filled in for this step.`;
  return message;
};

/** An element with text and attributes. */
export const element = (name, options = {}, ...children) => {
  const made = document.createElement(name);
  const { text, ...attributes } = options;
  if (text !== undefined) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
};

const UNSAFE = "script,style,iframe,object,embed,form,input,button,link,meta,svg,math,base";

/** Puts HTML from a work item into an element. The service has sanitised it; this does not rely on that. */
export const showHtml = (target, html) => {
  const parsed = new DOMParser().parseFromString(html, "text/html");
  for (const bad of parsed.querySelectorAll(UNSAFE)) bad.remove();
  for (const node of parsed.body.querySelectorAll("*")) {
    for (const { name, value } of [...node.attributes]) {
      const address = name === "href" || name === "src";
      if (name.startsWith("on") || (address && !/^(https?:|mailto:|data:image\/)/i.test(value))) node.removeAttribute(name);
    }
  }
  target.replaceChildren(...parsed.body.childNodes);
};

export const option = (value, text, selected) => {
  const made = element("option", { value, text });
  made.selected = selected;
  return made;
};
