// What an event has read and written of the state of rooms, and its signals.

import { element } from "./dom.js";
import { openRoom } from "./room.js";
import { value } from "./value.js";
import { bytes, lasting, moment, plural } from "./words.js";

const mono = (text) => element("span", { class: "mono" }, text);
const quiet = (text) => element("span", { class: "quiet" }, text);

/** The name of a room, which opens its sheet. */
export const roomLink = (name) =>
  element("button", { type: "button", class: "plain mono", click: () => openRoom(name) }, name);

/** What an event has changed, as words that are counted. */
export const stateWords = ({ writes, signals }) => [
  ...writes.map(({ what }) => ({ put: "put", delete: "delete", "delete-all": "delete all" })[what]),
  ...signals.map(({ what }) => (["signal", "timer", "stream"].includes(what) ? what : "cancel")),
];

/** The keys, names and data by which an event is found. */
export const stateTexts = ({ signal, reads, writes, signals }) =>
  [signal?.data?.shown, ...[...reads, ...writes, ...signals].flatMap((it) => [it.key, it.name, it.prefix, it.data?.shown])];

/** Further arguments of `onSignal`. */
export function signalFacts(signal) {
  const facts = [];
  if (signal.data) facts.push(["Data", value(signal.data)]);
  const again = signal.next === null ? "" : `, and again ${moment(signal.next)}`;
  facts.push(["Due", moment(signal.scheduled), again]);
  if (signal.from !== null) facts.push(["From", roomLink(signal.from)]);
  facts.push(["Attempt", `${signal.attempt}${signal.isLast ? ", the last" : ""}`,
    signal.missed ? `, ${plural(signal.missed, "period")} missed` : ""]);
  return facts;
}

/** Everything about reads, writes and signals: pairs of a name and what there is to show. */
export function stateFacts(record) {
  const facts = [];
  if (record.reads.length) {
    const lines = record.reads.map((read) => element("li", {}, ...described(read)));
    if (record.moreReads) lines.push(element("li", {}, quiet(`and ${plural(record.moreReads, "read")} more`)));
    facts.push(["Read", element("ul", {}, ...lines)]);
  }
  facts.push(...record.writes.map(written));
  if (record.moreWrites) facts.push(["", `and ${plural(record.moreWrites, "write")} more`]);
  facts.push(...record.signals.map(signalled));
  if (record.moreSignals) facts.push(["", `and ${plural(record.moreSignals, "signal")} more`]);
  return facts;
}

const inMemory = ({ space }) => (space === "memory" ? [" ", quiet("in memory")] : []);

/** A read in words. */
function described(read) {
  const place = [...(read.room === null ? [] : [quiet(" of "), roomLink(read.room)]), ...inMemory(read)];
  switch (read.what) {
    case "key":
      return [mono(read.key), ...place, quiet(read.bytes === null ? ": not there" : `: ${bytes(read.bytes)}`)];
    case "list":
      return ["list of ", ...range(read), ...place, quiet(listed(read))];
    case "timer":
      return ["timer ", mono(read.name), quiet(read.at === null ? ": not there" : `: ${moment(read.at)}`)];
    case "usage":
      return ["usage", ...place];
  }
}

function listed({ entries, limit, isReverse }) {
  const asked = [limit !== null && `at most ${limit}`, isReverse && "backwards"].filter(Boolean).join(", ");
  const found = entries === null ? "refused as too long" : plural(entries, "key");
  return `${asked && `, ${asked}`}: ${found}`;
}

function range({ prefix, start, isAfter, end }) {
  const parts = [];
  if (prefix) parts.push(mono(`${prefix}…`));
  if (start) parts.push(isAfter ? " after " : " from ", mono(start));
  if (end !== null) parts.push(" before ", mono(end));
  return parts.length ? parts : ["all keys"];
}

function written(write) {
  switch (write.what) {
    case "put": {
      const ttl = write.expires === null ? [] : [" ", quiet(`until ${moment(write.expires)}`)];
      return ["Put", mono(write.key), ...inMemory(write), ...ttl, value(write.data, write.kind)];
    }
    case "delete":
      return ["Deleted", mono(write.key), ...inMemory(write)];
    case "delete-all":
      return ["Deleted", "everything", ...inMemory(write)];
  }
}

function signalled(signal) {
  const data = signal.data ? [value(signal.data)] : [];
  switch (signal.what) {
    case "signal": {
      const onFail = signal.onFail === null ? [] : [quiet(" if it is parked: "), mono(signal.onFail)];
      return ["Signal", mono(signal.name), " to ", roomLink(signal.room), ...onFail, ...data];
    }
    case "timer": {
      const every = signal.period === null ? "" : `, every ${lasting(signal.period)}`;
      return ["Timer", mono(signal.name), ` at ${moment(signal.at)}${every}`, ...data];
    }
    case "cancel":
      return ["Cancelled", "timer ", mono(signal.name)];
    case "cancel-all":
      return ["Cancelled", "all timers"];
    case "stream":
      return ["Stream", mono(signal.name), ` ${signal.method} `, mono(signal.url)];
    case "cancel-stream":
      return ["Cancelled", "stream ", mono(signal.name)];
    case "cancel-all-streams":
      return ["Cancelled", "all streams"];
  }
}
