// The bodies as a handler: a message to /NAME is answered by the body of that name.

import { send } from "zigttp:websocket";
import { bodies } from "./bodies.ts";

export const routes = ["/:body"];

export function onMessage(ws: WebSocket, data: string, room: string) {
  send(ws, bodies[room.slice(1)]!(data));
}
