// What benchmarks of WebSocket servers ask for: an echo, rooms, and a chat that remembers names.
//
// - /echo: each message is sent back;
// - /room/NAME: each message goes to all in the room, the sender too;
// - /chat/NAME: the first message is a name, which is greeted; later ones go to all as "name: text";
// - everywhere, the text "heartbeat" is answered "alive" without running any of this.

import {
  deserializeAttachment,
  getWebSockets,
  send,
  serializeAttachment,
  setAutoResponse,
} from "zigttp:websocket";

export const routes = ["/echo", "/room/:name", "/chat/:name"];

export function onOpen(ws: WebSocket) {
  setAutoResponse(ws, "heartbeat", "alive");
}

export function onMessage(ws: WebSocket, data: string | ArrayBuffer, room: string) {
  if (room === "/echo") {
    send(ws, data);
  } else if (room.startsWith("/room/")) {
    for (const peer of getWebSockets(room)) send(peer, data);
  } else {
    const name = deserializeAttachment(ws);
    if (name === undefined) {
      serializeAttachment(ws, data);
      send(ws, `hello ${data}`);
    } else {
      const line = `${name}: ${data}`;
      for (const peer of getWebSockets(room)) send(peer, line);
    }
  }
}
