// When two values are equal: the rules that Jest documents for `toEqual`, `toStrictEqual` and `toMatchObject`.
//
// `tests/expect` compares every verdict with that of the package `expect`.

/** A rule that is asked before the general one, for each pair of values; `undefined`: the next rule decides. */
export type Rule = (received: any, expected: any, rules: readonly Rule[]) => boolean | undefined;

/** A value that says itself what it is equal to, such as `expect.any(String)`. */
export interface Asymmetric {
  asymmetricMatch(other: unknown): boolean;
}

export function isAsymmetric(value: any): value is Asymmetric {
  return !!value && tag(value.asymmetricMatch) === "Function";
}

/** The name in `[object Name]`. */
export function tag(value: unknown): string {
  return Object.prototype.toString.call(value).slice("[object ".length, -1);
}

const isObject = (value: unknown): value is object => value !== null && typeof value === "object";
const hasOwn = (object: object, key: PropertyKey) => Object.prototype.hasOwnProperty.call(object, key);

/** Own keys and symbols that are enumerable. */
export function enumerableKeys(object: object): PropertyKey[] {
  const symbols = Object.getOwnPropertySymbols(object);
  return [...Object.keys(object), ...symbols.filter((it) => Object.getOwnPropertyDescriptor(object, it)?.enumerable)];
}

/** The pairs that are being compared: what comes again below itself is equal if both do. */
type Open = [received: unknown, expected: unknown][];

/** Whether both are equal. `isStrict` tells a property that is `undefined` from one that is missing. */
export function equals(received: unknown, expected: unknown, rules: readonly Rule[] = [], isStrict = false): boolean {
  return same(received, expected, [], rules, isStrict);
}

function same(a: any, b: any, open: Open, rules: readonly Rule[], isStrict: boolean): boolean {
  const isAsymmetricA = isAsymmetric(a);
  if (isAsymmetricA !== isAsymmetric(b)) {
    return isAsymmetricA ? a.asymmetricMatch(b) : (b as Asymmetric).asymmetricMatch(a);
  }
  for (const rule of rules) {
    const verdict = rule(a, b, rules);
    if (verdict !== undefined) return verdict;
  }
  if (a instanceof Error && b instanceof Error) return a.message === b.message;
  if (Object.is(a, b)) return true;
  const kind = tag(a);
  if (!isObject(a) || !isObject(b) || kind !== tag(b)) return false;
  switch (kind) {
    case "Boolean":
    case "String":
    case "Number":
      return Object.is(a.valueOf(), b.valueOf());
    case "Date":
      return +a === +b;
    case "RegExp":
      return (a as RegExp).source === (b as RegExp).source && (a as RegExp).flags === (b as RegExp).flags;
    case "URL":
      return (a as URL).href === (b as URL).href;
  }
  for (let index = open.length - 1; index >= 0; index--) {
    const [openA, openB] = open[index];
    if (openA === a) return openB === b;
    if (openB === b) return false;
  }
  if (isStrict && Array.isArray(a) && a.length !== (b as unknown[]).length) return false;
  open.push([a, b]);
  const areEqual = haveSameProperties(a, b, open, rules, isStrict);
  open.pop();
  return areEqual;
}

function haveSameProperties(a: any, b: any, open: Open, rules: readonly Rule[], isStrict: boolean): boolean {
  const [keysOfA, keysOfB] = [enumerableKeys(a), enumerableKeys(b)];
  // What may be missing counts as if it were there.
  const mayMiss = (value: unknown) => !isStrict && (value === undefined || isAsymmetric(value));
  const keys = new Set(keysOfA);
  for (const key of keysOfB) {
    if (!keys.has(key) && !hasOwn(a, key) && mayMiss(b[key])) keys.add(key);
  }
  const missing = keysOfA.filter((key) => !hasOwn(b, key) && mayMiss(a[key]));
  if (keys.size !== keysOfB.length + missing.length) return false;
  for (const key of keys) {
    if (!hasOwn(b, key) && !mayMiss(a[key])) return false;
    if (!same(a[key], b[key], open, rules, isStrict)) return false;
  }
  return true;
}

/** Maps, sets and everything else with an iterator: by what they hold. Maps and sets have no order. */
export const iterables: Rule = (a, b, rules) => compareIterables(a, b, rules, []);

function compareIterables(a: any, b: any, rules: readonly Rule[], outer: Open): boolean | undefined {
  const isOther = (value: any) =>
    !isObject(value) || Array.isArray(value) || ArrayBuffer.isView(value) || !(value as any)[Symbol.iterator];
  if (isOther(a) || isOther(b)) return undefined;
  if (a.constructor !== b.constructor) return false;
  const again = outer.find(([openA]) => openA === a);
  if (again !== undefined) return again[1] === b;

  const open: Open = [...outer, [a, b]];
  // Those of the rules below that compare iterables have to know what is open here.
  const inner: readonly Rule[] = [
    ...rules.filter((rule) => rule !== iterables && !ownRules.has(rule)),
    nested(open),
  ];
  if (a.size !== undefined) {
    if (a.size !== b.size) return false;
    if (tag(a) === "Set") {
      return [...a].every((item) => b.has(item) || [...b].some((other) => equals(item, other, inner)));
    }
    if (tag(a) === "Map") {
      return [...a].every(
        ([key, value]) =>
          (b.has(key) && equals(value, b.get(key), inner)) ||
          [...b].some(([otherKey, other]) => equals(key, otherKey, inner) && equals(value, other, inner)),
      );
    }
  }
  let [left, right]: Iterator<unknown>[] = [];
  try {
    [left, right] = [a[Symbol.iterator](), b[Symbol.iterator]()];
  } catch {
    return undefined;
  }
  for (;;) {
    const [itemA, itemB] = [left.next(), right.next()];
    if (itemA.done || itemB.done) {
      if (itemA.done !== itemB.done) return false;
      break;
    }
    if (!equals(itemA.value, itemB.value, inner)) return false;
  }
  return equals(ownEntries(a), ownEntries(b));
}

/** The rules that [`nested`] has made. */
const ownRules = new WeakSet<Rule>();

function nested(open: Open): Rule {
  const rule: Rule = (a, b, rules) => compareIterables(a, b, rules, open);
  ownRules.add(rule);
  return rule;
}

function ownEntries(object: any): unknown[] {
  const symbols = Object.getOwnPropertySymbols(object).filter((symbol) => symbol !== Symbol.iterator);
  return [...symbols.map((symbol) => [symbol, object[symbol]]), ...Object.entries(object)];
}

/** Values of different classes differ. */
export const types: Rule = (a, b) => {
  const areArrays = Array.isArray(a) && Array.isArray(b);
  return a == null || b == null || a.constructor === b.constructor || areArrays ? undefined : false;
};

/** A hole in an array differs from `undefined`. */
export const sparseArrays: Rule = (a, b, rules) => {
  if (!Array.isArray(a) || !Array.isArray(b)) return undefined;
  const others = rules.filter((rule) => rule !== sparseArrays);
  return equals(a, b, others, true) && equals(Object.keys(a), Object.keys(b));
};

/** Buffers and views are equal if their bytes are. */
export const buffers: Rule = (a, b) => {
  const [bytesA, bytesB] = [bytes(a), bytes(b)];
  if (!bytesA || !bytesB || ArrayBuffer.isView(a) !== ArrayBuffer.isView(b)) return undefined;
  return bytesA.length === bytesB.length && bytesA.every((byte, index) => byte === bytesB[index]);
};

function bytes(value: unknown): Uint8Array | undefined {
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return tag(value) === "ArrayBuffer" ? new Uint8Array(value as ArrayBuffer) : undefined;
}

/** An object with more properties than are expected is equal as well. */
export const subset: Rule = (object, expected, rules) => {
  const others = rules.filter((rule) => rule !== subset);
  return within(others, new WeakSet())(object, expected, rules);
};

function within(others: readonly Rule[], open: WeakSet<object>): Rule {
  return (object, expected) => {
    if (!hasPlainProperties(expected) || open.has(expected)) return undefined;
    open.add(expected);
    const isWithin = enumerableKeys(expected).every((key) => {
      const value = (expected as any)[key];
      if (hasPlainProperties(value) && open.has(value)) return equals(object[key], value, others);
      return object != null && inherits(object, key) && equals(object[key], value, [...others, within(others, open)]);
    });
    open.delete(expected);
    return isWithin;
  };
}

function hasPlainProperties(value: unknown): value is object {
  const isOther = [Error, Array, Date, Set, Map].some((kind) => value instanceof kind);
  return isObject(value) && !isOther && !Array.isArray(value);
}

/** Whether it has a property, its own or from a class, but not from `Object`. */
function inherits(object: unknown, key: PropertyKey): boolean {
  if (!isObject(object) || object === Object.prototype) return false;
  return hasOwn(object, key) || inherits(Object.getPrototypeOf(object), key);
}

/** What of an object concerns `expected`, so that a difference shows nothing else. */
export function partOf(object: any, expected: any, seen = new Map<object, unknown>()): unknown {
  if (Array.isArray(object)) {
    if (!Array.isArray(expected) || expected.length !== object.length) return object;
    return expected.map((item, index) => partOf(object[index], item, seen));
  }
  if (!isObject(object) || !isObject(expected) || object instanceof Date) return object;
  if (equals(object, expected, [iterables, subset])) return expected;
  const part: any = {};
  seen.set(object, part);
  for (const key of enumerableKeys(object)) {
    if (!inherits(expected, key)) continue;
    const value = (object as any)[key];
    part[key] = seen.get(value) ?? partOf(value, (expected as any)[key], seen);
  }
  return enumerableKeys(part).length > 0 ? part : object;
}
