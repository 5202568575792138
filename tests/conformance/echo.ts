// What Autobahn talks to: every message back to its sender, in its own kind.
import { send } from "zigttp:websocket";

export function onMessage(ws: WebSocket, data: string | ArrayBuffer) {
  send(ws, data);
}
