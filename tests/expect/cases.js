// What `expect` says about many values, one line a case. The library of zigttp:test and the package `expect` of npm have to
// say the same of each: `npm.mjs` writes down what that says, and `ours.test.ts` compares. See `tests/all/testing/expect.rs`.

class Point {
  constructor(x, y) {
    this.x = x;
    this.y = y;
  }
}
class Point3 extends Point {}
class Other {
  constructor(x, y) {
    this.x = x;
    this.y = y;
  }
}
class WithGetter {
  get x() {
    return 1;
  }
}
class CustomError extends Error {}
class Bag {
  constructor(...items) {
    this.items = items;
  }
  *[Symbol.iterator]() {
    yield* this.items;
  }
}

const symbol = Symbol("of both");
const f = () => 1;
const circle = () => {
  const object = { name: "circle" };
  object.self = object;
  return object;
};
const longCircle = () => {
  const object = { name: "circle", self: { name: "circle" } };
  object.self.self = object;
  return object;
};
const sparse = () => {
  const array = [1, , 3];
  return array;
};
const hidden = () => Object.defineProperty({ a: 1 }, "b", { value: 2, enumerable: false });
const bytes = (...values) => new Uint8Array(values);

/** Each is made anew for each side of a comparison. */
export const values = {
  undefined: () => undefined,
  null: () => null,
  true: () => true,
  false: () => false,
  zero: () => 0,
  "minus zero": () => -0,
  one: () => 1,
  NaN: () => NaN,
  Infinity: () => Infinity,
  bigint: () => 1n,
  "empty text": () => "",
  text: () => "one",
  "text 1": () => "1",
  "with quotes": () => 'a "quote" and \\ and `tick` ${x}',
  lines: () => "one\ntwo",
  symbol: () => symbol,
  function: () => f,
  "another function": () => () => 1,
  "object text": () => new String("one"),
  "object number": () => new Number(1),
  "object boolean": () => new Boolean(false),
  "empty object": () => ({}),
  "{a:1}": () => ({ a: 1 }),
  "{a:2}": () => ({ a: 2 }),
  "{a:1,b:2}": () => ({ a: 1, b: 2 }),
  "{b:2,a:1}": () => ({ b: 2, a: 1 }),
  "{a:1,b:undefined}": () => ({ a: 1, b: undefined }),
  "{a:undefined}": () => ({ a: undefined }),
  "{b:undefined}": () => ({ b: undefined }),
  "{a:{b:[1]}}": () => ({ a: { b: [1] } }),
  "{a:{b:[1],c:2}}": () => ({ a: { b: [1], c: 2 } }),
  "{length:1}": () => ({ length: 1, 0: 1 }),
  "no prototype": () => Object.assign(Object.create(null), { a: 1 }),
  "hidden property": hidden,
  "symbol key": () => ({ [symbol]: 1 }),
  "another symbol key": () => ({ [symbol]: 2 }),
  "getter {x:1}": () => ({
    get x() {
      return 1;
    },
  }),
  "{x:1}": () => ({ x: 1 }),
  "{x:1,y:2}": () => ({ x: 1, y: 2 }),
  Point: () => new Point(1, 2),
  "Point 1 3": () => new Point(1, 3),
  Point3: () => new Point3(1, 2),
  Other: () => new Other(1, 2),
  WithGetter: () => new WithGetter(),
  "empty array": () => [],
  "[1]": () => [1],
  "[1,2]": () => [1, 2],
  "[2,1]": () => [2, 1],
  "[undefined]": () => [undefined],
  "[null]": () => [null],
  "[1,undefined,3]": () => [1, undefined, 3],
  "[1,,3]": sparse,
  "array of 1": () => new Array(1),
  "array with a property": () => Object.assign([1], { a: 1 }),
  "[{a:1}]": () => [{ a: 1 }],
  "[{a:1,b:2}]": () => [{ a: 1, b: 2 }],
  "[[1],[2]]": () => [[1], [2]],
  arguments: () =>
    (function () {
      return arguments;
    })(1),
  "empty Map": () => new Map(),
  "Map a 1": () => new Map([["a", 1]]),
  "Map a 2": () => new Map([["a", 2]]),
  "Map a 1 b 2": () => new Map([["a", 1], ["b", 2]]),
  "Map b 2 a 1": () => new Map([["b", 2], ["a", 1]]),
  "Map of objects": () => new Map([[{ k: 1 }, { v: [1] }]]),
  "Map of other objects": () => new Map([[{ k: 1 }, { v: [2] }]]),
  "Map with undefined": () => new Map([["a", { b: undefined }]]),
  "Map with an empty object": () => new Map([["a", {}]]),
  "empty Set": () => new Set(),
  "Set 1 2": () => new Set([1, 2]),
  "Set 2 1": () => new Set([2, 1]),
  "Set of objects": () => new Set([{ a: 1 }, { a: 2 }]),
  "Set of objects in another order": () => new Set([{ a: 2 }, { a: 1 }]),
  "Set of Sets": () => new Set([new Set([1])]),
  "Set with a property": () => Object.assign(new Set([1, 2]), { a: 1 }),
  WeakMap: () => new WeakMap(),
  Promise: () => Promise.resolve(1),
  Date: () => new Date(0),
  "another Date": () => new Date(1),
  "no Date": () => new Date(NaN),
  RegExp: () => /a.b/g,
  "RegExp with other flags": () => /a.b/i,
  "another RegExp": () => /a\.b/g,
  Error: () => new Error("one"),
  "another Error": () => new Error("two"),
  TypeError: () => new TypeError("one"),
  CustomError: () => new CustomError("one"),
  "Error with a cause": () => new Error("one", { cause: new Error("two") }),
  "Error without text": () => new Error(""),
  "Uint8Array 1 2": () => bytes(1, 2),
  "Uint8Array 1 3": () => bytes(1, 3),
  "Int8Array 1 2": () => new Int8Array([1, 2]),
  "Uint16Array 513": () => new Uint16Array([513]),
  "Float64Array -0": () => new Float64Array([-0]),
  "Float64Array 0": () => new Float64Array([0]),
  "ArrayBuffer 1 2": () => bytes(1, 2).buffer,
  "ArrayBuffer 1 3": () => bytes(1, 3).buffer,
  "empty ArrayBuffer": () => new ArrayBuffer(0),
  DataView: () => new DataView(bytes(1, 2).buffer),
  URL: () => new URL("https://example.com/a"),
  "another URL": () => new URL("https://example.com/b"),
  circle,
  "long circle": longCircle,
  "circle in an array": () => {
    const array = [1];
    array.push(array);
    return array;
  },
  "Map that holds itself": () => {
    const map = new Map();
    map.set("self", map);
    return map;
  },
  Bag: () => new Bag(1, 2),
  "another Bag": () => new Bag(1, 3),
  "deep nesting": () => ({ a: [{ b: new Map([["c", new Set([{ d: [1, { e: "f" }] }])]]) }] }),
  "with toJSON": () => ({ a: 1, toJSON: () => ({ json: true }) }),
};

/** Values that stand for many; made with the `expect` under test. */
const asymmetric = (expect) => ({
  "any(String)": () => expect.any(String),
  "any(Number)": () => expect.any(Number),
  "any(Object)": () => expect.any(Object),
  "any(Array)": () => expect.any(Array),
  "any(Function)": () => expect.any(Function),
  "any(Boolean)": () => expect.any(Boolean),
  "any(BigInt)": () => expect.any(BigInt),
  "any(Symbol)": () => expect.any(Symbol),
  "any(Error)": () => expect.any(Error),
  "any(Point)": () => expect.any(Point),
  "anything()": () => expect.anything(),
  "objectContaining({a:1})": () => expect.objectContaining({ a: 1 }),
  "objectContaining({})": () => expect.objectContaining({}),
  "objectContaining({x:any})": () => expect.objectContaining({ x: expect.any(Number) }),
  "not.objectContaining({a:1})": () => expect.not.objectContaining({ a: 1 }),
  "arrayContaining([1])": () => expect.arrayContaining([1]),
  "arrayContaining([])": () => expect.arrayContaining([]),
  "arrayContaining([{a:1}])": () => expect.arrayContaining([{ a: 1 }]),
  "not.arrayContaining([1])": () => expect.not.arrayContaining([1]),
  "arrayOf(any(Number))": () => expect.arrayOf(expect.any(Number)),
  "not.arrayOf(any(Number))": () => expect.not.arrayOf(expect.any(Number)),
  "stringContaining(n)": () => expect.stringContaining("n"),
  "not.stringContaining(n)": () => expect.not.stringContaining("n"),
  "stringMatching(^o)": () => expect.stringMatching(/^o/),
  "stringMatching(text)": () => expect.stringMatching("ne"),
  "not.stringMatching(^o)": () => expect.not.stringMatching(/^o/),
  "closeTo(1)": () => expect.closeTo(1.001),
  "not.closeTo(1)": () => expect.not.closeTo(1.001),
  "{a:any(Number)}": () => ({ a: expect.any(Number) }),
  "{b:anything()}": () => ({ a: 1, b: expect.anything() }),
  "{b:any(Number)}": () => ({ a: 1, b: expect.any(Number) }),
  "{b:not.stringContaining}": () => ({ a: 1, b: expect.not.stringContaining("x") }),
  "[any(Number)]": () => [expect.any(Number)],
  "Map a any": () => new Map([["a", expect.any(Number)]]),
  "Set of any": () => new Set([expect.objectContaining({ a: 1 }), { a: 2 }]),
});

/** Cases of the other matchers: the received value, the matcher, and its arguments. */
const others = (expect) => {
  const throwing = (value) => () => {
    throw value;
  };
  const quiet = () => 1;
  const throwers = {
    quiet,
    "Error one": throwing(new Error("one")),
    "TypeError one": throwing(new TypeError("one")),
    "CustomError two": throwing(new CustomError("two")),
    "Error with a cause": throwing(new Error("one", { cause: new Error("two") })),
    "Error with another cause": throwing(new Error("one", { cause: new Error("three") })),
    "text one": throwing("one"),
    null: throwing(null),
    undefined: throwing(undefined),
    object: throwing({ message: "one" }),
    "no function": 1,
  };
  const expectedThrows = {
    nothing: [],
    '"one"': ["one"],
    '"o"': ["o"],
    '""': [""],
    "/^o/": [/^o/],
    "/two/": [/two/],
    Error: [Error],
    TypeError: [TypeError],
    CustomError: [CustomError],
    "new Error(one)": [new Error("one")],
    "new Error(two)": [new Error("two")],
    "new TypeError(one)": [new TypeError("one")],
    "new CustomError(two)": [new CustomError("two")],
    "new Error(one, cause two)": [new Error("one", { cause: new Error("two") })],
    "{message}": [{ message: "one" }],
    objectContaining: [expect.objectContaining({ message: "one" })],
    "any(Error)": [expect.any(Error)],
    number: [1],
    null: [null],
  };
  const numbers = [0, -0, 1, -1, 1.5, NaN, Infinity, -Infinity, 1n, 2n, "1", null, undefined];
  const cases = [];
  const add = (received, matcher, label, ...expected) => cases.push([received, matcher, label, expected]);
  for (const matcher of ["toBeGreaterThan", "toBeGreaterThanOrEqual", "toBeLessThan", "toBeLessThanOrEqual"]) {
    for (const [a, left] of numbers.entries()) {
      for (const [b, right] of numbers.entries()) add(left, matcher, `numbers ${a} and ${b}`, right);
    }
  }
  for (const [name, thrower] of Object.entries(throwers)) {
    for (const [wanted, expected] of Object.entries(expectedThrows)) {
      // The package itself fails when it reads the message of these.
      const isUnread = (name === "null" || name === "undefined") && typeof expected[0]?.message === "string";
      if (!isUnread) add(thrower, "toThrow", `${name}, ${wanted}`, ...expected);
    }
  }
  for (const [name, make] of Object.entries(values)) {
    for (const matcher of ["toBeTruthy", "toBeFalsy", "toBeNull", "toBeUndefined", "toBeDefined", "toBeNaN"]) {
      add(make(), matcher, name);
    }
    add(make(), "toBeNull", `${name}, with an argument`, 1);
    for (const type of [Object, Array, Function, Error, Map, Point, Point3, Other]) {
      add(make(), "toBeInstanceOf", `${name}, ${type.name}`, type);
    }
    add(make(), "toBeInstanceOf", `${name}, no class`, "text");
    for (const length of [0, 1, 2, 3, -1, 1.5, "1", NaN]) add(make(), "toHaveLength", `${name}, ${length}`, length);
    for (const item of [1, "n", undefined, null, NaN, "", 513]) add(make(), "toContain", `${name}, ${String(item)}`, item);
    for (const [label, item] of Object.entries({ one: 1, object: { a: 1 }, array: [1], undefined, text: "n" })) {
      add(make(), "toContainEqual", `${name}, ${label}`, item);
    }
    for (const path of ["a", "a.b[0]", "a[b][0]", "x", "length", "[0]", "0.a", "", ".", "name", "self.self.name"]) {
      add(make(), "toHaveProperty", `${name}, ${path}`, path);
      for (const [label, value] of Object.entries({ one: 1, undefined })) {
        add(make(), "toHaveProperty", `${name}, ${path} is ${label}`, path, value);
      }
    }
    for (const [label, path] of Object.entries({ a: ["a"], "a b": ["a", "b"], "a b 0": ["a", "b", 0], symbol: [symbol], none: [], "a.b": ["a.b"], number: 1 })) {
      add(make(), "toHaveProperty", `${name}, path ${label}`, path);
      add(make(), "toHaveProperty", `${name}, path ${label} is one`, path, 1);
    }
    for (const [label, expected] of Object.entries({ o: "o", "/^o/": /^o/, "/n/g": /n/g, "/two$/m": /two$/m, empty: "", number: 1, null: null })) {
      add(make(), "toMatch", `${name}, ${label}`, expected);
    }
  }
  for (const [received, expected, digits] of [
    [0.3, 0.1 + 0.2, undefined], [1, 1.004, undefined], [1, 1.006, undefined], [1, 1.005, undefined], [1, 1.01, 1], [1, 1.4, 0],
    [1, 1.6, 0], [Infinity, Infinity, undefined], [-Infinity, Infinity, undefined], [Infinity, 1, undefined], [NaN, NaN, undefined],
    [100, 149, -2], [100, 151, -2], ["1", 1, undefined], [1, "1", undefined], [1n, 1, undefined],
  ]) {
    add(received, "toBeCloseTo", `${String(received)}, ${String(expected)}, ${digits}`, ...(digits === undefined ? [expected] : [expected, digits]));
  }
  return cases;
};

const attempt = (call) => {
  try {
    call();
    return "pass";
  } catch {
    return "fail";
  }
};

const attemptLater = async (call) => {
  try {
    await call();
    return "pass";
  } catch {
    return "fail";
  }
};

/** `label: verdict, verdict with not` of every case, in a fixed order; of one of so many parts. */
export function verdicts(expect, part = 0, parts = 1) {
  const lines = [];
  let index = 0;
  const isOther = () => index++ % parts !== part;
  const told = (label, call) => lines.push(`${label}: ${attempt(() => call(false))}, not: ${attempt(() => call(true))}`);
  const of = (received, isNot) => (isNot ? expect(received).not : expect(received));
  const expectedValues = { ...values, ...asymmetric(expect) };
  for (const matcher of ["toBe", "toEqual", "toStrictEqual", "toMatchObject"]) {
    for (const [row, [left, received]] of Object.entries(values).entries()) {
      for (const [column, [right, expected]] of Object.entries(expectedValues).entries()) {
        // Neighbours in the table are alike; of the other pairs a few are enough.
        if (Math.abs(row - column) > 1 && (row * 31 + column * 17) % 29 !== 0) continue;
        if (isOther()) continue;
        const [a, b] = [received(), expected()];
        told(`${matcher}: ${left}, ${right}`, (isNot) => of(a, isNot)[matcher](b));
      }
    }
  }
  for (const [number, [received, matcher, label, expected]] of others(expect).entries()) {
    if ((matcher !== "toThrow" && number % 5 !== 0) || isOther()) continue;
    told(`${matcher}: ${label}`, (isNot) => of(received, isNot)[matcher](...expected));
  }
  return lines;
}

/** The same of promises. */
export async function laterVerdicts(expect) {
  const lines = [];
  const promises = {
    "fulfilled with 1": () => Promise.resolve(1),
    "rejected with an error": () => Promise.reject(new Error("one")),
    "rejected with a text": () => Promise.reject("one"),
    "fulfilled with an error": () => Promise.resolve(new Error("one")),
    "fulfilled with a function": () => Promise.resolve(() => { throw new Error("one"); }),
    "a function that returns one": () => async () => 1,
    "a function that rejects": () => async () => { throw new TypeError("one"); },
    "no promise": () => 1,
  };
  const calls = {
    "toBe(1)": (it) => it.toBe(1),
    "not.toBe(1)": (it) => it.not.toBe(1),
    'toBe("one")': (it) => it.toBe("one"),
    "toThrow()": (it) => it.toThrow(),
    "not.toThrow()": (it) => it.not.toThrow(),
    'toThrow("one")': (it) => it.toThrow("one"),
    "toThrow(TypeError)": (it) => it.toThrow(TypeError),
    "toEqual(new Error(one))": (it) => it.toEqual(new Error("one")),
    "toMatchObject": (it) => it.toMatchObject({ message: "one" }),
  };
  for (const [name, make] of Object.entries(promises)) {
    for (const [label, call] of Object.entries(calls)) {
      for (const way of ["resolves", "rejects"]) {
        lines.push(`${way}.${label}: ${name}: ${await attemptLater(() => call(expect(make())[way]))}`);
      }
    }
  }
  return lines;
}

/** Every value with its name, and those that stand for many. */
export function all(expect) {
  return Object.entries({ ...values, ...asymmetric(expect) });
}
