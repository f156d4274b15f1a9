// The dialogs: one card in full, and a new work item.

import { as, element, option, showHtml } from "./api.js";

const by = (id) => document.querySelector(`#${id}`);
const TEXTS = ["Microsoft.VSTS.TCM.ReproSteps", "System.Description"];

const complain = (id, error) => {
  by(id).textContent = error ? error.message : "";
  by(id).hidden = !error;
};

/** `board` gives organization, project, people, types and the person acting; `refresh` redraws the board. */
export const openCard = async (board, id, refresh) => {
  const dialog = by("card");
  const base = `${board.organization}/_apis/wit/workitems/${id}`;
  const call = (method, path, body, patch) => as(board.person(), method, path, body, patch);
  const item = await call("GET", `${base}?$expand=all`);
  const fields = item.fields;
  const type = board.types.find((t) => t.name === fields["System.WorkItemType"]);
  const has = (name) => type.fields.some((f) => f.referenceName === name);
  complain("card-alert", null);
  by("card-heading").textContent = `${type.name} ${id}`;
  by("card-title").value = fields["System.Title"] ?? "";

  const legal = new Set([fields["System.State"], ...(type.transitions[fields["System.State"]] ?? []).map((t) => t.to)]);
  by("card-state").replaceChildren(
    ...type.states.map((s) => {
      const made = option(s.name, s.name, s.name === fields["System.State"]);
      made.disabled = !legal.has(s.name);
      return made;
    }),
  );
  const assigned = fields["System.AssignedTo"];
  const people = board.people.map((p) => [p.uniqueName, p.name]);
  if (assigned && !people.some(([mail]) => mail === assigned.uniqueName)) people.push([assigned.uniqueName, assigned.displayName]);
  by("card-assignee").replaceChildren(
    option("", "Nobody", !assigned),
    ...people.map(([mail, name]) => option(mail, name, mail === assigned?.uniqueName)),
  );
  const choices = (target, name, values) => {
    const current = String(fields[name] ?? "");
    const all = current === "" || !values.includes(current) ? [current, ...values] : values;
    by(target).replaceChildren(...all.map((v) => option(v, v === "" ? "None" : v, v === current)));
  };
  choices("card-priority", "Microsoft.VSTS.Common.Priority", ["1", "2", "3", "4"]);
  by("card-severity-field").hidden = !has("Microsoft.VSTS.Common.Severity");
  choices("card-severity", "Microsoft.VSTS.Common.Severity", ["1 - Critical", "2 - High", "3 - Medium", "4 - Low"]);
  by("card-tags").value = fields["System.Tags"] ?? "";

  const textField = TEXTS.find(has) ?? "System.Description";
  const text = by("card-text");
  const source = item.multilineFieldsFormat?.[textField] === "markdown";
  text.classList.toggle("source", source);
  if (source) text.textContent = fields[textField] ?? "";
  else showHtml(text, fields[textField] ?? "");
  const textNow = () => (source ? text.innerText : text.innerHTML);
  const textBefore = textNow();

  const links = (item.relations ?? []).filter((r) => r.rel === "Hyperlink" && /^https?:/.test(r.url));
  by("card-links").replaceChildren(
    ...links.map((r) => element("p", { class: "quiet" }, "Link: ", element("a", { href: r.url, rel: "noreferrer", target: "_blank", text: r.attributes.comment || r.url }))),
  );
  by("card-comment").value = "";
  const list = await call("GET", `${board.organization}/${board.project}/_apis/wit/workItems/${id}/comments?$expand=renderedText`);
  by("card-comments").replaceChildren(
    ...list.comments.map((comment) => {
      const body = element("div");
      showHtml(body, comment.renderedText);
      const when = new Date(comment.createdDate).toLocaleString();
      return element("li", {}, element("div", { class: "who", text: `${comment.createdBy.displayName}, ${when}` }), body);
    }),
  );

  const changes = () => {
    const wanted = [
      ["System.Title", by("card-title").value, fields["System.Title"] ?? ""],
      ["System.State", by("card-state").value, fields["System.State"]],
      ["System.AssignedTo", by("card-assignee").value, assigned?.uniqueName ?? ""],
      ["Microsoft.VSTS.Common.Priority", by("card-priority").value, String(fields["Microsoft.VSTS.Common.Priority"] ?? "")],
      ["Microsoft.VSTS.Common.Severity", by("card-severity").value, String(fields["Microsoft.VSTS.Common.Severity"] ?? "")],
      ["System.Tags", by("card-tags").value, fields["System.Tags"] ?? ""],
      [textField, textNow(), textBefore],
    ];
    return wanted.filter(([, now, before]) => now !== before).map(([name, now]) => ({ op: "replace", path: `/fields/${name}`, value: now }));
  };
  const finish = async (act) => {
    try {
      await act();
      dialog.close();
      await refresh(id);
    } catch (error) {
      complain("card-alert", error);
    }
  };
  by("card-form").onsubmit = (event) => {
    event.preventDefault();
    finish(async () => {
      const patch = changes();
      const words = by("card-comment").value.trim();
      if (patch.length > 0) {
        await call("PATCH", base, [{ op: "test", path: "/rev", value: item.rev }, ...patch], true);
      }
      if (words) {
        const html = element("div", { text: words }).innerHTML.replaceAll("\n", "<br>");
        await call("POST", `${board.organization}/${board.project}/_apis/wit/workItems/${id}/comments`, { text: `<div>${html}</div>` });
      }
    });
  };
  by("card-delete").onclick = () => {
    if (window.confirm(`Move ${type.name} ${id} to the recycle bin?`)) finish(() => call("DELETE", base));
  };
  by("card-close").onclick = () => dialog.close();
  dialog.showModal();
  by("card-title").focus();
};

export const openNew = (board, types, area, refresh) => {
  const dialog = by("fresh");
  complain("fresh-alert", null);
  by("fresh-type").replaceChildren(...types.map((name, at) => option(name, name, at === 0)));
  by("fresh-title").value = "";
  by("fresh-close").onclick = () => dialog.close();
  by("fresh-form").onsubmit = async (event) => {
    event.preventDefault();
    try {
      const path = `${board.organization}/${board.project}/_apis/wit/workitems/$${encodeURIComponent(by("fresh-type").value)}`;
      const patch = [
        { op: "add", path: "/fields/System.Title", value: by("fresh-title").value },
        { op: "add", path: "/fields/System.AreaPath", value: area },
      ];
      const made = await as(board.person(), "POST", path, patch, true);
      dialog.close();
      await refresh(made.id);
    } catch (error) {
      complain("fresh-alert", error);
    }
  };
  dialog.showModal();
  by("fresh-title").focus();
};
