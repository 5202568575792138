// What stands for many values: `expect.any(String)`, `expect.objectContaining({ ... })` and their kin.

import { enumerableKeys, equals, tag, type Asymmetric } from "./equality.ts";

const anyOf = Symbol("any");

/** The printer shows `name` and, if there is one, the sample. */
export abstract class Matcher implements Asymmetric {
  readonly sample: any;
  readonly isInverse: boolean;
  constructor(sample: unknown, isInverse = false) {
    this.sample = sample;
    this.isInverse = isInverse;
  }
  abstract readonly label: string;
  protected abstract holds(other: any): boolean;
  asymmetricMatch(other: unknown): boolean {
    return this.holds(other) !== this.isInverse;
  }
  get name(): string {
    return this.label.replace("~", this.isInverse ? "Not" : "");
  }
  /** For those that show no sample in full. */
  get text(): string | undefined {
    return undefined;
  }
}

class Any extends Matcher {
  readonly label = "Any";
  protected holds(other: unknown): boolean {
    const primitives = new Map<unknown, string>([
      [String, "string"], [Number, "number"], [Function, "function"], [Boolean, "boolean"], [BigInt, "bigint"],
      [Symbol, "symbol"],
    ]);
    if (this.sample === Object) return typeof other === "object";
    if (this.sample === Array) return Array.isArray(other);
    return typeof other === primitives.get(this.sample) || other instanceof this.sample;
  }
  override get text(): string {
    return `Any<${this.sample.name || "<anonymous>"}>`;
  }
}

class Anything extends Matcher {
  readonly label = "Anything";
  protected holds(other: unknown): boolean {
    return other != null;
  }
  override get text(): string {
    return "Anything";
  }
}

class ArrayContaining extends Matcher {
  readonly label = "Array~Containing";
  protected holds(other: unknown): boolean {
    if (!Array.isArray(this.sample)) throw wrong("an array", this);
    if (this.sample.length === 0) return true;
    return Array.isArray(other) && this.sample.every((item) => other.some((it) => equals(item, it)));
  }
}

class ArrayOf extends Matcher {
  readonly label = "~ArrayOf";
  protected holds(other: unknown): boolean {
    return Array.isArray(other) && other.every((item) => equals(this.sample, item));
  }
}

class ObjectContaining extends Matcher {
  readonly label = "Object~Containing";
  // What is no object contains nothing, and does not fail to contain it either.
  override asymmetricMatch(other: unknown): boolean {
    if (typeof this.sample !== "object") throw wrong("an object", this);
    return typeof other === "object" && !Array.isArray(other) && super.asymmetricMatch(other);
  }
  protected holds(other: any): boolean {
    return enumerableKeys(this.sample).every(
      (key) => other !== null && key in other && equals(this.sample[key], other[key]),
    );
  }
}

class StringContaining extends Matcher {
  readonly label = "String~Containing";
  protected holds(other: any): boolean {
    return tag(other) === "String" && other.includes(this.sample);
  }
}

class StringMatching extends Matcher {
  readonly label = "String~Matching";
  protected holds(other: any): boolean {
    return tag(other) === "String" && this.sample.test(other);
  }
}

class CloseTo extends Matcher {
  readonly label = "Number~CloseTo";
  readonly digits: number;
  constructor(sample: number, digits = 2, isInverse = false) {
    if (tag(sample) !== "Number" || tag(digits) !== "Number") {
      throw new TypeError("expect.closeTo takes a number and how many digits after the point count");
    }
    super(sample, isInverse);
    this.digits = digits;
  }
  // What is no number is neither close nor far.
  override asymmetricMatch(other: unknown): boolean {
    return tag(other) === "Number" && super.asymmetricMatch(other);
  }
  protected holds(other: any): boolean {
    return isClose(other, this.sample, this.digits);
  }
  override get text(): string {
    return `${this.name} ${this.sample} (${this.digits} ${this.digits === 1 ? "digit" : "digits"})`;
  }
}

/** Whether two numbers differ by less than half of the last digit. Infinities are close to themselves. */
export function isClose(received: number, expected: number, digits: number): boolean {
  const isSameInfinity = received === expected && Math.abs(expected) === Infinity;
  return isSameInfinity || Math.abs(expected - received) < Math.pow(10, -digits) / 2;
}

function wrong(wanted: string, matcher: Matcher): TypeError {
  const name = matcher.name[0].toLowerCase() + matcher.name.slice(1);
  return new TypeError(`expect.${name} takes ${wanted}, not ${matcher.sample === null ? "null" : typeof matcher.sample}`);
}

function text(sample: unknown, name: string): string {
  if (tag(sample) !== "String") throw new TypeError(`expect.${name} takes a string`);
  return sample as string;
}

function pattern(sample: any): RegExp {
  if (tag(sample) !== "String" && tag(sample) !== "RegExp") {
    throw new TypeError("expect.stringMatching takes a string or a regular expression");
  }
  return new RegExp(sample);
}

/** The functions of `expect`, and with `isInverse` those of `expect.not`. */
export function matchers(isInverse: boolean) {
  return {
    arrayContaining: (sample: unknown) => new ArrayContaining(sample, isInverse),
    arrayOf: (sample: unknown) => new ArrayOf(sample, isInverse),
    closeTo: (sample: number, digits?: number) => new CloseTo(sample, digits, isInverse),
    objectContaining: (sample: unknown) => new ObjectContaining(sample, isInverse),
    stringContaining: (sample: unknown) => new StringContaining(text(sample, "stringContaining"), isInverse),
    stringMatching: (sample: unknown) => new StringMatching(pattern(sample), isInverse),
  };
}

export function any(type: unknown = anyOf): Matcher {
  if (typeof type !== "function") {
    throw new TypeError("expect.any takes a class, such as String; expect.anything() is any value but null and undefined");
  }
  return new Any(type);
}

export function anything(): Matcher {
  return new Anything(undefined);
}
