// The door to whoever runs the tests: a question goes out as JSON, and an answer comes back before the call ends.
//
// `env` is that door in a test's artifact; settings of the test's own have no NUL before their names.

import { env } from "zigttp:env";
import { wellFormed } from "./well_formed.ts";

/** A request of the handler that waits for its answer. */
export interface Ask {
  id: number;
  method: string;
  url: string;
  headers: [string, string][];
  body: string | undefined;
}

interface Answer {
  value?: unknown;
  error?: { name: string; message: string };
  /** Requests that are new. */
  asks?: Ask[];
  /** What was begun and has ended, each by its number. */
  done?: { task: number; value?: unknown; error?: { name: string; message: string } }[];
}

interface Task {
  resolve: (value: any) => void;
  reject: (error: Error) => void;
  /** The stack of whoever waits for it. */
  stack: string | undefined;
}

const tasks = new Map<number, Task>();
let lastTask = 0;
let onAsk: ((ask: Ask) => void) | undefined;

const ERRORS: Record<string, ErrorConstructor> = { TypeError, RangeError };

function errorOf({ name, message }: { name: string; message: string }): Error {
  return new (ERRORS[name] ?? Error)(message);
}

/** Asks, and returns the answer. */
export function call<T>(op: string, args: object = {}): T {
  const text = env(`\0${wellFormed({ op, ...args })}`);
  if (text === undefined) throw new Error("zigttp:test works in `zigttp test` alone");
  const { value, error, asks, done } = JSON.parse(text) as Answer;
  for (const ended of done ?? []) {
    const task = tasks.get(ended.task);
    if (task === undefined) continue;
    tasks.delete(ended.task);
    if (ended.error === undefined) {
      task.resolve(ended.value);
    } else {
      const failed = errorOf(ended.error);
      failed.stack = task.stack;
      task.reject(failed);
    }
  }
  for (const ask of asks ?? []) onAsk?.(ask);
  if (error !== undefined) throw errorOf(error);
  return value as T;
}

/** Who answers the handler's requests. */
export function answerWith(answer: ((ask: Ask) => void) | undefined): void {
  onAsk = answer;
}

/** Begins something; what else the test begins before it next waits runs together with it. */
export function begin<T>(op: string, args: object = {}): Promise<T> {
  const task = ++lastTask;
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  tasks.set(task, { resolve, reject, stack: new Error().stack });
  call(op, { ...args, task });
  Promise.resolve().then(settle);
  return promise;
}

/** Runs what is queued until nothing is left to do without more time or an answer. */
export function settle(): void {
  call("settle");
}

/** Looks at something, once all that is queued has run and the handler's requests are answered that can be at once. */
export function look<T>(op: string, args: object = {}): T {
  settle();
  return call<T>(op, args);
}

let unanswered = 0;

/** Counts answers that are being made. */
export function answering(change: 1 | -1): void {
  unanswered += change;
}

/** Most turns of the job queue for answers that are being made. One that waits for the test itself is not waited for. */
const MOST_TURNS = 1000;

/** Lets answers be made that need nothing but turns of the job queue. */
export async function answers(): Promise<void> {
  for (let turn = 0; turn < MOST_TURNS && unanswered > 0; turn++) await undefined;
}
