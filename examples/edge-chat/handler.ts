// A chat with rooms by name, after Cloudflare's demo of Durable Objects ("workers-chat-demo"): the
// same design and wire format, in code of our own, without a cloud.
//
// There a room is an object with storage. Here a room is the connections on one path, whose events run
// one at a time as an object's do, and its history lives with those who are there: what somebody has
// said is in the attachment of their connection, and who leaves hands it on to somebody who stays.

import { close, getWebSockets, send } from "zigttp:websocket";
import { allowed } from "./limiter.ts";
import { type Member, keep, linesOf, memberOf, merged } from "./member.ts";
import { page } from "./page.ts";

export const routes = ["/api/room/:name/websocket"];

const MAX_ROOM_NAME = 32;
const MAX_NAME = 32;
const MAX_MESSAGE = 256;
const PRIVATE_ROOM = /^[0-9a-f]{64}$/;

/** A room is private, with an id that nobody guesses, or public, with a short name. */
export function onUpgrade(req: Request) {
  const name = decodeURIComponent(req.path.split("/")[3]!);
  if (PRIVATE_ROOM.test(name) || name.length <= MAX_ROOM_NAME) return;
  return Response.text("the name of the room is too long\n", { status: 404 });
}

export function onOpen(ws: WebSocket) {
  // Who comes back on a server that resumes connections is somebody already.
  const member = memberOf(ws);
  if (member !== undefined) welcome(ws, member);
}

export function onMessage(ws: WebSocket, data: string | ArrayBuffer, room: string) {
  const message = parse(data);
  const member = memberOf(ws);
  if (member === undefined) join(ws, message, room);
  else speak(ws, member, message);
}

export function onClose(ws: WebSocket) {
  const member = memberOf(ws);
  if (member === undefined) return;
  const [heir] = membersIn(member.room);
  if (heir !== undefined) keep(heir, memberOf(heir)!, merged([linesOf(heir), linesOf(ws)]));
  tell(member.room, JSON.stringify({ quit: member.name }));
}

export function handler(req: Request) {
  // A path of one segment is a room's page: it can be shared as it is.
  if (req.method === "GET" && /^\/[^/]*$/.test(req.path)) return Response.html(page);
  if (req.method === "POST" && req.path === "/api/room") {
    return Response.text(Array.from(crypto.getRandomValues(new Uint8Array(32)), hex).join(""));
  }
  return Response.text("not found\n", { status: 404 });
}

function join(ws: WebSocket, message: Record<string, unknown>, room: string) {
  const name = typeof message.name === "string" && message.name.trim() ? message.name.trim() : "anonymous";
  if (name.length > MAX_NAME) {
    send(ws, JSON.stringify({ error: "Name too long." }));
    close(ws, 1009, "Name too long.");
    return;
  }
  const member = { name, room, nextAllowed: 0 };
  keep(ws, member, []);
  welcome(ws, member);
}

/** Tells a newcomer who is there and what was said, and the others who has come. */
function welcome(ws: WebSocket, { name, room }: Member) {
  const members = membersIn(room);
  for (const peer of members) {
    if (peer !== ws) send(ws, JSON.stringify({ joined: memberOf(peer)!.name }));
  }
  for (const line of merged(members.map(linesOf))) send(ws, line);
  tell(room, JSON.stringify({ joined: name }));
  send(ws, JSON.stringify({ ready: true }));
}

function speak(ws: WebSocket, member: Member, { message }: Record<string, unknown>) {
  const nextAllowed = allowed(member.nextAllowed, Date.now());
  if (nextAllowed === undefined) {
    send(ws, JSON.stringify({ error: "You are writing too fast, please try again later." }));
    return;
  }
  if (typeof message !== "string") return;
  if (message.length > MAX_MESSAGE) {
    send(ws, JSON.stringify({ error: "Message too long." }));
    return;
  }
  // The time comes first, so that lines sort as texts.
  const line = JSON.stringify({ timestamp: Date.now(), name: member.name, message });
  keep(ws, { ...member, nextAllowed }, merged([linesOf(ws), [line]]));
  tell(member.room, line);
}

function tell(room: string, text: string) {
  for (const peer of membersIn(room)) send(peer, text);
}

/** The connections of a room that have joined. */
function membersIn(room: string): WebSocket[] {
  return getWebSockets(room).filter((peer) => memberOf(peer) !== undefined);
}

function parse(data: string | ArrayBuffer): Record<string, unknown> {
  try {
    return typeof data === "string" ? Object(JSON.parse(data)) : {};
  } catch {
    return {};
  }
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}
