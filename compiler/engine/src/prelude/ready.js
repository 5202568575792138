// Looks at every property of every object of the language once: QuickJS makes built-in functions when
// they are first looked at, which would be in each event anew.
(function () {
  "use strict";

  const generator = function* () {};
  const asyncGenerator = async function* () {};
  const waiting = [
    globalThis,
    [].values(),
    ""[Symbol.iterator](),
    "".matchAll(/x/g),
    new Map().values(),
    new Set().values(),
    generator(),
    asyncGenerator(),
    async () => {},
  ];
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
