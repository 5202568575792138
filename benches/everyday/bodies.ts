// What real handlers do with a message, in ten bodies and an empty one: `everyday` of BENCHMARKS.md runs these
// unchanged in zigttp, Bun and Node.js. Each depends on its message alone, so that all replies can be compared.

type Body = (text: string) => string;

/** What the others are measured against. */
const echo: Body = (text) => text;

/** A `Map` of a hundred entries: votes are counted, and the ten with the most listed. */
const votes: Body = (text) => {
  const counts = new Map<string, number>();
  for (const name of text.split(" ")) counts.set(name, (counts.get(name) ?? 0) + 1);
  const ranked = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  return ranked.slice(0, 10).map(([name, count]) => `${name}: ${count}`).join(", ");
};

/** `Set`s of a hundred entries: who is in either of two lists, who has come, and who has gone. */
const presence: Body = (text) => {
  const [before, after] = text.split("|").map((list) => new Set(list.split(",")));
  const all = new Set([...before!, ...after!]);
  const come: string[] = [];
  for (const id of after!) if (!before!.has(id)) come.push(id);
  const gone = [...before!].filter((id) => !after!.has(id));
  return `${all.size} known, come: ${come.join()}, gone: ${gone.join()}`;
};

/** A hundred objects through `map`, `filter`, `reduce` and `join`. */
const orders: Body = (text) => {
  const rows = text.split("\n").map((line) => {
    const [id, item, price, count] = line.split(";");
    return { id: Number(id), item: item!, price: parseFloat(price!), count: parseInt(count!, 10) };
  });
  const open = rows.filter((row) => row.count > 0).map((row) => ({ ...row, total: row.price * row.count }));
  const sum = open.reduce((sum, row) => sum + row.total, 0);
  return `${open.map((row) => `${row.id}:${row.item}`).join(",")} = ${sum.toFixed(2)}`;
};

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escape = (text: string) => text.replace(/[&<>"]/g, (sign) => ENTITIES[sign]!);

/** Template strings: a table of twenty rows in HTML, with its texts escaped. */
const page: Body = (text) => {
  const rows = text.split("\n").map((line, index) => {
    const [name, note, score] = line.split("\t");
    return `<tr class="${index % 2 === 0 ? "even" : "odd"}" id="row-${index}">
  <td>${escape(name!)}</td><td title="${escape(note!)}">${escape(note!)}</td><td>${Number(score).toFixed(1)}</td>
</tr>`;
  });
  return `<table>\n${rows.join("\n")}\n</table>`;
};

/** `new URL` and its `searchParams`: the link of an invitation is read and answered with another. */
const invitation: Body = (text) => {
  const url = new URL(text);
  const room = decodeURIComponent(url.pathname.split("/")[2] ?? "");
  const page = Number(url.searchParams.get("page") ?? "1");
  const tags = url.searchParams.getAll("tag");
  const next = new URL(`/room/${encodeURIComponent(room)}/list`, url.origin);
  next.searchParams.set("page", String(page + 1));
  for (const tag of tags) next.searchParams.append("tag", tag.toLowerCase());
  return `${room} at ${url.host}: ${next}`;
};

const pad = (number: number) => String(number).padStart(2, "0");

/** `Date`: times are read, compared, moved and written in four ways. */
const calendar: Body = (text) => {
  const [first, ...rest] = text.split(",").map((time) => new Date(time));
  const lines = rest.map((date) => {
    const days = Math.floor((date.getTime() - first!.getTime()) / 86_400_000);
    const clock = `${pad(date.getHours())}:${pad(date.getMinutes())}`;
    return `${date.toLocaleDateString("en-US", { month: "short", day: "numeric" })} ${clock} (+${days})`;
  });
  const due = new Date(first!);
  due.setDate(due.getDate() + 30);
  const month = new Date(Date.UTC(due.getUTCFullYear(), due.getUTCMonth(), 1));
  return `${first!.toISOString()}: ${lines.join(", ")}; due ${due.toUTCString()}, ${month.toISOString().slice(0, 10)}`;
};

/** Regular expressions: a line of a chat with a command, mentions, links and marks. */
const chat: Body = (text) => {
  const command = /^\/(?<name>\w+)(?:\s+(?<rest>.*))?$/s.exec(text);
  const body = command?.groups?.rest ?? text;
  const mentions = [...body.matchAll(/(?<![\w@])@([a-z][\w-]*)/gi)].map((found) => found[1]);
  const html = escape(body)
    .replace(/https?:\/\/[^\s<]+[^\s<.,:;"')\]]/g, (link) => `<a href="${link}">${link}</a>`)
    .replace(/\*\*(.+?)\*\*/g, "<b>$1</b>")
    .replace(/`([^`]+)`/g, "<code>$1</code>")
    .replace(/:(\w+):/g, (all, name) => (name === "smile" ? "🙂" : all));
  const isLoud = /\p{Lu}{4,}/u.test(body) || /!{3,}$/.test(body);
  return `${command?.groups?.name ?? "say"} [${mentions.join()}] ${isLoud} ${html}`;
};

class Refusal extends Error {
  readonly field: string;
  constructor(field: string, message: string) {
    super(message);
    this.field = field;
  }
}

const FIELDS: Record<string, (value: string) => unknown> = {
  name(value) {
    if (value.length < 2 || value.length > 20) throw new Refusal("name", `has ${value.length} letters`);
    return value[0]!.toUpperCase() + value.slice(1).toLowerCase();
  },
  level(value) {
    const level = Number(value);
    if (!Number.isInteger(level) || level < 1) throw new Refusal("level", `${value} is no level`);
    return level;
  },
  color(value) {
    if (!value.startsWith("#") || value.length !== 7) throw new Refusal("color", "is no color");
    return parseInt(value.slice(1), 16);
  },
};

/** Strings cut by hand and checked by functions that throw: `room/action key=value; key=value`. */
const command: Body = (text) => {
  const space = text.indexOf(" ");
  const [room, action] = text.slice(0, space).trim().split("/");
  const values: string[] = [];
  const faults: string[] = [];
  for (const part of text.substring(space + 1).split(";")) {
    const at = part.indexOf("=");
    const key = part.slice(0, at).trim().toLowerCase();
    try {
      const check = FIELDS[key];
      if (check === undefined) throw new Refusal(key, "is unknown");
      values.push(`${key.padEnd(6, ".")}${String(check(part.slice(at + 1).trim())).padStart(10)}`);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      faults.push(`${error.field} ${error.message}`);
    }
  }
  return `${room!.padStart(8, "0")} ${action} ${values.join(" ")}${faults.length > 0 ? ` but ${faults.join(" and ")}` : ""}`;
};

interface Player {
  readonly id: string;
  readonly score: number;
  readonly items: readonly string[];
}
interface Game {
  readonly turn: number;
  readonly players: { readonly [id: string]: Player };
}

const reduce = (game: Game, [id, kind, value]: [string, string, string]): Game => {
  const player: Player = game.players[id] ?? { id, score: 0, items: [] };
  const change = (changed: Partial<Player>): Game => ({
    ...game,
    turn: game.turn + 1,
    players: { ...game.players, [id]: { ...player, ...changed } },
  });
  switch (kind) {
    case "score":
      return change({ score: player.score + Number(value) });
    case "take":
      return change({ items: [...player.items, value] });
    case "drop":
      return change({ items: player.items.filter((item) => item !== value) });
    default:
      return game;
  }
};

/** Objects copied by spreading, taken apart, and sorted with a comparison: forty actions of a game. */
const game: Body = (text) => {
  let state: Game = { turn: 0, players: {} };
  for (const action of text.split(",")) {
    const [id = "", kind = "", value = ""] = action.split(" ");
    state = reduce(state, [id, kind, value]);
  }
  const { turn, players } = state;
  const ranked = Object.values(players).sort((a, b) => b.score - a.score || a.id.localeCompare(b.id));
  return `${turn}: ${ranked.map(({ id, score, items }) => `${id}=${score}[${items.join("+")}]`).join(" ")}`;
};

/** Bytes: a message in base64 is read by a `DataView`, changed, and written again. */
const packet: Body = (text) => {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const length = view.getUint16(2);
  const name = new TextDecoder().decode(bytes.subarray(12, 12 + length));
  const reply = new TextEncoder().encode(`${name} at ${view.getFloat32(4).toFixed(2)}, ${view.getFloat32(8, true).toFixed(2)}`);
  const out = new Uint8Array(8 + reply.length);
  const header = new DataView(out.buffer);
  header.setUint8(0, view.getUint8(0) | 0x80);
  header.setUint16(2, reply.length);
  out.set(reply, 8);
  let sum = 0;
  for (const byte of out) sum = (sum * 31 + byte) >>> 0;
  header.setUint32(4, sum);
  return btoa(String.fromCharCode(...out));
};

export const bodies: Record<string, Body> = {
  echo, votes, presence, orders, page, invitation, calendar, chat, command, game, packet,
};
