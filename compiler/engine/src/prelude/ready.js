// What QuickJS makes when it is first needed, made before there are events, each of which would else
// make it anew.
(function (_native, internals) {
  "use strict";

  // The first object of its prototype has a shape made for it, which goes with the last. These stay.
  const generator = function* () {};
  const asyncGenerator = async function* () {};
  const samples = [
    {},
    [],
    () => {},
    async () => {},
    /x/,
    new Date(0),
    new Error(),
    new TypeError(),
    new RangeError(),
    new Map(),
    new Set(),
    Promise.resolve(),
    new ArrayBuffer(1),
    new DataView(new ArrayBuffer(1)),
    new Uint8Array(1),
    new TextEncoder(),
    new TextDecoder(),
    [].values(),
    ""[Symbol.iterator](),
    "".matchAll(/x/g),
    new Map().values(),
    new Set().values(),
    generator(),
    asyncGenerator(),
    (function () {
      return arguments;
    })(),
  ];
  internals.samples.push(...samples);

  // Built-in functions are made when they are first looked at: this looks at every property of every
  // object of the language.
  const waiting = [globalThis, ...samples];
  const seen = new Set(waiting);
  const wait = (value) => {
    const isObject = (typeof value === "object" && value !== null) || typeof value === "function";
    if (!isObject || seen.has(value)) return;
    seen.add(value);
    waiting.push(value);
  };
  while (waiting.length > 0) {
    const object = waiting.pop();
    wait(Object.getPrototypeOf(object));
    for (const key of Reflect.ownKeys(object)) {
      const { value, get, set } = Object.getOwnPropertyDescriptor(object, key);
      wait(value);
      wait(get);
      wait(set);
    }
  }
});
