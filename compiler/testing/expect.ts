// `expect(value).toBe(...)` and its kin.

import { any, anything, matchers as asymmetric } from "./asymmetric.ts";
import { AssertionError } from "./failure.ts";
import { table, Misuse, type Context, type Verdict } from "./matchers.ts";
import { matchSnapshot } from "./snapshots.ts";

type Check = (this: Context, received: any, ...expected: any[]) => Verdict;

const checks: Record<string, Check> = {
  ...table,
  toMatchSnapshot(received, properties, hint) {
    return matchSnapshot(received, this.isNot, properties, hint);
  },
};

/** How many expectations the running test has made, and how many it has to make. */
let made = 0;
let wanted: number | "some" | undefined;

/** A value, and how its expectations are written. Its matchers are methods. */
class Expectation {
  readonly #value: unknown;
  readonly #context: Context;
  /** Knows where the expectation of a promise is written: what is thrown later has lost that. */
  readonly #written: AssertionError | undefined;

  constructor(value: unknown, context: Context, written?: AssertionError) {
    [this.#value, this.#context, this.#written] = [value, context, written];
  }

  get not(): Expectation {
    return new Expectation(this.#value, { ...this.#context, isNot: true }, this.#written);
  }

  get resolves(): Expectation {
    return new Expectation(this.#value, { ...this.#context, promise: "resolves" }, new AssertionError());
  }

  get rejects(): Expectation {
    return new Expectation(this.#value, { ...this.#context, promise: "rejects" }, new AssertionError());
  }

  static {
    for (const [name, check] of Object.entries(checks)) {
      const method = function (this: Expectation, ...expected: unknown[]) {
        return this.#written === undefined
          ? judge(name, check, this.#context, this.#value, expected)
          : settle(name, check, this.#context, this.#value, expected, this.#written);
      };
      Object.defineProperty(Expectation.prototype, name, { value: method });
    }
  }
}

export function expect(...received: unknown[]): Expectation {
  if (received.length > 1) throw new TypeError("expect takes one value");
  return new Expectation(received[0], { isNot: false, promise: "" });
}

expect.any = any;
expect.anything = anything;
Object.assign(expect, asymmetric(false));
expect.not = asymmetric(true);
expect.assertions = (count: number) => {
  if (!Number.isSafeInteger(count) || count < 0) throw new TypeError("expect.assertions takes a whole number from 0");
  wanted = count;
};
expect.hasAssertions = () => {
  wanted = "some";
};

/** Begins a test. */
export function begin(): void {
  [made, wanted] = [0, undefined];
}

/** How many expectations the test has made. Throws if it should have made others. */
export function count(): number {
  return made;
}

/** Throws if the test has not made as many expectations as it said. */
export function checkCount(): void {
  if (wanted === "some" && made === 0) throw new AssertionError("the test was to make an expectation, but made none");
  if (typeof wanted === "number" && wanted !== made) {
    throw new AssertionError(`the test was to make ${wanted} expectations, but made ${made}`);
  }
}

function judge(name: string, check: Check, context: Context, value: unknown, expected: unknown[], error?: AssertionError) {
  let verdict;
  try {
    verdict = check.call(context, value, ...expected);
  } catch (thrown) {
    if (!(thrown instanceof Misuse)) throw thrown;
    throw failed(error ?? new AssertionError(), name, thrown.message);
  }
  made++;
  if (verdict.pass === context.isNot) throw explained(error ?? new AssertionError(), name, context, verdict);
}

function settle(name: string, check: Check, context: Context, value: any, expected: unknown[], error: AssertionError) {
  const promise = typeof value === "function" ? value() : value;
  if (typeof promise?.then !== "function") {
    throw failed(error, name, `${context.promise} needs a promise, or a function that returns one`);
  }
  const other = (told: string) => (settled: unknown) => {
    const verdict: Verdict = { pass: context.isNot, received: () => told };
    const unlike = explained(error, name, { ...context, isNot: false }, verdict);
    unlike.message += `: ${settled instanceof Error ? settled.message : String(settled)}`;
    throw unlike;
  };
  const asWanted = (settled: unknown) => judge(name, check, context, settled, expected, error);
  return context.promise === "resolves"
    ? promise.then(asWanted, other("a promise that was rejected"))
    : promise.then(other("a promise that was fulfilled"), asWanted);
}

function failed(error: AssertionError, name: string, message: string): AssertionError {
  return Object.assign(error, { matcher: name, message });
}

/** `expect(received).not.toBe(expected)`, and what there is to say. */
function explained(error: AssertionError, name: string, context: Context, verdict: Verdict): AssertionError {
  const { isNot, promise } = context;
  const argument = verdict.expected ? "expected" : "";
  const heading = `expect(received)${promise && `.${promise}`}${isNot ? ".not" : ""}.${name}(${argument})`;
  const [expectedLabel, receivedLabel] = verdict.labels ?? ["Expected", "Received"];
  const [expected, received] = [verdict.expected?.(), verdict.received?.()];
  const difference = isNot ? undefined : verdict.diff?.();
  const lines = [heading];
  if (difference === undefined) {
    const label = isNot ? `${expectedLabel}: not` : `${expectedLabel}:`;
    const width = Math.max(expected === undefined ? 0 : label.length, receivedLabel.length + 1);
    lines.push("");
    if (expected !== undefined) lines.push(`${label.padEnd(width)} ${expected}`);
    if (received !== undefined) lines.push(`${`${receivedLabel}:`.padEnd(width)} ${received}`);
  }
  return Object.assign(error, { matcher: name, message: lines.join("\n"), expected, received, diff: difference });
}
