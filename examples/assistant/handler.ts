// A conversation with a language model that several people share: the answer comes to all of them as it is written.
//
// `stream` asks the model once the event has committed, and `onStream` gets the answer piece by piece. `conversation.ts`
// says what the room stores, `model.ts` how the model is asked and read.

import { cancelStream, stream, type StreamPiece } from "zigttp:durable";
import { broadcast, close, send } from "zigttp:websocket";
import { add, begin, end, messages, pending, write } from "./conversation.ts";
import { parse } from "./messages.ts";
import { completions, question, textOf } from "./model.ts";
import { page } from "./page.ts";

export const routes = ["/chat/:name"];

/** The name of the room's one stream. */
const ANSWER = "answer";

export function onOpen(ws: WebSocket, url: string, room: string) {
  // Who comes in the middle of an answer gets what there is of it.
  send(ws, JSON.stringify({ type: "conversation", messages: messages(room), pending: pending(room) ?? null }));
}

export function onMessage(ws: WebSocket, data: string | ArrayBuffer, room: string) {
  const message = parse(data);
  switch (message?.type) {
    case "ask":
      if (pending(room) !== undefined) {
        send(ws, JSON.stringify({ type: "busy" }));
        return;
      }
      add(room, "user", message.text);
      begin(room);
      stream(room, ANSWER, completions(), question(messages(room)));
      tell(room, { type: "question", text: message.text });
      return;
    case "stop":
      cancelStream(room, ANSWER);
      return;
    default:
      close(ws, 1008, "not a message of this example");
  }
}

export function onStream(room: string, name: string, piece: StreamPiece) {
  switch (piece.kind) {
    case "start":
      // An error of the model's server comes as JSON, in lines.
      if (piece.status !== 200) console.warn("the model responds with", piece.status);
      return;
    case "events": {
      const text = piece.events.map(({ data }) => textOf(data)).join("");
      if (text === "") return;
      write(room, text);
      tell(room, { type: "words", text });
      return;
    }
    case "lines":
      console.warn(...piece.lines);
      return;
    case "end": {
      const answer = end(room);
      if (answer !== "") add(room, "assistant", answer);
      // An answer that was stopped, or has broken off, is kept as far as it has come.
      tell(room, { type: "answered", error: piece.error ?? (answer === "" ? "nothing" : null) });
    }
  }
}

export function handler(req: Request) {
  if (req.path === "/") return Response.html(page);
  return Response.text("not found\n", { status: 404 });
}

function tell(room: string, message: object) {
  broadcast(room, JSON.stringify(message));
}
