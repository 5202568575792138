// A whiteboard: what one draws, everybody on the board sees. Drawing travels and is kept as bytes.
//
// Nothing stands between two events, so the picture lives with those who look at it: what somebody
// has drawn is the attachment of their connection. A newcomer is sent the attachments of all, and
// who leaves hands theirs on to somebody who stays. When the last one goes the board is blank.

import {
  close,
  deserializeAttachment,
  getWebSockets,
  roomFromPath,
  send,
  serializeAttachment,
} from "zigttp:websocket";
import { page } from "./page.ts";
import { areStrokes, latest } from "./strokes.ts";

export const routes = ["/board/:name"];

// How much of what one has drawn is kept: under the 64 KiB an attachment may have.
const MAX_KEPT = 60_000;

/** A board has one spelling, so that nobody can be alone on what looks like the same one. */
export function onUpgrade(req: Request) {
  if (!/^\/board\/[a-z0-9-]{1,32}$/.test(req.path)) {
    return Response.text("a board is a name of a-z, 0-9 and -\n", { status: 404 });
  }
}

export function onOpen(ws: WebSocket) {
  const room = boardOf(ws);
  for (const peer of getWebSockets(room)) {
    const drawn = drawnBy(peer);
    if (drawn.length > 0) send(ws, drawn);
  }
  tellHowMany(room);
}

export function onMessage(ws: WebSocket, data: string | ArrayBuffer, room: string) {
  if (data === "clear") {
    for (const peer of getWebSockets(room)) {
      serializeAttachment(peer, new Uint8Array());
      send(peer, "clear");
    }
    return;
  }
  const strokes = typeof data === "string" ? new Uint8Array() : new Uint8Array(data);
  if (!areStrokes(strokes)) {
    close(ws, 1008, "not a message of this example");
    return;
  }
  keep(ws, strokes);
  for (const peer of getWebSockets(room)) if (peer !== ws) send(peer, strokes);
}

export function onClose(ws: WebSocket) {
  const room = boardOf(ws);
  const [heir] = getWebSockets(room);
  if (heir !== undefined) keep(heir, drawnBy(ws));
  tellHowMany(room);
}

export function handler(req: Request) {
  if (req.path === "/") return Response.html(page);
  return Response.text("not found\n", { status: 404 });
}

function boardOf(ws: WebSocket): string {
  return "/board/" + roomFromPath(ws, "name");
}

function drawnBy(ws: WebSocket): Uint8Array {
  return deserializeAttachment(ws) ?? new Uint8Array();
}

function keep(ws: WebSocket, strokes: Uint8Array) {
  const before = drawnBy(ws);
  const all = new Uint8Array(before.length + strokes.length);
  all.set(before);
  all.set(strokes, before.length);
  serializeAttachment(ws, latest(all, MAX_KEPT));
}

/** Text beside the bytes: a handler tells them apart by their type, and so does the page. */
function tellHowMany(room: string) {
  const peers = getWebSockets(room);
  for (const peer of peers) send(peer, `people ${peers.length}`);
}
