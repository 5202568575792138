// A game that moves by itself twenty times a second. Where everybody is changes all the time and is kept in
// `zigttp:memory`; the scores are worth keeping, and are saved to `zigttp:storage` every ten seconds.
//
// The timers of a room are its clock: the first player starts them, and they stop when nobody is there.

import { cancelSignal, signalEvery, signalTime } from "zigttp:durable";
import * as memory from "zigttp:memory";
import { broadcast, close, deserializeAttachment, getWebSockets, send } from "zigttp:websocket";
import { type Dot, type Point, newDot, step } from "./field.ts";
import { parse } from "./messages.ts";
import { page } from "./page.ts";
import { save, scoresOf } from "./scores.ts";

export const routes = ["/arena/:name"];

const TICK_MS = 50;
const SAVE_MS = 10_000;
const MOST_PLAYERS = 50;
const NAME = /^[\p{L}\p{N}_-]{1,20}$/u;

/** Who comes says a name, which is also that of the dot: /arena/one?name=ada. */
export function onUpgrade(req: Request, room: string): { name: string } | Response {
  const name = new URLSearchParams(req.query).get("name") ?? "";
  if (!NAME.test(name)) return refusal(400, "say who you are, with ?name= of 1 to 20 letters and digits\n");
  const players = getWebSockets(room);
  if (players.length >= MOST_PLAYERS) return refusal(409, "the arena is full\n");
  if (players.some((player) => nameOf(player) === name)) return refusal(409, "this name is taken\n");
  return { name };
}

export function onOpen(ws: WebSocket, url: string, room: string) {
  put(room, nameOf(ws), newDot(scoresOf(room).get(nameOf(ws)) ?? 0));
  if (signalTime(room, "tick") === undefined) signalEvery(room, "tick", TICK_MS);
  if (signalTime(room, "save") === undefined) signalEvery(room, "save", SAVE_MS);
  send(ws, savedIn(room));
}

export function onMessage(ws: WebSocket, data: string | ArrayBuffer, room: string) {
  const aim = parse(data);
  if (aim === undefined) return close(ws, 1008, "not a message of this example");
  const dot = memory.get<Dot>(room, keyOf(nameOf(ws)));
  if (dot !== undefined) put(room, nameOf(ws), { ...dot, aim });
}

export function onSignal(room: string, name: string) {
  // After a restart the timers are there, and the players are not.
  if (getWebSockets(room).length === 0) stop(room);
  else if (name === "tick") tick(room);
  else if (name === "save") saveAll(room);
}

export function onClose(ws: WebSocket, code: number, reason: string, room: string) {
  const dot = memory.get<Dot>(room, keyOf(nameOf(ws)));
  if (dot !== undefined) save(room, new Map([[nameOf(ws), dot.score]]));
  memory.delete(room, keyOf(nameOf(ws)));
  if (getWebSockets(room).every((player) => player === ws)) stop(room);
}

export function handler(req: Request) {
  if (req.path === "/") return Response.html(page);
  return Response.text("not found\n", { status: 404 });
}

/** Moves everybody by one step, and shows it. A frame that is late is of no use to anybody: it may be dropped. */
function tick(room: string) {
  const { dots, coin } = step({ dots: dotsIn(room), coin: memory.get<Point>(room, "coin") });
  for (const [name, dot] of dots) put(room, name, dot);
  memory.put(room, "coin", coin);
  const shown = [...dots].map(([name, { x, y, score }]) => ({ name, x, y, score }));
  broadcast(room, JSON.stringify({ type: "tick", dots: shown, coin }), { volatile: true });
}

function saveAll(room: string) {
  save(room, new Map([...dotsIn(room)].map(([name, { score }]) => [name, score])));
  broadcast(room, savedIn(room));
}

function savedIn(room: string): string {
  return JSON.stringify({ type: "scores", scores: [...scoresOf(room)] });
}

function stop(room: string) {
  cancelSignal(room, "tick");
  cancelSignal(room, "save");
}

function dotsIn(room: string): Map<string, Dot> {
  return new Map(getWebSockets(room).flatMap((player): [string, Dot][] => {
    const dot = memory.get<Dot>(room, keyOf(nameOf(player)));
    return dot === undefined ? [] : [[nameOf(player), dot]];
  }));
}

function put(room: string, name: string, dot: Dot) {
  memory.put(room, keyOf(name), dot);
}

const keyOf = (name: string) => `dot/${name}`;

function nameOf(ws: WebSocket): string {
  return deserializeAttachment<{ name: string }>(ws)?.name ?? "somebody";
}

function refusal(status: number, text: string): Response {
  return Response.text(text, { status });
}
