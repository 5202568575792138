// A lobby that matches players two by two, and a game for each pair. There is one URL, /play: `move` takes a connection
// to another room, so that each game runs in turns of its own, and games run in parallel.
//
// Who waits is the lobby's to decide, in its turn: nobody is matched twice.

import { signal, signalAt } from "zigttp:durable";
import * as storage from "zigttp:storage";
import { broadcast, deserializeAttachment, getWebSockets, move, send, serializeAttachment } from "zigttp:websocket";
import { type Game, type Mark, START, mark, winnerOf } from "./game.ts";
import { parse } from "./messages.ts";
import { page } from "./page.ts";

export const routes = ["/play"];

const LOBBY = "/play";
const HOUR = 60 * 60 * 1000;

/** What a connection is at: its attachment. */
type Player = { is: "idle" } | { is: "waiting" } | { is: "playing"; mark: Mark };

export function onOpen(ws: WebSocket) {
  wait(ws);
}

export function onMessage(ws: WebSocket, data: string | ArrayBuffer, room: string) {
  const message = parse(data);
  if (message === undefined) {
    send(ws, JSON.stringify({ type: "problem", text: "not a message of this example" }));
  } else if (room === LOBBY) {
    if (message.type === "play") wait(ws);
  } else if (message.type === "mark") {
    play(ws, message.cell, room);
  }
}

export function onSignal(room: string, name: string) {
  switch (name) {
    case "begin":
      begin(room);
      break;
    // A server that is killed runs no onClose: the game is still there, and its players are gone.
    case "forget":
      finish(room, getWebSockets(room), null);
      break;
  }
}

/** Who leaves a game loses it. Who leaves the lobby is only gone: no list has to be kept. */
export function onClose(ws: WebSocket, code: number, reason: string, room: string) {
  if (room === LOBBY) return;
  const others = getWebSockets(room).filter((peer) => peer !== ws);
  finish(room, others, others.length === 1 ? markOf(others[0]) : null);
}

export function handler(req: Request) {
  if (req.path === "/") return Response.html(page);
  return Response.text("not found\n", { status: 404 });
}

/** Matches a player with the first who waits, or lets the player wait. It is an event of the lobby. */
function wait(ws: WebSocket) {
  const opponent = getWebSockets(LOBBY).find((peer) => peer !== ws && tellMatched(peer));
  if (opponent === undefined) {
    become(ws, { is: "waiting" });
    send(ws, JSON.stringify({ type: "waiting" }));
    return;
  }
  const room = `game:${crypto.randomUUID()}`;
  become(opponent, { is: "playing", mark: "X" });
  become(ws, { is: "playing", mark: "O" });
  move(opponent, room);
  move(ws, room);
  // Only the game's own events write its state, so it is told to begin.
  signal(room, "begin");
}

function begin(room: string) {
  const players = getWebSockets(room);
  // One of them may have gone in the moment of the match.
  if (players.length < 2) return finish(room, players, null);
  storage.put(room, "game", START);
  signalAt(room, "forget", Date.now() + HOUR);
  for (const player of players) send(player, JSON.stringify({ type: "game", you: markOf(player), ...START }));
}

function play(ws: WebSocket, cell: number, room: string) {
  const before = storage.get<Game>(room, "game");
  const you = markOf(ws);
  const game = before && you && mark(before, you, cell);
  if (!game) return;
  storage.put(room, "game", game);
  broadcast(room, JSON.stringify({ type: "marked", ...game }));
  const winner = winnerOf(game);
  if (winner !== undefined) finish(room, getWebSockets(room), winner);
}

/** Ends a game, and takes its players back to the lobby. Nobody has won it if the winner is null. */
function finish(room: string, players: WebSocket[], winner: Mark | null) {
  for (const player of players) {
    send(player, JSON.stringify({ type: "over", winner }));
    become(player, { is: "idle" });
    move(player, LOBBY);
  }
  // The timer goes with it.
  storage.deleteAll(room);
}

function become(ws: WebSocket, player: Player) {
  serializeAttachment(ws, player);
}

/** Tells somebody who waits. Returns false for others, and for one that has just gone: `send` does not take its frame. */
function tellMatched(ws: WebSocket): boolean {
  return deserializeAttachment<Player>(ws)?.is === "waiting" && send(ws, JSON.stringify({ type: "matched" }));
}

function markOf(ws: WebSocket): Mark | null {
  const player = deserializeAttachment<Player>(ws);
  return player?.is === "playing" ? player.mark : null;
}
