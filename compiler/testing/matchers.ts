// The matchers of `expect`: each says whether a value is as expected, and what to tell if it is not.

import { isClose } from "./asymmetric.ts";
import {
  buffers, equals, isAsymmetric, iterables, partOf, sparseArrays, subset, tag, types, type Asymmetric,
} from "./equality.ts";
import { diff } from "./diff.ts";
import { print } from "./print.ts";

/** What a matcher finds. The functions are called only when the expectation has failed. */
export interface Verdict {
  pass: boolean;
  /** What was expected, as text, and how to call it if not `Expected`. */
  expected?: () => string;
  received?: () => string;
  labels?: [expected: string, received: string];
  diff?: () => string | undefined;
}

/** How an expectation is written. */
export interface Context {
  isNot: boolean;
  promise: "" | "resolves" | "rejects";
}

/** Thrown when a matcher is used in a way that cannot pass, nor with `not`. */
export class Misuse extends Error {}

type Matcher = (this: Context, received: any, ...expected: any[]) => Verdict;

const short = (value: unknown) => print(value, { isShort: true });

/** The two values, each on a line of its own if it is short, or else their difference. */
function comparison(pass: boolean, received: unknown, expected: unknown): Verdict {
  return {
    pass,
    expected: () => print(expected),
    received: () => print(received),
    diff: () => difference(received, expected),
  };
}

function difference(received: unknown, expected: unknown): string | undefined {
  const [left, right] = [print(settled(expected, received, 0)), print(received)];
  const isOneLine = !left.includes("\n") && !right.includes("\n");
  return isOneLine || left === right ? undefined : diff(left, right);
}

/** What is expected, with the received value in place of each matcher that it satisfies. */
function settled(expected: any, received: any, depth: number): unknown {
  if (isAsymmetric(expected)) return expected.asymmetricMatch(received) ? received : expected;
  const isPlain = (value: any) => tag(value) === "Object" && value.constructor === Object;
  if (depth > 50 || received === null || typeof received !== "object") return expected;
  if (Array.isArray(expected) && Array.isArray(received)) {
    return expected.map((item, index) => settled(item, received[index], depth + 1));
  }
  if (!isPlain(expected) || !isPlain(received)) return expected;
  const entries = Object.entries(expected).map(([key, item]) => [key, settled(item, received[key], depth + 1)]);
  return Object.fromEntries(entries);
}

function one(pass: boolean, received: unknown, expected: () => string): Verdict {
  return { pass, expected, received: () => print(received) };
}

/** A matcher without an argument: what is expected is in its name. */
function state(name: string, holds: (received: any) => boolean): Matcher {
  return function (received, ...rest) {
    if (rest[0] !== undefined) throw new Misuse(`${name} takes no argument`);
    return { pass: holds(received), received: () => print(received) };
  };
}

function comparing(name: string, sign: string, holds: (received: any, expected: any) => boolean): Matcher {
  return function (received, expected) {
    for (const [what, value] of [["received", received], ["expected", expected]] as const) {
      if (typeof value !== "number" && typeof value !== "bigint") {
        throw new Misuse(`${name} compares numbers or bigints, but the ${what} value is ${short(value)}`);
      }
    }
    return one(holds(received, expected), received, () => `${sign} ${print(expected)}`);
  };
}

export const table = {
  toBe(received, expected) {
    const verdict = comparison(Object.is(received, expected), received, expected);
    const isEqual = () => typeof received === "object" && equals(received, expected, [iterables]);
    // Two objects that look the same are not the same.
    return { ...verdict, received: () => (isEqual() ? `${print(received)}, which is equal but another object` : print(received)) };
  },

  toEqual(received, expected) {
    return comparison(equals(received, expected, [iterables]), received, expected);
  },

  toStrictEqual(received, expected) {
    const rules = [iterables, types, sparseArrays, buffers];
    return comparison(equals(received, expected, rules, true), received, expected);
  },

  toMatchObject(received, expected) {
    for (const [what, value] of [["received", received], ["expected", expected]] as const) {
      if (typeof value !== "object" || value === null) {
        throw new Misuse(`toMatchObject compares objects, but the ${what} value is ${short(value)}`);
      }
    }
    const pass = equals(received, expected, [iterables, subset]);
    return { ...comparison(pass, received, expected), diff: () => difference(partOf(received, expected), expected) };
  },

  toContain(received, expected) {
    if (typeof received === "string") {
      if (typeof expected !== "string") {
        throw new Misuse(`toContain looks for a string in a string, but the expected value is ${short(expected)}`);
      }
      return { ...one(received.includes(expected), received, () => print(expected)), labels: ["Expected substring", "Received"] };
    }
    return one(items("toContain", received).indexOf(expected) !== -1, received, () => print(expected));
  },

  toContainEqual(received, expected) {
    const pass = items("toContainEqual", received).some((item) => equals(item, expected, [iterables]));
    return one(pass, received, () => print(expected));
  },

  toHaveLength(received, expected) {
    if (typeof received?.length !== "number") {
      throw new Misuse(`toHaveLength needs a value with a length, but the received value is ${short(received)}`);
    }
    if (!Number.isSafeInteger(expected) || expected < 0) {
      throw new Misuse(`toHaveLength takes a whole number from 0, not ${short(expected)}`);
    }
    return {
      pass: received.length === expected,
      expected: () => print(expected),
      received: () => `${received.length}, of ${short(received)}`,
      labels: ["Expected length", "Received length"],
    };
  },

  toHaveProperty(received, path, ...rest) {
    if (received === null || received === undefined) {
      throw new Misuse(`toHaveProperty needs an object, but the received value is ${received}`);
    }
    if (typeof path !== "string" && !Array.isArray(path)) {
      throw new Misuse(`toHaveProperty takes a path such as "a.b[0]" or ["a", "b", 0], not ${short(path)}`);
    }
    const keys: PropertyKey[] = typeof path === "string" ? pathOf(path) : path;
    if (keys.length === 0) throw new Misuse("toHaveProperty takes a path with at least one name");
    const found = follow(received, keys);
    const hasValue = rest.length > 0;
    const pass = hasValue && found.isThere ? equals(found.value, rest[0], [iterables]) : found.isThere || found.value !== undefined;
    return {
      pass,
      expected: () => (hasValue ? `${short(path)} to be ${print(rest[0])}` : short(path)),
      received: () => (found.isWhole ? print(found.value) : `${short(received)}, which has no ${short(path)}`),
      labels: ["Expected property", "Received"],
      diff: () => (hasValue && found.isThere ? difference(found.value, rest[0]) : undefined),
    };
  },

  toMatch(received, expected) {
    if (typeof received !== "string") {
      throw new Misuse(`toMatch looks at a string, but the received value is ${short(received)}`);
    }
    if (typeof expected !== "string" && typeof expected?.test !== "function") {
      throw new Misuse(`toMatch takes a string or a regular expression, not ${short(expected)}`);
    }
    const isText = typeof expected === "string";
    const pass = isText ? received.includes(expected) : new RegExp(expected).test(received);
    return { ...one(pass, received, () => print(expected)), labels: [isText ? "Expected substring" : "Expected pattern", "Received"] };
  },

  toThrow(received, expected) {
    return thrown(outcome(this, received), expected);
  },

  toBeTruthy: state("toBeTruthy", (received) => !!received),
  toBeFalsy: state("toBeFalsy", (received) => !received),
  toBeNull: state("toBeNull", (received) => received === null),
  toBeUndefined: state("toBeUndefined", (received) => received === undefined),
  toBeDefined: state("toBeDefined", (received) => received !== undefined),
  toBeNaN: state("toBeNaN", (received) => Number.isNaN(received)),

  toBeGreaterThan: comparing("toBeGreaterThan", ">", (received, expected) => received > expected),
  toBeGreaterThanOrEqual: comparing("toBeGreaterThanOrEqual", ">=", (received, expected) => received >= expected),
  toBeLessThan: comparing("toBeLessThan", "<", (received, expected) => received < expected),
  toBeLessThanOrEqual: comparing("toBeLessThanOrEqual", "<=", (received, expected) => received <= expected),

  toBeCloseTo(received, expected, digits = 2) {
    for (const [what, value] of [["received", received], ["expected", expected]] as const) {
      if (typeof value !== "number") {
        throw new Misuse(`toBeCloseTo compares numbers, but the ${what} value is ${short(value)}`);
      }
    }
    const bound = Math.pow(10, -digits) / 2;
    return one(isClose(received, expected, digits), received, () => `${print(expected)}, give or take ${bound}`);
  },

  toBeInstanceOf(received, expected) {
    if (typeof expected !== "function") throw new Misuse(`toBeInstanceOf takes a class, not ${short(expected)}`);
    const name = (type: unknown) => (typeof type === "function" && type.name) || "a class without a name";
    return {
      pass: received instanceof expected,
      expected: () => name(expected),
      received: () => (Object(received) === received ? `${name(received.constructor)}: ${print(received)}` : print(received)),
      labels: ["Expected class", "Received"],
    };
  },

  toMatchInlineSnapshot() {
    throw new Misuse("toMatchInlineSnapshot would write into the test's source, which is never done here: use toMatchSnapshot");
  },
} satisfies Record<string, Matcher>;

function items(name: string, received: any): unknown[] {
  if (received === null || received === undefined || typeof received[Symbol.iterator] !== "function") {
    throw new Misuse(`${name} looks into something that can be iterated over, but the received value is ${short(received)}`);
  }
  return [...received];
}

/** `a.b[0]` as `a`, `b`, `0`. Two points in a row have an empty name between them. */
function pathOf(path: string): string[] {
  if (path === "") return [""];
  const names = path.match(/[^.[\]]+|(?=\.(?:\.|$))/g) ?? [];
  return path.startsWith(".") ? ["", ...names] : [...names];
}

function follow(object: any, keys: PropertyKey[]): { value: unknown; isThere: boolean; isWhole: boolean } {
  let value = object;
  for (const [index, key] of keys.entries()) {
    const isLast = index === keys.length - 1;
    const holder = value;
    value = holder[key];
    if (isLast) {
      const isThere = Object(holder) === holder && key in holder;
      return { value, isThere, isWhole: isThere || value !== undefined };
    }
    if (value === null || value === undefined) break;
  }
  return { value: undefined, isThere: false, isWhole: false };
}

/** What was thrown: not the same as `undefined` having been thrown. */
type Thrown = { value: any; message: string } | undefined;

function outcome(context: Context, received: any): Thrown {
  const isPromise = context.promise !== "";
  if (isPromise && (received instanceof Error || tag(received) === "Error")) return caught(received);
  if (typeof received !== "function") {
    if (isPromise) return undefined;
    throw new Misuse(`toThrow calls a function, but the received value is ${short(received)}`);
  }
  try {
    received();
  } catch (error) {
    return caught(error);
  }
  return undefined;
}

function caught(value: any): Thrown {
  return { value, message: typeof value?.message === "string" ? value.message : String(value) };
}

function thrown(found: Thrown, expected: any): Verdict {
  const received = () => (found ? print(found.value) : "nothing was thrown");
  const told = (label: string, holds: (found: { value: any; message: string }) => boolean, text = () => print(expected)): Verdict => {
    return { pass: found !== undefined && holds(found), expected: text, received, labels: [label, "Received"] };
  };
  if (expected === undefined) return { pass: found !== undefined, received };
  if (typeof expected === "function") {
    return told("Expected class", ({ value }) => value instanceof expected, () => expected.name || "a class without a name");
  }
  if (typeof expected === "string") return told("Expected message with", ({ message }) => message.includes(expected));
  if (expected !== null && typeof expected.test === "function") {
    return told("Expected message like", ({ message }) => expected.test(message));
  }
  if (isAsymmetric(expected)) return told("Expected", ({ value }) => (expected as Asymmetric).asymmetricMatch(value));
  if (expected === null || typeof expected !== "object") {
    throw new Misuse(`toThrow takes a message, a regular expression, a class or an error, not ${short(expected)}`);
  }
  const isAlike = ({ value }: { value: any }) =>
    value?.message === expected.message && isSameCause(value, expected) && isOfItsClass(value, expected);
  return told("Expected message", isAlike, () => print(expected.message));
}

/** Of an error with a class of its own, that has to be the same. */
function isOfItsClass(received: unknown, expected: object): boolean {
  const areErrors = received instanceof Error && expected instanceof Error;
  return !areErrors || expected.constructor.name === "Error" || received instanceof (expected.constructor as any);
}

function isSameCause(received: any, expected: any): boolean {
  if (!received?.cause && !expected.cause) return true;
  return causes(received) === causes(expected);
}

/** An error with the causes behind it, as text. */
function causes(error: any): string {
  const seen = new Set<unknown>();
  const plain = (it: any): unknown => {
    if (it === null || typeof it !== "object") return it;
    if (seen.has(it)) return undefined;
    seen.add(it);
    const names = Object.getOwnPropertyNames(it).sort().filter((name) => !["stack", "fileName", "lineNumber"].includes(name));
    return names.map((name) => [name, name === "cause" ? plain(it[name]) : it[name]]);
  };
  return print(plain(error));
}
