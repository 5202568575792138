// What the benchmark `state` serves.
import { send } from "zigttp:websocket";
import { signalEvery } from "zigttp:durable";
import * as memory from "zigttp:memory";
import * as storage from "zigttp:storage";

export const routes = ["/room/:name"];

const VALUE = "x".repeat(200);

export function onMessage(ws: WebSocket, data: string, room: string) {
  switch (data) {
    case "put": storage.put(room, "key", VALUE); break;
    case "get": for (let n = 0; n < 1000; n++) storage.get(room, "key"); break;
    case "none": for (let n = 0; n < 1000; n++) storage.get; break;
    case "tick": signalEvery(room, "tick", 50); break;
    case "missed": return send(ws, String(memory.get<number>(room, "missed") ?? 0));
  }
  send(ws, data);
}

export function onSignal(room: string, name: string, data: unknown, info: SignalInfo) {
  if (info.missed > 0) memory.put(room, "missed", (memory.get<number>(room, "missed") ?? 0) + info.missed);
}
