// Snapshots of one test. The program that runs the tests has them in files, and gives and takes texts.

import { print } from "./print.ts";
import { equals, iterables, subset } from "./equality.ts";
import { Misuse, type Verdict } from "./matchers.ts";
import { diff } from "./diff.ts";

/** What to do with a value that has no snapshot, or another: write `new` ones, write `all`, or `none`. */
export type SnapshotMode = "new" | "all" | "none";

/** One use of a snapshot, in order. */
export interface SnapshotUse {
  key: string;
  /** What the file is to hold: what it holds already, unless it is to be written. */
  value: string;
}

/** Longest snapshot, in characters. */
const MAX_LENGTH = 1 << 20;

let titleOf: (() => string) | undefined;
let mode: SnapshotMode = "new";
let known = new Map<string, string>();
let uses: SnapshotUse[] = [];
let counts = new Map<string, number>();

/** Begins a test: its snapshots have its title in their names. Most tests have none, and never need it. */
export function begin(titleOfTest: () => string): void {
  [titleOf, uses, counts] = [titleOfTest, [], new Map()];
}

/** Sets what the file holds, by name, and which snapshots are to be written. */
export function setSnapshots(ofFile: Record<string, string>, wanted: SnapshotMode): void {
  [known, mode] = [new Map(Object.entries(ofFile)), wanted];
}

/** What the test has used. */
export function used(): SnapshotUse[] {
  return uses;
}

export function matchSnapshot(received: unknown, isNot: boolean, properties: unknown, hint: unknown): Verdict {
  if (titleOf === undefined) throw new Misuse("toMatchSnapshot is for tests, and none is running");
  if (isNot) throw new Misuse("toMatchSnapshot cannot be used with not");
  if (typeof properties === "string" && hint === undefined) [properties, hint] = [undefined, properties];
  const title = titleOf();
  const name = hint === undefined ? title : `${title}: ${hint}`;
  const count = (counts.get(name) ?? 0) + 1;
  counts.set(name, count);
  const key = `${name} ${count}`;

  let shown = received;
  if (properties !== undefined) {
    if (typeof properties !== "object" || properties === null || typeof received !== "object" || received === null) {
      throw new Misuse("toMatchSnapshot with matchers for properties needs two objects");
    }
    if (!equals(received, properties, [iterables, subset])) {
      keep(key);
      const texts = [print(properties), print(received)];
      return { pass: false, expected: () => texts[0], received: () => texts[1], diff: () => diff(texts[0], texts[1]) };
    }
    shown = merged(received, properties);
  }
  const value = print(shown, { isSnapshot: true, maxLength: MAX_LENGTH + 1 }).replace(/\r\n?/g, "\n");
  if (value.length > MAX_LENGTH) throw new Misuse(`the value is too large for a snapshot: more than ${MAX_LENGTH} characters`);

  const old = known.get(key);
  if (old === value || mode === "all" || (old === undefined && mode === "new")) {
    uses.push({ key, value });
    return { pass: true };
  }
  if (old === undefined) {
    const missing = `a snapshot \`${key}\`, which is not in the file; new ones are not written here`;
    return { pass: false, expected: () => missing, received: () => value };
  }
  keep(key);
  const isLong = old.includes("\n") || value.includes("\n");
  return {
    pass: false,
    expected: () => old,
    received: () => value,
    labels: [`Snapshot \`${key}\``, "Received"],
    diff: () => (isLong ? diff(old, value) : undefined),
  };
}

/** What a failed expectation has looked at is not obsolete. */
function keep(key: string): void {
  const value = known.get(key);
  if (value !== undefined) uses.push({ key, value });
}

/** The value with the matchers in place of what they match. */
function merged(received: any, properties: any): unknown {
  if (Array.isArray(received) && Array.isArray(properties)) {
    return received.map((item, index) => (index in properties ? mergedItem(item, properties[index]) : item));
  }
  const copy = Object.create(Object.getPrototypeOf(received), Object.getOwnPropertyDescriptors(received));
  for (const key of Reflect.ownKeys(properties)) {
    Object.defineProperty(copy, key, {
      value: mergedItem(received[key], properties[key]), enumerable: true, configurable: true, writable: true,
    });
  }
  return copy;
}

function mergedItem(item: any, property: any): unknown {
  const isNested = [item, property].every((it) => it !== null && typeof it === "object");
  return isNested && typeof property.asymmetricMatch !== "function" ? merged(item, property) : property;
}
