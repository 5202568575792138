// The attachment of a connection that has joined: a line of JSON about its member, and then a line for
// each message it keeps, as it went over the wire. Adding one parses none of the others.

import { deserializeAttachment, serializeAttachment } from "zigttp:websocket";

export interface Member {
  name: string;
  room: string;
  /** When the next message would be on time, in milliseconds since 1970. */
  nextAllowed: number;
}

/** How many messages a newcomer is shown. */
const MAX_HISTORY = 100;
/** An attachment has 64 KiB, in UTF-8. */
const MAX_KEPT_BYTES = 60_000;

/** Who a connection is, once it has joined. */
export function memberOf(ws: WebSocket): Member | undefined {
  const kept = deserializeAttachment(ws);
  return kept === undefined ? undefined : JSON.parse(kept.split("\n", 1)[0]);
}

/** The messages that are kept with a connection, oldest first. */
export function linesOf(ws: WebSocket): string[] {
  return deserializeAttachment(ws)?.split("\n").slice(1) ?? [];
}

/**
 * The last messages of several who keep some, oldest first.
 *
 * Each once: who comes back after a dropped link has again what was handed on meanwhile.
 */
export function merged(kept: string[][]): string[] {
  return [...new Set(kept.flat())].sort().slice(-MAX_HISTORY);
}

/** Keeps somebody and messages with a connection; the oldest go if there is no room for them. */
export function keep(ws: WebSocket, member: Member, lines: string[]) {
  const utf8 = new TextEncoder();
  const sizes = lines.map((line) => utf8.encode(line).length + 1);
  let first = 0;
  let total = sizes.reduce((sum, size) => sum + size, 0);
  while (total > MAX_KEPT_BYTES) total -= sizes[first++]!;
  serializeAttachment(ws, [JSON.stringify(member), ...lines.slice(first)].join("\n"));
}
