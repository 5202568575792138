// Who is here, what they are up to, and who is typing.
//
// What is known of a person is the attachment of their connection, and the list of people is the
// list of a room's connections. There is no list to keep in step: who closes a tab is out of it.
//
// A client joins with {"type":"join","name":"Ada"} and is told everybody who is here; after that
// each change is one small message to the others.

import {
  close,
  deserializeAttachment,
  getWebSockets,
  send,
  serializeAttachment,
} from "zigttp:websocket";
import { type FromClient, parse } from "./messages.ts";
import { page } from "./page.ts";

export const routes = ["/room/:name"];

interface Person {
  id: string;
  room: string;
  name: string;
  status: string;
  typing: boolean;
}

export function onMessage(ws: WebSocket, data: string | ArrayBuffer, room: string) {
  const message = parse(data);
  if (message === undefined) {
    close(ws, 1008, "not a message of this example");
    return;
  }
  const before = personOf(ws);
  const person = before === undefined ? joining(message, room) : changed(before, message);
  // Somebody who has not joined yet can do nothing else.
  if (person === undefined) return;
  serializeAttachment(ws, person);
  if (message.type === "join") {
    const people = getWebSockets(room).map(personOf).filter((it) => it !== undefined);
    send(ws, JSON.stringify({ type: "here", you: person.id, people }));
  }
  tellOthers(room, { type: "person", person }, ws);
}

export function onClose(ws: WebSocket) {
  const person = personOf(ws);
  if (person !== undefined) tellOthers(person.room, { type: "left", id: person.id }, ws);
}

export function handler(req: Request) {
  if (req.path === "/") return Response.html(page);
  return Response.text("not found\n", { status: 404 });
}

function joining(message: FromClient, room: string): Person | undefined {
  if (message.type !== "join") return undefined;
  const { name, status } = message;
  return { id: crypto.randomUUID(), room, name, status, typing: false };
}

/** What a message makes of a person; who joins again, after a dropped link, stays the same one. */
function changed(person: Person, message: FromClient): Person {
  switch (message.type) {
    case "join":
      return { ...person, name: message.name, status: message.status, typing: false };
    case "status":
      return { ...person, status: message.status, typing: false };
    case "typing":
      return { ...person, typing: message.typing };
  }
}

function personOf(ws: WebSocket): Person | undefined {
  return deserializeAttachment<Person>(ws);
}

function tellOthers(room: string, message: object, ws: WebSocket) {
  const text = JSON.stringify(message);
  for (const peer of getWebSockets(room)) if (peer !== ws) send(peer, text);
}
