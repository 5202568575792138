// One room: what its state takes, its keys, its timers and its signals.

import { $, element, say } from "./dom.js";
import { inLine, value } from "./value.js";
import { bytes, distance, lasting, moment, plural } from "./words.js";

/** How often the details are requested while events come, in milliseconds. */
const PAUSE = 1000;

const SPACES = ["storage", "memory"];

/** The room that is shown, and which of its keys. */
let shown = { name: "", prefix: "", after: {} };
let asked = 0;
let askedAt = 0;

/** Opens the sheet of a room, which need not have a connection. */
export async function openRoom(name) {
  shown = { name, prefix: "", after: {} };
  say($("room-title"), name);
  $("room-prefix").value = "";
  $("room-details").hidden = true;
  for (const list of $("room-details").querySelectorAll("ul")) list.replaceChildren();
  if (!$("room-sheet").open) $("room-sheet").showModal();
  await request();
}

/** Requests the details again, while the sheet is open. */
export async function update() {
  if ($("room-sheet").open && Date.now() - askedAt >= PAUSE) await request();
}

async function request() {
  const number = ++asked;
  askedAt = Date.now();
  const query = new URLSearchParams({ name: shown.name, prefix: shown.prefix });
  if (shown.after.storage) query.set("after", shown.after.storage);
  if (shown.after.memory) query.set("memory-after", shown.after.memory);
  let fault = "";
  let room;
  try {
    const response = await fetch(`/__zigttp/room?${query}`);
    if (response.ok) room = await response.json();
    else fault = (await response.text()).trim();
  } catch {
    fault = "the server does not respond";
  }
  // Another room, or another part of it, may have been asked for meanwhile.
  if (asked !== number) return;
  $("room-fault").hidden = !fault;
  say($("room-fault"), fault);
  if (room) show(room);
}

function show(room) {
  $("room-details").hidden = false;
  say($("room-members"), plural(room.members, "connection"));
  for (const space of SPACES) {
    showUsage(space, room[space], room.limit);
    showKeys(space, room[space], room.now);
  }
  showSignals("timers", room.timers, room);
  showSignals("waiting", room.waiting, room);
  showSignals("parked", room.parked, room);
  $("room-incomplete").hidden = room.isComplete;
  const count = room.timers.count + room.waiting.count + room.parked.count;
  $("room-no-signals").hidden = count > 0;
}

function showUsage(space, { keys, bytes: size }, limit) {
  say($(`room-${space}-usage`), `${plural(keys, "key")}, ${bytes(size)} of ${bytes(limit)}`);
  const meter = $(`room-${space}-meter`);
  // As the server does, it warns above 80 %.
  [meter.max, meter.high, meter.value] = [limit, limit * 0.8, size];
}

function showKeys(space, { keys, entries, hasMore }, now) {
  const isPart = shown.prefix || shown.after[space];
  $(`room-${space}`).hidden = !keys && !isPart;
  $(`room-${space}-none`).hidden = entries.length > 0;
  $(`room-${space}-first`).hidden = !shown.after[space];
  const next = $(`room-${space}-next`);
  next.hidden = !hasMore;
  next.dataset.after = entries.at(-1)?.key ?? "";
  fill($(`room-${space}-keys`), entries, (entry) => entry.key, keyRow, now);
}

function keyRow(entry) {
  return openingRow(
    [element("span", { class: "mono key" }, entry.key),
      element("span", { class: "mono quiet rest" }, inLine(entry.value)),
      element("span", { class: "quiet when" })],
    () => [value(entry.value, entry.kind),
      ...(entry.expires === null ? [] : [element("p", { class: "quiet" }, `until ${moment(entry.expires)}`)])],
    (now) => (entry.expires === null ? bytes(entry.value.bytes) : `ends ${distance(entry.expires - now)}`));
}

function showSignals(part, { count, first }, { now, running }) {
  $(`room-${part}`).hidden = count === 0;
  const more = count - first.length;
  say($(`room-${part}-count`), more ? `${count}, the first ${first.length} are shown` : String(count));
  const items = first.map((signal) => ({ ...signal, isRunning: signal.id === running, isParked: part === "parked" }));
  fill($(`room-${part}-list`), items, (signal) => signal.id, signalRow, now);
}

function signalRow(signal) {
  const words = [signal.period !== null && `every ${lasting(signal.period)}`,
    signal.attempts && `${plural(signal.attempts, "attempt")} failed`, signal.data && inLine(signal.data)];
  const fact = (name, ...values) => [element("dt", {}, name), element("dd", {}, ...values)];
  return openingRow(
    [element("span", { class: "mono key" }, signal.name),
      element("span", { class: "mono quiet rest" }, words.filter(Boolean).join(" · ")),
      element("span", { class: "quiet when" })],
    () => [element("dl", { class: "facts" },
      ...(signal.data ? fact("Data", value(signal.data)) : []),
      ...fact("Due", moment(signal.scheduled)),
      ...(signal.due === signal.scheduled || signal.isParked ? [] : fact("Next attempt", moment(signal.due))),
      ...(signal.attempts ? fact("Attempts", `${signal.attempts} failed`) : []),
      ...(signal.from === null ? [] : fact("From", element("button", { type: "button", class: "plain mono", click: () => openRoom(signal.from) }, signal.from))),
      ...(signal.onFail === null ? [] : fact("If it is parked", element("span", { class: "mono" }, signal.onFail))),
      ...fact("Number", element("span", { class: "mono" }, signal.id)))],
    (now) => (signal.isRunning ? "running" : signal.isParked ? "parked" : distance(signal.due - now)));
}

/** A row that opens. `when` is a text that changes with the time. */
function openingRow(summary, details, when) {
  // Filled only when it is opened.
  const body = element("div", { class: "body" });
  const made = element("details", {
    toggle: () => made.open && !body.hasChildNodes() && body.append(...details()),
  }, element("summary", {}, ...summary), body);
  return { made: element("li", {}, made), when };
}

/** What each row shows. */
const made = new WeakMap();

/** Shows items as rows. A row is made anew only if its item has changed, so that it stays open and has the focus. */
function fill(list, items, keyOf, make, now) {
  const old = new Map([...list.children].map((child) => [made.get(child).key, child]));
  const rows = items.map((item) => {
    const [key, text] = [keyOf(item), JSON.stringify(item)];
    const before = old.get(key);
    let row = before;
    if (!before || made.get(before).text !== text) {
      const { made: fresh, when } = make(item);
      made.set(fresh, { key, text, when });
      row = fresh;
      if (before) {
        const hadFocus = before.contains(document.activeElement);
        fresh.firstChild.open = before.firstChild.open;
        before.replaceWith(fresh);
        if (hadFocus) fresh.querySelector("summary").focus();
      }
    }
    say(row.querySelector(".when"), made.get(row).when(now));
    return row;
  });
  const wanted = new Set(rows);
  for (const child of [...list.children]) if (!wanted.has(child)) child.remove();
  for (const [at, row] of rows.entries()) if (list.children[at] !== row) list.insertBefore(row, list.children[at] ?? null);
}

for (const space of SPACES) {
  const turn = (after) => {
    shown.after[space] = after;
    request();
  };
  $(`room-${space}-first`).addEventListener("click", () => turn(undefined));
  $(`room-${space}-next`).addEventListener("click", ({ currentTarget }) => turn(currentTarget.dataset.after));
}

$("room-prefix").addEventListener("input", () => {
  shown = { ...shown, prefix: $("room-prefix").value, after: {} };
  request();
});

$("open-room").addEventListener("submit", (event) => {
  event.preventDefault();
  openRoom($("room-name").value);
});
