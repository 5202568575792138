// What a user has not read yet: the last hundred notifications, one key each in the user's room.

import * as storage from "zigttp:storage";

export interface Notification {
  id: number;
  text: string;
  /** Milliseconds since 1970. */
  at: number;
}

const PREFIX = "unread/";
const MOST = 100;

/** Stores one more; the oldest goes when there are too many. */
export function add(room: string, text: string): Notification {
  const id = (storage.get<number>(room, "last") ?? 0) + 1;
  storage.put(room, "last", id);
  const all = storage.list(room, { prefix: PREFIX, limit: MOST });
  if (all.length === MOST) storage.delete(room, all[0][0]);
  const notification: Notification = { id, text, at: Date.now() };
  storage.put(room, keyOf(id), notification);
  return notification;
}

/** Takes one away. Returns whether it was there. */
export function read(room: string, id: number): boolean {
  return storage.delete(room, keyOf(id));
}

/** All of them, the oldest first. */
export function unread(room: string): Notification[] {
  return storage.list<Notification>(room, { prefix: PREFIX, limit: MOST }).map(([, notification]) => notification);
}

/** Keys are in the order of their bytes: with zeros in front, that of their numbers. */
function keyOf(id: number): string {
  return PREFIX + String(id).padStart(12, "0");
}
