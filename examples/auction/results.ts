// The room /results: how the last auctions have ended.

import * as storage from "zigttp:storage";

/** What an auction tells this room with its last signal. */
export interface Result {
  auction: string;
  item: string;
  price: number;
  /** Nobody if there was no bid. */
  winner?: string;
  /** When it ended, in milliseconds since 1970. */
  at: number;
}

const MAX_RESULTS = 50;
const PREFIX = "result/";

/** Adds a result; the oldest go. */
export function record(room: string, result: Result) {
  // Sorted by time, and no two are the same.
  storage.put(room, `${PREFIX}${String(result.at).padStart(15, "0")}${result.auction}`, result);
  const newest = storage.list(room, { prefix: PREFIX, reverse: true, limit: MAX_RESULTS + 1 });
  for (const [key] of newest.slice(MAX_RESULTS)) storage.delete(room, key);
}

/** The results, the newest first. */
export function resultsIn(room: string): Result[] {
  const entries = storage.list<Result>(room, { prefix: PREFIX, reverse: true, limit: MAX_RESULTS });
  return entries.map(([, result]) => result);
}
