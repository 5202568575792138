// What a failed expectation throws, and what the program that runs the tests gets of it.

import { print } from "./print.ts";

/** A failed expectation. Its stack is that of the place where the expectation was written. */
export class AssertionError extends Error {
  override name = "AssertionError";
  /** The matcher's name, such as `toEqual`. */
  matcher = "";
  expected?: string;
  received?: string;
  /** Lines that begin with `- ` if they were expected, with `+ ` if they were received. */
  diff?: string;
}

/** A failure as plain values. */
export interface Failure {
  name: string;
  message: string;
  /** As the engine writes it: positions are those of the emitted code. */
  stack: string;
  matcher?: string;
  expected?: string;
  received?: string;
  diff?: string;
}

/** Longest message of a failure: what a handler throws may be of any length. */
const MAX_MESSAGE = 20_000;

/** A thrown value as plain values. */
export function failure(thrown: unknown): Failure {
  if (!(thrown instanceof Error)) {
    return { name: "Error", message: `a value was thrown that is no error: ${print(thrown)}`, stack: "" };
  }
  const { name, message, stack, cause } = thrown;
  const told: Failure = { name: String(name), message: bounded(withCause(String(message), cause)), stack: String(stack ?? "") };
  if (thrown instanceof AssertionError) {
    const { matcher, expected, received, diff } = thrown;
    Object.assign(told, { matcher, expected, received, diff });
  }
  return told;
}

function withCause(message: string, cause: unknown): string {
  if (cause === undefined) return message;
  return `${message}\ncause: ${cause instanceof Error ? `${cause.name}: ${cause.message}` : print(cause, { isShort: true })}`;
}

function bounded(text: string): string {
  return text.length > MAX_MESSAGE ? `${text.slice(0, MAX_MESSAGE)}…` : text;
}
