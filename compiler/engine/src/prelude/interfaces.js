// What WebIDL says of every interface: how arguments are converted, iterators, and how members look.
(function (native, internals) {
  "use strict";

  const { define, inspectors } = internals;
  const isEnumerable = Object.prototype.propertyIsEnumerable;
  // Not by way of an array: its iterator is made where it is first needed, on the pages that events write.
  const IteratorPrototype = Iterator.prototype;

  internals.requireArguments = (count, required, of) => {
    if (count < required) {
      throw new TypeError(`${of} needs ${required} argument${required > 1 ? "s" : ""}, not ${count}`);
    }
  };

  // Template literals refuse symbols, which `String` does not.
  internals.usvString = (value) => `${value}`.toWellFormed();

  internals.isObject = (value) =>
    (typeof value === "object" && value !== null) || typeof value === "function";

  const NO_OPTIONS = Object.freeze(Object.create(null));

  // The options of a call: an object, or nothing.
  internals.dictionary = (value, of) => {
    if (value === undefined || value === null) return NO_OPTIONS;
    if (!internals.isObject(value)) throw new TypeError(`${of}: its options must be an object`);
    return value;
  };

  internals.unsignedShort = (value) => {
    if (typeof value === "number" && (value & 0xffff) === value) return value;
    const number = Math.trunc(+value);
    return Number.isFinite(number) ? ((number % 65536) + 65536) % 65536 : 0;
  };

  // The pairs of an object that is a record or a list of pairs. `toValue` gets the name too, to speak of it.
  internals.pairsOf = (init, toName, toValue, of) => {
    const iterator = init[Symbol.iterator];
    if (iterator === undefined || iterator === null) {
      const pairs = [];
      const keys = Reflect.ownKeys(init);
      for (let index = 0; index < keys.length; index++) {
        const key = keys[index];
        if (!isEnumerable.call(init, key)) continue;
        const name = toName(key);
        pairs.push([name, toValue(init[key], name)]);
      }
      return pairs;
    }
    if (typeof iterator !== "function") throw new TypeError(`${of}: its [Symbol.iterator] is no function`);
    return Array.from({ [Symbol.iterator]: () => iterator.call(init) }, (pair) => {
      if (!internals.isObject(pair)) throw new TypeError(`${of}: a pair must be an array of name and value`);
      const items = [...pair];
      if (items.length !== 2) throw new TypeError(`${of}: each pair must have a name and a value`);
      const name = toName(items[0]);
      return [name, toValue(items[1], name)];
    });
  };

  // Functions that tell the objects of the prelude's classes from plain ones.
  internals.brands = [];

  // Gives a class the methods of a list of pairs. `pairsOf(instance, last)` is called at each step of an
  // iteration, so that it sees what has changed; `last` is what it returned at the step before.
  internals.makeIterable = (Class, name, pairsOf) => {
    class Cursor {
      #of;
      #pairs;
      #pick;
      #next = 0;

      static {
        internals.brands.push((value) => #pick in value);
      }

      constructor(of, pick) {
        this.#of = of;
        this.#pairs = pairsOf(of);
        this.#pick = pick;
      }

      next() {
        const pairs = this.#pairs = pairsOf(this.#of, this.#pairs);
        return this.#next < pairs.length
          ? { value: this.#pick(pairs[this.#next++]), done: false }
          : { value: undefined, done: true };
      }
    }
    delete Cursor.prototype.constructor;
    Object.setPrototypeOf(Cursor.prototype, IteratorPrototype);
    Object.defineProperty(Cursor.prototype, "next", { enumerable: true });
    Object.defineProperty(Cursor.prototype, Symbol.toStringTag, {
      value: `${name} Iterator`,
      configurable: true,
    });

    const methods = {
      entries() {
        return new Cursor(this, ([name, value]) => [name, value]);
      },
      forEach(callback, receiver = undefined) {
        let pairs = pairsOf(this);
        if (typeof callback !== "function") throw new TypeError(`${name}.forEach: callback is no function`);
        for (let index = 0; index < pairs.length; index++) {
          callback.call(receiver, pairs[index][1], pairs[index][0], this);
          pairs = pairsOf(this, pairs);
        }
      },
      keys() {
        return new Cursor(this, ([name]) => name);
      },
      values() {
        return new Cursor(this, ([, value]) => value);
      },
    };
    for (const [method, value] of Object.entries(methods)) {
      Object.defineProperty(Class.prototype, method, { value, writable: true, configurable: true });
    }
    Object.defineProperty(Class.prototype, Symbol.iterator, {
      value: methods.entries,
      writable: true,
      configurable: true,
    });
  };

  // Members of the platform's classes are enumerable, unlike those of the language's.
  internals.showMembers = (Class) => {
    for (const object of [Class, Class.prototype]) {
      for (const [name, { configurable }] of Object.entries(Object.getOwnPropertyDescriptors(object))) {
        if (!configurable || ["constructor", "length", "name"].includes(name)) continue;
        Object.defineProperty(object, name, { enumerable: true });
      }
    }
  };

  internals.showMembers(DOMException);

  // Makes a class a global, which `shown` shows to whoever logs one.
  internals.expose = (Class, name, shown) => {
    internals.showMembers(Class);
    Object.defineProperty(Class.prototype, Symbol.toStringTag, { value: name, configurable: true });
    if (shown !== undefined) inspectors.set(Class.prototype, shown);
    define(name, Class);
  };
})
