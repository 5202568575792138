// What benchmarks of WebSocket servers ask for: an echo, rooms, and a chat that remembers names.
//
// - /echo: each message is sent back;
// - /json: each message is a move of a game, which is parsed, looked at and written anew;
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

export const routes = ["/echo", "/json", "/room/:name", "/chat/:name"];

export function onOpen(ws: WebSocket) {
  setAutoResponse(ws, "heartbeat", "alive");
}

export function onMessage(ws: WebSocket, data: string | ArrayBuffer, room: string) {
  if (room === "/echo") {
    send(ws, data);
  } else if (room === "/json") {
    send(ws, moved(data as string));
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

// What nearly every handler does with a message: parse it, look at some of it, answer a new object.
function moved(text: string): string {
  const { type, seq, player, pos, tags, text: said } = JSON.parse(text);
  if (type !== "move" || typeof seq !== "string" || typeof player.id !== "number") return "bad";
  return JSON.stringify({ type, seq, player, pos, tags, text: said });
}
