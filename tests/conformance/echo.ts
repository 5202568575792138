// The handler for Autobahn: sends every message back to its sender, as text or bytes.
import { send } from "zigttp:websocket";

export function onMessage(ws: WebSocket, data: string | ArrayBuffer) {
  send(ws, data);
}
