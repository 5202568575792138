// Who plays: each has a key of the room, with the score, and one more with the answer to the question
// that is open. They stay when their connection goes, so that who comes back still has the score.

import * as storage from "zigttp:storage";

export interface Player {
  name: string;
  score: number;
}

export interface Answer {
  choice: number;
  /** What it is worth, once the question is over. */
  points: number;
}

const MAX_PLAYERS = 100;
const PLAYERS = { prefix: "player/", limit: MAX_PLAYERS };
const ANSWERS = { prefix: "answer/", limit: MAX_PLAYERS };

/**
 * A new player: the id, which is known to its own page alone. `undefined` if the quiz is full.
 *
 * Called by onUpgrade, in the room's turn: of two who come at once one gets the last place.
 */
export function join(room: string, name: string): string | undefined {
  const { size } = playersOf(room);
  if (size >= MAX_PLAYERS) return undefined;
  // The number keeps the players in the order in which they came.
  const id = `${String(size).padStart(3, "0")}-${crypto.randomUUID()}`;
  storage.put<Player>(room, PLAYERS.prefix + id, { name, score: 0 });
  return id;
}

/** The players of a room by their ids. */
export function playersOf(room: string): Map<string, Player> {
  return byId(PLAYERS.prefix, storage.list<Player>(room, PLAYERS));
}

/** The answers to the open question, or the last one, by the ids of the players. */
export function answersIn(room: string): Map<string, Answer> {
  return byId(ANSWERS.prefix, storage.list<Answer>(room, ANSWERS));
}

/** Keeps an answer; the first of a player counts. */
export function keepAnswer(room: string, id: string, answer: Answer) {
  const key = ANSWERS.prefix + id;
  if (storage.get(room, key) === undefined) storage.put(room, key, answer);
}

export function forgetAnswers(room: string) {
  for (const [key] of storage.list(room, ANSWERS)) storage.delete(room, key);
}

/** Adds to each score what the answer is worth. */
export function countAnswers(room: string) {
  const answers = answersIn(room);
  setScores(room, (id, { score }) => score + (answers.get(id)?.points ?? 0));
}

export function forgetScores(room: string) {
  setScores(room, () => 0);
}

function setScores(room: string, scoreOf: (id: string, player: Player) => number) {
  for (const [id, player] of playersOf(room)) {
    storage.put<Player>(room, PLAYERS.prefix + id, { ...player, score: scoreOf(id, player) });
  }
}

function byId<T>(prefix: string, entries: [key: string, value: T][]): Map<string, T> {
  return new Map(entries.map(([key, value]) => [key.slice(prefix.length), value]));
}
