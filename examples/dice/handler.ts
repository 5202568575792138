// A dice game: log in, look around in the lobby, sit down at a table, roll.
//
// onUpgrade lets in only who brings a signed session, so everything after it knows who that is. A
// round is over once everybody at the table has rolled; the highest roll wins it, and who has won
// five wins the game. The server rolls, and a table's events run one at a time: two who roll at once
// both count, and there is one winner.

import { close, getWebSockets, send } from "zigttp:websocket";
import { page } from "./page.ts";
import { keep, newPlayer, playerOf, playersAt } from "./player.ts";
import { rollDice, settle, sum } from "./round.ts";
import { logIn, nameOf } from "./session.ts";

export const routes = ["/lobby", "/table/:name"];

const LOBBY = "/lobby";
const TABLES = ["/table/oak", "/table/ash", "/table/elm"];
const SEATS = 6;

export function onUpgrade(req: Request) {
  const name = nameOf(req);
  if (name === undefined) return Response.text("log in first\n", { status: 401 });
  if (req.path !== LOBBY && !TABLES.includes(req.path)) {
    return Response.text("there is no such table\n", { status: 404 });
  }
  // Becomes the first attachment of the connection.
  return newPlayer(name, req.path);
}

export function onOpen(ws: WebSocket) {
  const { name, room } = playerOf(ws);
  if (room === LOBBY) {
    send(ws, lobbyNews());
    return;
  }
  const others = getWebSockets(room).filter((peer) => peer !== ws).map(playerOf);
  if (others.some((player) => player.name === name)) {
    refuseSeat(ws, 4001, "you sit at this table already");
  } else if (others.length >= SEATS) {
    refuseSeat(ws, 4002, "the table is full");
  } else {
    tellTable(room, `${name} sits down.`);
    tellLobby();
  }
}

export function onMessage(ws: WebSocket, data: string | ArrayBuffer, room: string) {
  if (data !== "roll" || room === LOBBY) {
    close(ws, 1008, "not a message of this example");
    return;
  }
  const player = playerOf(ws);
  // Once a round, and not alone.
  if (player.hasRolled || getWebSockets(room).length < 2) return;
  const roll = rollDice();
  keep(ws, { ...player, roll, hasRolled: true });
  tellTable(room, settle(room) ?? `${player.name} rolls ${sum(roll)}.`);
}

export function onClose(ws: WebSocket) {
  const { name, room } = playerOf(ws);
  if (!TABLES.includes(room)) return;
  // The round may have waited for this one alone.
  tellTable(room, settle(room) ?? `${name} leaves.`);
  tellLobby();
}

export async function handler(req: Request) {
  switch (`${req.method} ${req.path}`) {
    case "GET /":
      return Response.html(page);
    case "POST /login":
      return await logIn(req);
    case "GET /me":
      return Response.json({ name: nameOf(req) ?? null });
    default:
      return Response.text("not found\n", { status: 404 });
  }
}

function refuseSeat(ws: WebSocket, code: number, why: string) {
  keep(ws, { ...playerOf(ws), room: "none" });
  close(ws, code, why);
}

function tellTable(room: string, news: string) {
  const message = JSON.stringify({ type: "table", players: playersAt(room), news });
  for (const peer of getWebSockets(room)) send(peer, message);
}

/** Another room than the event's own: what is read there is as it was a moment ago. */
function tellLobby() {
  const message = lobbyNews();
  for (const peer of getWebSockets(LOBBY)) send(peer, message);
}

function lobbyNews(): string {
  const tables = TABLES.map((path) => ({
    path,
    seats: SEATS,
    players: playersAt(path).map((player) => player.name),
  }));
  return JSON.stringify({ type: "lobby", tables });
}
