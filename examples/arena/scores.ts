// The scores, in the storage of the room: the best hundred, also of players who have left.

import * as storage from "zigttp:storage";

const KEY = "scores";
const MOST = 100;

/** As last saved, the best first. */
export function scoresOf(room: string): Map<string, number> {
  return new Map(storage.get<[string, number][]>(room, KEY));
}

/** Saves those of some players with those of the others. */
export function save(room: string, scores: Map<string, number>) {
  const all = [...scoresOf(room), ...scores];
  const best = [...new Map(all)].sort(([, a], [, b]) => b - a).slice(0, MOST);
  storage.put(room, KEY, best);
}
