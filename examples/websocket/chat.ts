// A chat: one room a path, a name kept with each connection.
//
// The first message of a connection is its name; every later one goes to all in its room. On a
// server with `--durable data --resume`, a browser that comes back after a dropped link or a restart
// still has its name.

import {
  deserializeAttachment,
  getWebSockets,
  roomFromPath,
  send,
  serializeAttachment,
  setAutoResponse,
} from "zigttp:websocket";
import { page } from "./page.ts";

export const routes = ["/room/:name"];

export function onOpen(ws: WebSocket, url: string) {
  // Answered by the server itself: keeps a connection alive through proxies at no cost.
  setAutoResponse(ws, "heartbeat", "alive");
  // Here before the first message only if the connection is resumed.
  const name = deserializeAttachment(ws);
  if (name !== undefined) send(ws, `welcome back, ${name}`);
}

export function onMessage(ws: WebSocket, data: string | ArrayBuffer, room: string) {
  if (typeof data !== "string") return;
  const name = deserializeAttachment(ws);
  if (name === undefined) {
    serializeAttachment(ws, data);
    send(ws, `hello ${data}, this is ${roomFromPath(ws, "name")}`);
    return;
  }
  for (const peer of getWebSockets(room)) send(peer, `${name}: ${data}`);
}

export function onClose(ws: WebSocket, code: number, reason: string) {
  console.debug(`${deserializeAttachment(ws) ?? "somebody"} left with ${code} ${reason}`);
}

export function handler(req: Request) {
  if (req.path === "/") return Response.html(page);
  return Response.text("not found\n", { status: 404 });
}
