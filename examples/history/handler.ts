// A chat whose rooms remember: who comes gets the last lines, and pages back through the last hundred.
//
// What was said belongs to the room, not to those who are there: it is still there when the last one
// has left, and with --durable when the server has been restarted. `lines.ts` is all there is to it.

import { close, deserializeAttachment, getWebSockets, send } from "zigttp:websocket";
import { add, lastLines } from "./lines.ts";
import { parse } from "./messages.ts";
import { page } from "./page.ts";

export const routes = ["/room/:name"];

const MAX_NAME = 40;

interface Member {
  name: string;
}

/** Who comes says a name: /room/lobby?name=Ada. */
export function onUpgrade(req: Request): Member | Response {
  const name = new URLSearchParams(req.query).get("name")?.trim() ?? "";
  if (name === "" || name.length > MAX_NAME) {
    const what = `say who you are, with ?name= and at most ${MAX_NAME} characters\n`;
    return Response.text(what, { status: 400 });
  }
  // Becomes the first attachment of the connection.
  return { name };
}

export function onOpen(ws: WebSocket, url: string, room: string) {
  send(ws, JSON.stringify({ type: "latest", ...lastLines(room) }));
}

export function onMessage(ws: WebSocket, data: string | ArrayBuffer, room: string) {
  const message = parse(data);
  switch (message?.type) {
    case "say": {
      const line = JSON.stringify({ type: "line", line: add(room, nameOf(ws), message.text) });
      for (const peer of getWebSockets(room)) send(peer, line);
      return;
    }
    case "earlier":
      send(ws, JSON.stringify({ type: "earlier", ...lastLines(room, message.before) }));
      return;
    default:
      close(ws, 1008, "not a message of this example");
  }
}

export function handler(req: Request) {
  if (req.path === "/") return Response.html(page);
  return Response.text("not found\n", { status: 404 });
}

function nameOf(ws: WebSocket): string {
  return deserializeAttachment<Member>(ws)?.name ?? "somebody";
}
