// Notifications: another program sends them by POST, and every tab of the user shows them, now or when it comes back.
//
// A user is a room, `user:ada`. `roomOf` names it by what a request carries: a tab by its token, a POST by its path. So
// the POST runs in the same turn as the messages of the tabs, and what nobody has read yet is stored in the room.

import { broadcast, send } from "zigttp:websocket";
import { page } from "./page.ts";
import { add, read, unread } from "./unread.ts";
import { isSender, userOf } from "./who.ts";

export const routes = ["/notifications", { path: "/api/users/:user/notifications", upgrade: false }];

const MAX_TEXT = 500;

export function roomOf(req: Request): string | Response | undefined {
  if (req.path === "/notifications") {
    const user = userOf(req.query);
    return user === undefined ? Response.text("log in first\n", { status: 401 }) : `user:${user}`;
  }
  const { user } = req.params;
  if (user === undefined) return undefined;
  if (!isSender(req.headers)) return Response.text("not a sender of notifications\n", { status: 401 });
  return `user:${user}`;
}

export function onOpen(ws: WebSocket, url: string, room: string) {
  send(ws, JSON.stringify({ type: "unread", notifications: unread(room) }));
}

/** A tab says what its user has read: `{"type":"read","id":7}`. The other tabs are told. */
export function onMessage(ws: WebSocket, data: string | ArrayBuffer, room: string) {
  const { type, id } = json(data);
  if (type === "read" && Number.isSafeInteger(id) && read(room, id)) {
    broadcast(room, JSON.stringify({ type: "read", id }), { except: ws });
  }
}

/** The other program: `POST /api/users/ada/notifications` with `{"text":"…"}`. */
export async function onRequest(req: Request, room: string): Promise<Response> {
  if (req.method !== "POST") return Response.text("POST a notification\n", { status: 405, headers: { allow: "POST" } });
  const { text } = json(await req.text());
  if (typeof text !== "string" || text.trim() === "" || text.length > MAX_TEXT || !text.isWellFormed()) {
    return Response.text(`a notification is {"text":"…"} with at most ${MAX_TEXT} characters\n`, { status: 400 });
  }
  const notification = add(room, text.trim());
  // Both happen or neither: it is stored, and the tabs are told.
  const tabs = broadcast(room, JSON.stringify({ type: "new", notification }));
  return Response.json({ id: notification.id, tabs }, { status: 202 });
}

export function handler(req: Request) {
  if (req.path === "/") return Response.html(page);
  return Response.text("not found\n", { status: 404 });
}

function json(data: string | ArrayBuffer): any {
  try {
    return typeof data === "string" ? Object(JSON.parse(data)) : {};
  } catch {
    return {};
  }
}
