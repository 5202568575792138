// A chat that only lets in who brings a token that somebody else has signed.
//
// onUpgrade verifies it before the connection opens, and what it says of its bearer becomes the first attachment: every
// later event knows who that is. While the keys of the issuer are fetched the event holds nothing: it runs again from the
// start when they are there, and the client gets its 101, or a 401, then.

import { broadcast, deserializeAttachment, send } from "zigttp:websocket";
import { page } from "./page.ts";
import { bearerOf, type Bearer } from "./token.ts";

export const routes = ["/room/:name"];

const MAX_TEXT = 500;

export async function onUpgrade(req: Request, room: string): Promise<Bearer | Response> {
  const bearer = await bearerOf(req, room);
  if (typeof bearer === "string") return Response.text(`${bearer}\n`, { status: 401 });
  return bearer;
}

export function onOpen(ws: WebSocket, url: string, room: string) {
  broadcast(room, JSON.stringify({ type: "joined", name: nameOf(ws) }));
}

export function onMessage(ws: WebSocket, data: string | ArrayBuffer, room: string) {
  if (typeof data !== "string" || data.length > MAX_TEXT) {
    send(ws, JSON.stringify({ type: "refused", why: `a message is text of at most ${MAX_TEXT} characters` }));
    return;
  }
  broadcast(room, JSON.stringify({ type: "said", name: nameOf(ws), text: data }));
}

export function handler(req: Request) {
  if (req.path === "/") return Response.html(page);
  return Response.text("not found\n", { status: 404 });
}

function nameOf(ws: WebSocket): string {
  return deserializeAttachment<Bearer>(ws)!.name;
}
