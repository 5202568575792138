// What a room stores: the last messages of its conversation, and the answer that is being written.

import * as memory from "zigttp:memory";
import * as storage from "zigttp:storage";

export interface Message {
  role: "user" | "assistant";
  content: string;
}

/** So many are kept, and sent to the model. */
const MOST = 40;

const PREFIX = "message/";

/** The conversation, from its beginning or its fortieth message from the end. */
export function messages(room: string): Message[] {
  return storage.list<Message>(room, { prefix: PREFIX, limit: MOST }).map(([, message]) => message);
}

export function add(room: string, role: Message["role"], content: string) {
  const number = (storage.get<number>(room, "last") ?? 0) + 1;
  storage.put(room, "last", number);
  storage.put(room, keyOf(number), { role, content });
  if (number > MOST) storage.delete(room, keyOf(number - MOST));
}

/** The answer as far as it has come; `undefined` when none is awaited. */
export function pending(room: string): string | undefined {
  if (storage.get<boolean>(room, "isAwaited") === undefined) return undefined;
  return memory.get<string>(room, "answer") ?? "";
}

/** An answer is awaited. That is stored: after a restart its stream ends as interrupted, and with it the wait. */
export function begin(room: string) {
  storage.put(room, "isAwaited", true);
}

/** More of the answer has come. It changes many times a second, so it is kept in memory alone. */
export function write(room: string, text: string) {
  memory.put(room, "answer", (pending(room) ?? "") + text);
}

/** The answer has ended. Returns what has come of it. */
export function end(room: string): string {
  const answer = pending(room) ?? "";
  storage.delete(room, "isAwaited");
  memory.delete(room, "answer");
  return answer;
}

/** Keys are listed in the order of their bytes. */
function keyOf(number: number): string {
  return PREFIX + String(number).padStart(12, "0");
}
