// Values that the typings must take, and the types that they are read back with.
import {
  cancelStream, type OnSignal, type OnStream, signal, signalAt, signalEvery, signalTime, stream, type StreamError, type StreamInit,
} from "zigttp:durable";
import * as memory from "zigttp:memory";
import * as storage from "zigttp:storage";
import type { ListOptions, Usage } from "zigttp:storage";
import {
  broadcast, type BroadcastOptions, bufferedAmount, connectionId, deserializeAttachment, getRooms, join, leave, listRooms, move,
  type OnUpgrade, param, type RoomOf, send, serializeAttachment, webSocketById,
} from "zigttp:websocket";

interface Player {
  readonly name: string;
  score: number | null;
  team?: "red" | "blue";
  hand: readonly { suit: string; value: number }[];
  at: [x: number, y: number];
  friends: WebSocket[];
}
interface Tree { value: number; children: readonly Tree[] }
type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
type Nested = Tree | Nested[];
enum Level { Low, High }

export function stores(
  ws: WebSocket, player: Player, tree: Tree, json: Json, data: string | ArrayBuffer, anything: any,
  words: readonly string[], scores: Record<string, number>, partial: Partial<Player>,
  nested: Nested,
) {
  serializeAttachment(ws, player);
  serializeAttachment(ws, [player] as const);
  serializeAttachment(ws, tree);
  serializeAttachment(ws, json);
  serializeAttachment(ws, data);
  serializeAttachment(ws, anything);
  serializeAttachment(ws, JSON.parse("{}"));
  serializeAttachment(ws, words);
  serializeAttachment(ws, scores);
  serializeAttachment(ws, partial);
  serializeAttachment(ws, nested);
  serializeAttachment(ws, Level.High);
  serializeAttachment(ws, null);
  serializeAttachment(ws, true);
  serializeAttachment(ws, 1.5);
  serializeAttachment(ws, []);
  serializeAttachment(ws, {});
  serializeAttachment(ws, { ...player, peers: [ws], left: undefined, nested: { words } });
  serializeAttachment(ws, new Uint8Array(1));
  serializeAttachment(ws, new BigInt64Array(1));
  serializeAttachment(ws, new ArrayBuffer(1));
  // Its type can be given, too.
  serializeAttachment<Player>(ws, player);
}

export function storesAnything<T extends Json>(ws: WebSocket, value: T & Json) {
  serializeAttachment<Json>(ws, value);
}

export function reads(ws: WebSocket): number {
  const player = deserializeAttachment<Player>(ws);
  const team: "red" | "blue" | undefined = player?.team;
  // Without a type it is anything, whatever is expected of it.
  const text: string = deserializeAttachment(ws);
  const name = deserializeAttachment(ws).name;
  return (player?.hand[0].value ?? 0) + text.length + name.length + (team?.length ?? 0);
}

export const withObject: OnUpgrade = (req) => ({ user: req.headers.get("x-user"), since: 1 });
export const withInterface: OnUpgrade = async (): Promise<Tree> => ({ value: 1, children: [] });
export const withBytes: OnUpgrade = () => new Uint8Array(1);
export const withText: OnUpgrade = () => "kept";
export const withNothing: OnUpgrade = () => {};
export const withResponse: OnUpgrade = () => new Response("no", { status: 403 });

// The state of rooms takes the same values.
export function keeps(room: string, player: Player, tree: Tree, words: readonly string[], bytes: ArrayBuffer) {
  for (const place of [storage, memory]) {
    place.put(room, "player", player);
    place.put(room, "tree", tree, { ttl: 60_000 });
    place.put(room, "words", words);
    place.put(room, "bytes", bytes);
    place.put(room, "view", new Float32Array(1));
    place.put(room, "list", [player, { left: undefined }] as const);
    place.put<Player>(room, "player", player);
    const was: boolean = place.delete(room, "player");
    if (was) place.deleteAll(room);
  }
}

export function lists(room: string): number {
  const options: ListOptions = { prefix: "log/", startAfter: "log/1", reverse: true, limit: 100 };
  const players = storage.list<Player>(room, options);
  for (const [key, player] of memory.list<Player>(room, { start: "a", end: "b", limit: 1 })) players.push([key, player]);
  const team: "red" | "blue" | undefined = storage.get<Player>(room, "player")?.team;
  const { keys, bytes, limit }: Usage = storage.usage(room);
  return players[0][1].hand.length + keys + bytes + limit + (team?.length ?? 0);
}

export function tells(room: string, player: Player, words: readonly string[]) {
  signal("user:42", "start");
  signal(room, "start", player);
  signal(room, "start", undefined, { onFail: "not started" });
  signal(room, "words", words, { onFail: "not told" });
  signalAt(room, "turn", Date.now() + 1000, { player });
  signalAt(room, "turn", new Date(0));
  signalEvery(room, "tick", 50);
  const at: number | undefined = signalTime(room, "tick");
  return at;
}

export const onSignal: OnSignal = async (room, name, data: Player, info) => {
  const { id, kind, scheduledTime, attempt, last, missed, from }: SignalInfo = info;
  storage.put(room, name, { id, kind, at: scheduledTime + attempt + missed, last, from, team: data.team });
};

export function streams(room: string, url: URL): boolean {
  const init: StreamInit = { method: "POST", headers: { accept: "text/event-stream" }, body: new Uint8Array(1), as: "events" };
  stream(room, "answer", "https://api.example.com/");
  stream(room, "answer", url, init);
  stream(room, "answer", url, { headers: new Headers(), body: null, redirect: "manual" });
  return cancelStream(room, "answer");
}

export const onStream: OnStream = async (room, name, piece) => {
  switch (piece.kind) {
    case "start": return void storage.put(room, name, { status: piece.status, type: piece.headers.get("content-type") });
    case "lines": return void storage.put(room, name, piece.lines);
    case "events": return piece.events.forEach(({ event, data, id }) => storage.put(room, `${name}/${id}`, { event, data }));
    case "bytes": return void storage.put(room, name, piece.bytes);
    case "end": {
      const error: StreamError | undefined = piece.error;
      return void storage.put(room, name, { error, message: piece.message ?? "" });
    }
  }
};

export function rooms(ws: WebSocket, room: string, peers: readonly WebSocket[]): number {
  join(ws, "user:42");
  leave(ws, room);
  move(ws, `game:${connectionId(ws)}`);
  const all: { room: string; members: number }[] = listRooms({ prefix: "game:", startAfter: room, limit: 10, of: "state" });
  const other: WebSocket | undefined = webSocketById("7");
  if (other !== undefined) send(other, "hello", { volatile: true });
  const names: string[] = getRooms(ws);
  const options: BroadcastOptions = { except: peers, volatile: names.length > 1 };
  return broadcast(room, "all", options) + broadcast(room, new Uint8Array(1), ws) + broadcast(room, "few", peers)
    + bufferedAmount(ws) + all.length + listRooms().length + param(ws, "name").length + param(room, "id").length;
}

export const roomOf: RoomOf = (req) => {
  const { id } = req.params;
  if (req.headers.get("authorization") === null) return Response.text("log in first", { status: 401 });
  return id === undefined ? undefined : `user:${param(req, "id")}`;
};

/** A request becomes another one, with its body or with a new one. */
export async function passOn(req: Request): Promise<Response> {
  const moved = new Request("http://localhost/other", req);
  const changed = new Request(moved, { body: new Uint8Array([1]), headers: [["a", "b"]] });
  const encoding: "utf-8" | "utf-16le" | "utf-16be" | "windows-1252" = new TextDecoder("latin1").encoding;
  return new Response(await changed.bytes(), new Response(encoding));
}

export async function outside(ws: WebSocket, data: string) {
  const controller = new AbortController();
  const timer: number = setTimeout((text: string) => controller.abort(text), 100, "late");
  const init: RequestInit = { method: "POST", body: data, key: "order", redirect: "manual", signal: controller.signal };
  const response: Response = await fetch("https://example.com/", init);
  clearTimeout(timer);
  const signal = AbortSignal.any([controller.signal, AbortSignal.timeout(5000)]);
  const { status, ok, url, redirected, headers } = await fetch(new Request(new URL("https://example.com/"), { signal }));
  if (ok && status === 200 && !redirected) send(ws, url + headers.get("etag"));
  await new Promise<void>((resolve) => setTimeout(resolve, 10));
  const took: number = performance.now() - Date.now();
  send(ws, `${took} ${await response.text()}`);
  class Told extends EventTarget {}
  const target = new Told();
  target.addEventListener("told", (event: CustomEvent<string>) => send(ws, event.detail), { once: true, signal });
  target.dispatchEvent(new CustomEvent("told", { detail: data }));
  const file = new File([new Blob(["a", new Uint8Array(1)]), data], "a.txt", { type: "text/plain" });
  const form = new FormData();
  form.append("file", file, "b.txt");
  for (const [name, value] of form) send(ws, typeof value === "string" ? value : value.name + name);
}
