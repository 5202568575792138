// An echo: every message goes back to where it came from, text as text and bytes as bytes.

import { send } from "zigttp:websocket";
import { page } from "./page.ts";

// Only this path opens a WebSocket. Without `routes` every path would.
export const routes = ["/echo"];

export function onMessage(ws: WebSocket, data: string | ArrayBuffer) {
  send(ws, data);
}

export function handler(req: Request) {
  if (req.path === "/") return Response.html(page);
  return Response.text("not found\n", { status: 404 });
}
