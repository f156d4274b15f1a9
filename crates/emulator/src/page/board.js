// The board of a team: columns, lanes, cards; moving by mouse and keyboard; live.

import { as, element, get, option } from "./api.js";
import { openCard, openNew } from "./card.js";

const [org, projectName, teamName] = location.pathname.split("/").slice(3).map(decodeURIComponent);
const [organization, project, team] = [org, projectName, teamName].map(encodeURIComponent);
const by = (id) => document.querySelector(`#${id}`);

const directory = await get("/_emulator/directory");
const here = directory.organizations.find((o) => o.name.toLowerCase() === org.toLowerCase());
const people = here?.people ?? [];
const person = () => by("person").value;
const call = (method, path, body, patch) => as(person(), method, path, body, patch);

let layout = null; // the board's definition
let types = [];
let cards = [];
let dragged = null;

const say = (text) => {
  by("status").textContent = text;
};
const complain = (error) => {
  by("alert").textContent = error ? error.message : "";
  by("alert").hidden = !error;
};

const column = (card) => card.fields[layout.fields.columnField.referenceName];
const done = (card) => card.fields[layout.fields.doneField.referenceName] === true;
const lane = (card) => card.fields[layout.fields.rowField.referenceName] ?? null;

/** Every place a card can be in a lane, from left to right. */
const places = () => layout.columns.flatMap((c) => (c.isSplit ? [{ column: c, done: false }, { column: c, done: true }] : [{ column: c, done: false }]));
const placeOf = (card) => places().findIndex((p) => p.column.name === column(card) && (!p.column.isSplit || p.done === done(card)));

const initials = (name) => name.split(/\s+/).map((word) => word[0]).slice(0, 2).join("").toUpperCase();

const drawCard = (card) => {
  const fields = card.fields;
  const kind = fields["System.WorkItemType"];
  const assigned = fields["System.AssignedTo"];
  const tags = (fields["System.Tags"] ?? "").split(";").map((t) => t.trim()).filter(Boolean);
  const foot = element("span", { class: "foot" });
  if (assigned) {
    foot.append(element("span", { class: "initials", "aria-hidden": "true", text: initials(assigned.displayName) }), assigned.displayName);
  } else {
    foot.append("Nobody assigned");
  }
  const drawn = element(
    "div",
    { class: "card", tabindex: "0", role: "button", draggable: "true", "data-id": card.id, "aria-describedby": "hint" },
    element("span", { class: "kind", text: `${kind} ${card.id}` }),
    element("span", { class: "title", text: fields["System.Title"] }),
    element("span", { class: "unseen", text: `In ${column(card)}${lane(card) ? `, lane ${lane(card)}` : ""}.` }),
    foot,
    ...(tags.length ? [element("span", { class: "tags" }, ...tags.map((tag) => element("span", { class: "tag", text: tag })))] : []),
  );
  const colour = types.find((t) => t.name === kind)?.color;
  if (colour) drawn.style.setProperty("--kind", `#${colour}`);
  drawn.addEventListener("click", () => open(card.id));
  drawn.addEventListener("keydown", (event) => onKey(event, card));
  drawn.addEventListener("dragstart", (event) => {
    dragged = card;
    event.dataTransfer.setData("text/plain", String(card.id));
    event.dataTransfer.effectAllowed = "move";
    drawn.classList.add("dragging");
  });
  drawn.addEventListener("dragend", () => drawn.classList.remove("dragging"));
  return element("li", {}, drawn);
};

const drawCell = (place, at, row, lanes) => {
  const mine = cards.filter((c) => placeOf(c) === at && lane(c) === row.name);
  const half = place.column.isSplit ? (place.done ? " done" : " doing") : "";
  const name = `${place.column.name}${place.column.isSplit ? (place.done ? ", Done" : ", Doing") : ""}${lanes ? `, ${row.name ?? "Default lane"}` : ""}`;
  const cell = element("ul", { class: `cell${half}`, "aria-label": name }, ...mine.map(drawCard));
  cell.addEventListener("dragover", (event) => {
    event.preventDefault();
    cell.classList.add("target");
  });
  cell.addEventListener("dragleave", () => cell.classList.remove("target"));
  cell.addEventListener("drop", (event) => {
    event.preventDefault();
    cell.classList.remove("target");
    if (dragged) move(dragged, place, row);
    dragged = null;
  });
  return cell;
};

const draw = () => {
  const board = by("columns");
  const focused = document.activeElement?.dataset?.id;
  const all = places();
  board.style.setProperty("--tracks", all.length);
  const heads = layout.columns.map((c) => {
    const count = cards.filter((card) => column(card) === c.name).length;
    const limit = c.itemLimit > 0 ? `${count}/${c.itemLimit}` : `${count}`;
    const number = element("span", { class: c.itemLimit > 0 && count > c.itemLimit ? "count over" : "count", text: limit });
    const head = element("div", { class: c.isSplit ? "column-head two" : "column-head" }, element("h2", { text: c.name }), number);
    if (c.isSplit) head.append(element("span", { class: "halves" }, element("span", { text: "Doing" }), element("span", { text: "Done" })));
    return head;
  });
  // Named lanes come first, the default lane last, as on the real board.
  const rows = [...layout.rows.filter((r) => r.name), ...layout.rows.filter((r) => !r.name)];
  const lanes = rows.length > 1;
  const cells = rows.flatMap((row) => {
    const line = all.map((place, at) => drawCell(place, at, row, lanes));
    return lanes ? [element("h2", { class: "lane-head", text: row.name ?? "Default lane" }), ...line] : line;
  });
  board.replaceChildren(...heads, ...cells);
  if (focused) board.querySelector(`[data-id="${focused}"]`)?.focus();
};

const move = async (card, place, row) => {
  const patch = [{ op: "test", path: "/rev", value: card.rev }];
  const field = (name, value) => patch.push({ op: "add", path: `/fields/${name}`, value });
  if (place.column.name !== column(card)) field(layout.fields.columnField.referenceName, place.column.name);
  if (place.column.isSplit && (place.column.name !== column(card) || place.done !== done(card))) {
    field(layout.fields.doneField.referenceName, place.done);
  }
  if (row.name !== lane(card)) field(layout.fields.rowField.referenceName, row.name ?? "");
  if (patch.length === 1) return;
  complain(null);
  try {
    await call("PATCH", `${organization}/_apis/wit/workitems/${card.id}`, patch, true);
    say(`Moved ${card.id} to ${place.column.name}${row.name ? `, lane ${row.name}` : ""}.`);
  } catch (error) {
    complain(error);
  }
  await refresh(card.id);
};

const onKey = (event, card) => {
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    open(card.id);
    return;
  }
  const rows = [...layout.rows.filter((r) => r.name), ...layout.rows.filter((r) => !r.name)];
  const at = placeOf(card);
  const line = rows.findIndex((r) => r.name === lane(card));
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (!step) return;
  event.preventDefault();
  const place = places()[at + step[0]];
  const row = rows[line + step[1]];
  if (place && row) move(card, place, row);
};

const open = (id) => {
  complain(null);
  openCard({ organization, project, people, types, person }, id, refresh).catch(complain);
};

const loadCards = async () => {
  const field = layout.fields.columnField.referenceName;
  const query = `SELECT [System.Id] FROM WorkItems WHERE [${field}] <> '' ORDER BY [Microsoft.VSTS.Common.Priority], [System.Id]`;
  const { workItems } = await call("POST", `${organization}/${project}/_apis/wit/wiql?$top=1000`, { query });
  const loaded = [];
  for (let at = 0; at < workItems.length; at += 200) {
    const ids = workItems.slice(at, at + 200).map((w) => w.id);
    const batch = await call("POST", `${organization}/_apis/wit/workitemsbatch`, { ids, errorPolicy: "omit" });
    loaded.push(...batch.value.filter(Boolean));
  }
  cards = loaded;
};

const refresh = async (focus) => {
  try {
    await loadCards();
    draw();
    if (focus) document.querySelector(`[data-id="${focus}"]`)?.focus();
  } catch (error) {
    complain(error);
  }
};

const loadBoard = async () => {
  layout = await call("GET", `${organization}/${project}/${team}/_apis/work/boards/${encodeURIComponent(by("board").value)}`);
  await refresh();
};

const watch = async () => {
  let known = null;
  for (;;) {
    try {
      const { changes } = await get("/_emulator/changes");
      if (known !== null && changes !== known && dragged === null) await refresh();
      known = changes;
    } catch {
      say("The emulator does not answer.");
    }
    await new Promise((go) => setTimeout(go, document.hidden ? 5000 : 1000));
  }
};

const start = async () => {
  by("where").textContent = `${org} / ${projectName} / ${teamName}`;
  by("title").textContent = `${teamName} board`;
  document.title = `${teamName} board – ${projectName}`;
  if (people.length === 0) throw new Error("This organization has no people to act as.");
  const kept = sessionStorage.getItem("person");
  by("person").replaceChildren(...people.map((p) => option(p.id, p.name, p.id === kept)));
  by("person").addEventListener("change", () => {
    sessionStorage.setItem("person", person());
    refresh();
  });
  types = (await call("GET", `${organization}/${project}/_apis/wit/workitemtypes`)).value;
  const boards = (await call("GET", `${organization}/${project}/${team}/_apis/work/boards`)).value;
  // The lowest level is the one teams work on.
  by("board").replaceChildren(...boards.map((b, at) => option(b.id, b.name, at === boards.length - 1)));
  by("board").addEventListener("change", () => loadBoard().catch(complain));
  by("new").addEventListener("click", async () => {
    try {
      const areas = await call("GET", `${organization}/${project}/${team}/_apis/work/teamsettings/teamfieldvalues`);
      const kinds = Object.keys(layout.columns[0].stateMappings);
      openNew({ organization, project, person }, kinds, areas.defaultValue ?? projectName, refresh);
    } catch (error) {
      complain(error);
    }
  });
  await loadBoard();
  watch();
  // The address of a work item leads here, with its number after the hash.
  const asked = () => {
    const id = Number.parseInt(location.hash.slice(1), 10);
    if (id > 0) open(id);
  };
  window.addEventListener("hashchange", asked);
  asked();
};

start().catch(complain);
