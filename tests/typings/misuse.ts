// What the typings must reject: tsc complains of each directive below that hides no error.
import {
  close, getWebSockets, type OnClose, type OnMessage, roomFromPath, send, serializeAttachment,
  setAutoResponse, type WebSocket as Connection,
} from "zigttp:websocket";

// A connection is no number, no text, no object of one's own, and has no members.
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
  serializeAttachment(ws, { name: "zoë" });
  // @ts-expect-error
  getWebSockets(ws);
  // @ts-expect-error
  roomFromPath(ws);
  // @ts-expect-error
  setAutoResponse(ws, "ping");
  // @ts-expect-error
  for (const peer of getWebSockets("/").values()) peer.close();
}

// Events have the arguments the runtime gives, and data may be binary.
// @ts-expect-error
export const onMessage: OnMessage = (ws, data) => send(ws, data.toUpperCase());
// @ts-expect-error
export const onClose: OnClose = (ws, code, reason, room) => {};

// What other hosts have and this one has not.
// @ts-expect-error
setTimeout(() => {}, 1);
// @ts-expect-error
fetch("https://example.com");
// @ts-expect-error
process.env.HOME;
// @ts-expect-error
document.title;
// @ts-expect-error
import { readFileSync } from "node:fs";
// @ts-expect-error
import { broadcast } from "zigttp:websocket";
// @ts-expect-error
import { connection } from "zigttp:websocket";

// Responses carry text or bytes.
// @ts-expect-error
new Response({ ok: true });
// @ts-expect-error
Response.redirect("/", 200);
// @ts-expect-error
new Request("/").url = "/other";
