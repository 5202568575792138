// The last lines of a room. Each has a key of its own with its number in it, so that `list` returns
// them in the order in which they were said, from any of them on, forwards and backwards.

import * as storage from "zigttp:storage";

/** A line, as it is stored and as it is sent. */
export interface Line {
  id: number;
  name: string;
  text: string;
  /** Milliseconds since 1970. */
  at: number;
}

export interface Page {
  /** Oldest first. */
  lines: Line[];
  hasEarlier: boolean;
}

const MAX_LINES = 100;
const LINES_A_PAGE = 20;
const PREFIX = "line/";

/**
 * Adds a line to the history of a room, and deletes the lines that are too old.
 *
 * All of it is one event: either the line is added, its number is taken and the oldest is gone, or
 * nothing has happened. The events of a room run one at a time, so no number is given twice.
 */
export function add(room: string, name: string, text: string): Line {
  const id = (storage.get<number>(room, "last") ?? 0) + 1;
  const line: Line = { id, name, text, at: Date.now() };
  storage.put(room, "last", id);
  storage.put(room, keyOf(id), line);
  // Usually one. After MAX_LINES has been lowered there are more, which go with the next lines.
  const end = keyOf(Math.max(0, id - MAX_LINES + 1));
  for (const [key] of storage.list(room, { prefix: PREFIX, end, limit: MAX_LINES })) {
    storage.delete(room, key);
  }
  return line;
}

/** The last lines of a room, or the last ones before a line. */
export function lastLines(room: string, before?: number): Page {
  const end = before === undefined ? undefined : keyOf(before);
  // One more than is shown tells whether there are earlier ones.
  const limit = LINES_A_PAGE + 1;
  const entries = storage.list<Line>(room, { prefix: PREFIX, end, reverse: true, limit });
  const lines = entries.slice(0, LINES_A_PAGE).map(([, line]) => line).reverse();
  return { lines, hasEarlier: entries.length > LINES_A_PAGE };
}

/** Keys are in the order of their bytes: without the zeros, 10 would come before 9. */
function keyOf(id: number): string {
  return PREFIX + String(id).padStart(12, "0");
}
