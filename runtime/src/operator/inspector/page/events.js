// The log of events, the latest first.

import { again } from "./again.js";
import { $, element, say, shorten } from "./dom.js";
import { openSheet } from "./sheet.js";
import { roomLink, signalFacts, stateFacts, stateTexts, stateWords } from "./state.js";
import { inLine, value } from "./value.js";
import { clock, micros, plural } from "./words.js";

/** Most events that the page keeps, and most rows that it shows. */
const KEPT = 2000;
const SHOWN = 400;

/** The latest first. */
let records = [];
/** Events that arrived while the log is paused. */
let held = [];
let isPaused = false;
let swaps;

export function update({ now, events, missed, counts }) {
  if (missed) mark(`${plural(missed, "earlier event")} not shown: more came than the inspector keeps`);
  const fresh = events.map((event) => {
    const date = new Date(Date.now() - (now - event.at));
    return { ...event, date, text: searchable(event) };
  });
  // Events that arrived together with a swap come before its mark.
  const isSwapped = swaps !== undefined && counts.swaps > swaps;
  swaps = counts.swaps;
  add(fresh);
  if (isSwapped) mark("a new handler is in use from here on");
}

/** Puts a line between events. */
export function mark(text) {
  add([{ mark: text, date: new Date() }]);
}

function add(fresh) {
  if (!fresh.length) return;
  if (isPaused) {
    held = [...held, ...fresh].slice(-KEPT);
    say($("pause"), `Resume (${held.length})`);
    return;
  }
  fresh.reverse();
  records = [...fresh, ...records].slice(0, KEPT);
  $("log").prepend(...fresh.filter(isWanted).slice(0, SHOWN).map(row));
  shorten($("log"), SHOWN);
  $("no-events").hidden = records.length > 0;
}

const searchable = (event) =>
  [event.event, event.room, event.conn && `#${event.conn}`, event.input.shown, event.failure?.text,
    ...stateTexts(event)]
    .filter(Boolean).join("\n").toLowerCase();

function isWanted(record) {
  const wanted = $("filter").value.trim().toLowerCase();
  if (record.mark) return !wanted && !$("failed-only").checked;
  return record.text.includes(wanted) && (record.failure || !$("failed-only").checked);
}

function redraw() {
  $("log").replaceChildren(...records.filter(isWanted).slice(0, SHOWN).map(row));
  $("no-events").hidden = records.length > 0;
}

function row(record) {
  if (record.mark) {
    return element("li", { class: "mark" }, element("span", {}, record.mark));
  }
  // Filled only when it is opened.
  const body = element("div", { class: "body" });
  const details = element("details", {
    class: record.failure ? "failed" : "",
    toggle: () => details.open && !body.hasChildNodes() && body.append(...facts(record)),
  });
  details.append(element("summary", {},
    element("span", { class: "time mono quiet" }, clock(record.date)),
    element("span", { class: `kind ${record.event}` }, record.event),
    element("span", { class: "place mono" }, record.room ?? "",
      record.conn ? element("span", { class: "quiet" }, ` #${record.conn}`) : null),
    element("span", { class: "input mono" }, inLine(record.input),
      record.signal?.data ? element("span", { class: "quiet" }, ` ${inLine(record.signal.data)}`) : null),
    element("span", { class: "outcome" }, ...outcome(record)),
    element("span", { class: "took mono quiet" }, record.micros ? micros(record.micros) : ""),
  ), body);
  return element("li", {}, details);
}

/** The result of an event, in a few words. */
function outcome(record) {
  if (record.failure) return [element("span", { class: "fault" }, firstLine(record.failure.text))];
  const counts = new Map();
  for (const effect of record.effects) {
    const word = effect.what === "send" ? "frame" : effect.what;
    counts.set(word, (counts.get(word) ?? 0) + (effect.count ?? 1));
  }
  for (const word of stateWords(record)) counts.set(word, (counts.get(word) ?? 0) + 1);
  const words = [...counts].map(([word, count]) => (word === "frame" || count > 1 ? plural(count, word) : word));
  const more = record.moreEffects + record.moreWrites + record.moreSignals;
  if (more) words.push(`${more} more`);
  if (record.status) words.unshift(String(record.status));
  return words.map((word) => element("span", { class: "effect" }, word));
}

const firstLine = (text) => text.split("\n", 1)[0];

/** Everything about an event. */
function facts(record) {
  const list = element("dl", { class: "facts" });
  const fact = (name, ...values) => list.append(element("dt", {}, name), element("dd", {}, ...values));
  if (record.failure) {
    fact(record.failure.kind.replaceAll("_", " "), element("pre", { class: "stack" }, record.failure.text.trimEnd()));
  }
  if (record.conn) {
    fact("Connection", element("button", { type: "button", class: "plain mono", click: () => openSheet(record.conn) },
      `#${record.conn}`), " in ", roomLink(record.room));
  } else if (record.room) {
    fact("Room", roomLink(record.room));
  }
  const names = { message: "Data", stream: "Piece", signal: { timer: "Timer", schedule: "Schedule" }[record.signal?.kind] ?? "Signal" };
  fact(names[record.event] ?? "Called with", value(record.input));
  if (record.signal) for (const one of signalFacts(record.signal)) fact(...one);
  for (const effect of record.effects) fact(...effectFact(effect));
  if (record.moreEffects) fact("", `and ${plural(record.moreEffects, "effect")} more`);
  for (const one of stateFacts(record)) fact(...one);
  if (!record.effects.length && !record.writes.length && !record.signals.length && !record.failure) fact("Effects", element("span", { class: "quiet" }, "none"));
  if (record.failure) {
    fact("Effects", element("span", { class: "quiet" }, "none: an event that fails changes nothing"));
  }
  if (record.status) fact("Response", `status ${record.status}`);
  if (record.micros) fact("Time", times(record));
  if (record.micros) fact("Again", ...again(record.number));
  return [list];
}

function times({ micros: all, instantiateMicros, restoreMicros }) {
  const parts = [`${micros(all)} in total`];
  if (instantiateMicros !== null) parts.push(`a new sandbox made in ${micros(instantiateMicros)}`);
  if (restoreMicros !== null) parts.push(`its sandbox restored in ${micros(restoreMicros)}`);
  return parts.join(", ");
}

function effectFact(effect) {
  switch (effect.what) {
    case "send": {
      const named = effect.to.map((id) => `#${id}`).join(" ");
      const others = effect.count - effect.to.length;
      const whom = others > 0 ? `${named} and ${others} more` : named;
      return ["Sent to", element("span", { class: "mono" }, whom), value(effect.data)];
    }
    case "close":
      return ["Closed", element("span", { class: "mono" }, `#${effect.conn}`), ` with ${effect.code} ${effect.reason}`];
    case "attachment":
      return ["Attached to", element("span", { class: "mono" }, `#${effect.conn}`), value(effect.data)];
    case "join":
      return ["Joined", element("span", { class: "mono" }, `#${effect.conn}`), " ", roomLink(effect.room)];
    case "leave":
      return ["Left", element("span", { class: "mono" }, `#${effect.conn}`), " ", roomLink(effect.room)];
    case "move":
      return ["Moved", element("span", { class: "mono" }, `#${effect.conn}`), " to ", roomLink(effect.room)];
    case "auto-response":
      return ["Auto-response", element("span", { class: "mono" }, `#${effect.conn}`),
        ...(effect.pair ? [value(effect.pair[0]), "gets", value(effect.pair[1])] : [" cleared"])];
  }
}

$("filter").addEventListener("input", redraw);
$("failed-only").addEventListener("change", redraw);
$("clear").addEventListener("click", () => {
  records = [];
  redraw();
});
$("pause").addEventListener("click", () => {
  isPaused = !isPaused;
  $("pause").setAttribute("aria-pressed", String(isPaused));
  say($("pause"), isPaused ? "Resume" : "Pause");
  if (!isPaused) add(held.splice(0));
});
