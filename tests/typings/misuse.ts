// What the typings must reject: tsc complains of each directive below that hides no error.
import { type OnSignal, type OnStream, cancelSignal, signal, signalAt, signalEvery, signalTime, stream } from "zigttp:durable";
import * as memory from "zigttp:memory";
import * as storage from "zigttp:storage";
import {
  broadcast, close, deserializeAttachment, getWebSockets, join, listRooms, move, type OnClose, type OnMessage,
  type OnUpgrade, roomFromPath, type RoomOf, send, serializeAttachment, setAutoResponse, webSocketById,
  type WebSocket as Connection,
} from "zigttp:websocket";

// A connection is not a number, a text or an object of the handler, and has no members.
// @ts-expect-error
send(123, "text");
// @ts-expect-error
send(123 as any as string, {});
// @ts-expect-error
send("1", "text");
// @ts-expect-error
send({}, "text");
export function members(ws: WebSocket) {
  // @ts-expect-error
  ws.send("text");
  // @ts-expect-error
  return ws + 1;
}
// @ts-expect-error
new WebSocket("ws://localhost");
// @ts-expect-error
export const number: number = null as any as WebSocket;
export const same: Connection = null as any as WebSocket;

export async function outside() {
  // @ts-expect-error
  await fetch();
  // @ts-expect-error
  await fetch("https://example.com/", { body: { a: 1 } });
  // @ts-expect-error
  await fetch("https://example.com/", { cache: "no-store" });
  // @ts-expect-error
  (await fetch("https://example.com/")).body.getReader();
  // @ts-expect-error
  new AbortSignal();
  // @ts-expect-error
  setInterval(() => {}, 1000);
  // @ts-expect-error
  setTimeout("code", 10);
}

export function calls(ws: WebSocket) {
  // @ts-expect-error
  send(ws);
  // @ts-expect-error
  send(ws, {});
  // @ts-expect-error
  send(ws, 1);
  // @ts-expect-error
  close(ws, "1000");
  // @ts-expect-error
  close(ws, 1000, 5);
  // @ts-expect-error
  getWebSockets(ws);
  // @ts-expect-error
  roomFromPath(ws);
  // @ts-expect-error
  setAutoResponse(ws, "ping");
  // @ts-expect-error
  for (const peer of getWebSockets("/").values()) peer.close();
}

// Values that would not be read back as they were stored.
class Account {
  name = "zoë";
  rename(name: string) { this.name = name; }
}
interface Visit { at: Date }
interface Named { name?: string; greet?: () => string }
interface Tree { value: number; children: readonly Tree[]; tags: Set<string> }
export async function values(ws: WebSocket, account: Account, visit: Visit, named: Named, tree: Tree, key: unknown) {
  // @ts-expect-error
  serializeAttachment(ws);
  // @ts-expect-error
  serializeAttachment(ws, undefined);
  // @ts-expect-error
  serializeAttachment(ws, new Date());
  // @ts-expect-error
  serializeAttachment(ws, { when: new Date() });
  // @ts-expect-error
  serializeAttachment(ws, [[new Map([["a", 1]])]]);
  // @ts-expect-error
  serializeAttachment(ws, new Set([1]));
  // @ts-expect-error
  serializeAttachment(ws, 1n);
  // @ts-expect-error
  serializeAttachment(ws, { id: 1n });
  // @ts-expect-error
  serializeAttachment(ws, Symbol.iterator);
  // @ts-expect-error
  serializeAttachment(ws, () => 1);
  // @ts-expect-error
  serializeAttachment(ws, { then: async () => 1 });
  // @ts-expect-error
  serializeAttachment(ws, Account);
  // @ts-expect-error
  serializeAttachment(ws, account);
  // @ts-expect-error
  serializeAttachment(ws, Promise.resolve(1));
  // @ts-expect-error
  serializeAttachment(ws, /x/);
  // @ts-expect-error
  serializeAttachment(ws, new DataView(new ArrayBuffer(1)));
  // @ts-expect-error
  serializeAttachment(ws, { bytes: new Uint8Array(1) });
  // @ts-expect-error
  serializeAttachment(ws, [1, undefined]);
  // @ts-expect-error
  serializeAttachment(ws, [1, visit] as [number, Visit]);
  // @ts-expect-error
  serializeAttachment(ws, [[[undefined]]]);
  // @ts-expect-error
  serializeAttachment(ws, visit);
  // @ts-expect-error
  serializeAttachment(ws, named);
  // @ts-expect-error
  serializeAttachment(ws, tree);
  // @ts-expect-error
  serializeAttachment(ws, key);
  // What is read may not be there.
  // @ts-expect-error
  deserializeAttachment<Named>(ws).name;
  // @ts-expect-error
  const count: number = deserializeAttachment<string>(ws);
  return count;
}

// The state of a room and the data of signals are such values, too.
export function rooms(ws: WebSocket, room: string, account: Account, visit: Visit, tree: Tree, key: unknown) {
  // @ts-expect-error
  storage.put(room, "when", new Date());
  // @ts-expect-error
  storage.put(room, "visit", visit);
  // @ts-expect-error
  storage.put(room, "visits", [visit]);
  // @ts-expect-error
  memory.put(room, "visit", visit);
  // @ts-expect-error
  storage.put(room, "account", account);
  // @ts-expect-error
  storage.put(room, "tree", tree);
  // @ts-expect-error
  storage.put(room, "players", new Map([["a", 1]]));
  // @ts-expect-error
  storage.put(room, "nothing", undefined);
  // @ts-expect-error
  storage.put(room, "anything", key);
  // @ts-expect-error
  storage.put(room, "bytes", { bytes: new Uint8Array(1) });
  // @ts-expect-error
  signal(room, "visit", visit);
  // @ts-expect-error
  signalAt(room, "visit", Date.now(), new Date());
  // @ts-expect-error
  signalEvery(room, "visit", 50, [visit]);

  // The room comes first, and is a string.
  // @ts-expect-error
  storage.put("key", 1);
  // @ts-expect-error
  storage.get("key");
  // @ts-expect-error
  storage.put(ws, "key", 1);
  // @ts-expect-error
  storage.list({ prefix: "a" });
  // @ts-expect-error
  storage.deleteAll();
  // @ts-expect-error
  storage.delete(room, "a", "b");
  // @ts-expect-error
  storage.list(room, { limit: "10" });
  // @ts-expect-error
  storage.list(room, { first: 10 });
  // @ts-expect-error
  storage.put(room, "key", 1, { ttl: new Date() });
  // @ts-expect-error
  storage.put(room, "key", 1, 1000);
  // @ts-expect-error
  signal(room);
  // @ts-expect-error
  signal(room, "name", {}, { onfail: "other" });
  // @ts-expect-error
  signalAt(room, "name", "tomorrow");
  // @ts-expect-error
  signalEvery(room, "name", new Date());
  // @ts-expect-error
  cancelSignal("name");
  // @ts-expect-error
  const at: number = signalTime(room, "name");
  // What is read may not be there, and its type is not guessed.
  // @ts-expect-error
  const count: number = storage.get<number>(room, "n");
  // @ts-expect-error
  storage.get(room, "n") + 1;
  // @ts-expect-error
  const total: number = memory.get(room, "n") ?? 0;
  // @ts-expect-error
  const names: [string, string][] = storage.list(room, { limit: 1 });
  return [at, count, total, names];
}
// @ts-expect-error
export const onSignal: OnSignal = (name, data: number, info) => {};
export const onStream: OnStream = (room, name, piece) => {
  // What a piece has depends on its kind.
  // @ts-expect-error
  piece.lines;
  if (piece.kind === "lines") {
    // @ts-expect-error
    piece.events;
  }
  // @ts-expect-error
  if (piece.kind === "data") return;
  // @ts-expect-error
  if (piece.kind === "end" && piece.error === "gone") return;
};
// @ts-expect-error
stream("/room", "name", "https://api.example.com/", { as: "words" });
// @ts-expect-error
stream("/room", "name", { url: "https://api.example.com/" });
// @ts-expect-error
stream("/room", "name", "https://api.example.com/", { signal: null });
// @ts-expect-error
import { remove } from "zigttp:storage";
// @ts-expect-error
import { Storable } from "zigttp:memory";

// A boolean, number or null must not let a client in.
// @ts-expect-error
export const boolean: OnUpgrade = (req) => req.path === "/";
// @ts-expect-error
export const numeric: OnUpgrade = () => 1;
// @ts-expect-error
export const nothing: OnUpgrade = () => null;
// @ts-expect-error
export const list: OnUpgrade = () => [1];
// @ts-expect-error
export const date: OnUpgrade = async () => new Date();
// @ts-expect-error
export const callback: OnUpgrade = () => () => ({ user: 1 });

// Events have the arguments the runtime gives, and data may be binary.
// @ts-expect-error
export const onMessage: OnMessage = (ws, data) => send(ws, data.toUpperCase());
// @ts-expect-error
export const onClose: OnClose = (ws, code, reason, room, url) => {};

// What other hosts have and this one does not.
// @ts-expect-error
process.env.HOME;
// @ts-expect-error
document.title;
// @ts-expect-error
import { readFileSync } from "node:fs";
// @ts-expect-error
import { emit } from "zigttp:websocket";
// @ts-expect-error
import { connection } from "zigttp:websocket";

// Responses carry text or bytes.
// @ts-expect-error
new Response({ ok: true });
// @ts-expect-error
Response.redirect("/", 200);
// @ts-expect-error
new Request("/").url = "/other";

export function inRooms(ws: WebSocket) {
  // @ts-expect-error
  join(ws);
  // @ts-expect-error
  move(ws, 7);
  // @ts-expect-error
  broadcast("room", {});
  // @ts-expect-error
  broadcast("room", "text", { exept: ws });
  // @ts-expect-error
  broadcast("room", "text", ["7"]);
  // @ts-expect-error
  send(ws, "text", { volatile: 1 });
  // @ts-expect-error
  listRooms({ of: "all" });
  // @ts-expect-error
  webSocketById(7);
  // @ts-expect-error
  return send(webSocketById("7"), "it may be gone");
}
// @ts-expect-error
export const roomByNumber: RoomOf = () => 7;
// @ts-expect-error
export const roomLater: RoomOf = async () => "room";
