import { createParser } from "eventsource-parser";

export function handler() {
  const events = [];
  const parser = createParser({ onEvent: (event) => events.push(event) });
  for (const piece of ["id: 1\nev", "ent: token\ndata: Hel", "lo\n\ndata: a\ndata: b\n", "\n"]) parser.feed(piece);
  return Response.json(events);
}
