// One URL for a whole site, and channels that clients come into and leave as they go: what Socket.IO programs do, with
// acknowledgements and broadcasts to all but the sender.
//
// The room of a connection is its user's, by `roomOf`: the tabs of one user take turns, and different users run in
// parallel. A channel is a room that connections join. It has no events of its own: it is a name to broadcast to.

import { broadcast, deserializeAttachment, getRooms, getWebSockets, join, leave, send } from "zigttp:websocket";
import { type Asked, parse } from "./messages.ts";
import { page } from "./page.ts";

export const routes = ["/socket"];

const CHANNEL = "channel:";
const NAME = /^[\p{L}\p{N}_-]{1,20}$/u;

/** Who comes says a name: /socket?name=ada. A site with accounts takes it from a cookie or token. */
export function roomOf(req: Request): string | Response | undefined {
  if (req.path !== "/socket") return undefined;
  const name = nameIn(req.query);
  if (name === undefined) return Response.text("say who you are, with ?name= of 1 to 20 letters and digits\n", { status: 400 });
  return `user:${name}`;
}

export function onUpgrade(req: Request): { name: string } | undefined {
  const name = nameIn(req.query);
  return name === undefined ? undefined : { name };
}

export function onMessage(ws: WebSocket, data: string | ArrayBuffer) {
  const message = parse(data);
  if (message === undefined) {
    send(ws, packet("problem", "not a message of this example"));
    return;
  }
  const answer = answerTo(ws, message.asked);
  if (message.ack !== undefined) send(ws, packet("ack", message.ack, answer));
}

/** Carries out what a client asks for. What it returns is the acknowledgement. */
function answerTo(ws: WebSocket, asked: Asked): unknown {
  const channel = CHANNEL + asked.channel;
  const isIn = getRooms(ws).includes(channel);
  switch (asked.event) {
    case "join":
      if (!isIn) {
        join(ws, channel);
        broadcast(channel, packet("joined", asked.channel, nameOf(ws)), { except: ws });
      }
      return { members: getWebSockets(channel).map(nameOf) };
    case "leave":
      leave(ws, channel);
      if (isIn) broadcast(channel, packet("left", asked.channel, nameOf(ws)));
      return {};
    case "say":
      if (!isIn) return { error: "join the channel first" };
      return { heard: broadcast(channel, packet("said", asked.channel, nameOf(ws), asked.text), { except: ws }) };
  }
}

export function onClose(ws: WebSocket) {
  for (const room of getRooms(ws)) {
    if (room.startsWith(CHANNEL)) broadcast(room, packet("left", room.slice(CHANNEL.length), nameOf(ws)));
  }
}

export function handler(req: Request) {
  if (req.path === "/") return Response.html(page);
  return Response.text("not found\n", { status: 404 });
}

const packet = (event: string, ...given: unknown[]) => JSON.stringify([event, ...given]);

function nameIn(query: string): string | undefined {
  const name = new URLSearchParams(query).get("name") ?? "";
  return NAME.test(name) ? name : undefined;
}

function nameOf(ws: WebSocket): string {
  return deserializeAttachment<{ name: string }>(ws)?.name ?? "somebody";
}
