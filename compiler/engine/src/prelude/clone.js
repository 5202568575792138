// structuredClone, for the types this engine has.
(function (native, internals) {
  "use strict";

  const { define, inspect } = internals;
  const TypedArray = Object.getPrototypeOf(Uint8Array);
  const typedArrayTag = Object.getOwnPropertyDescriptor(
    TypedArray.prototype,
    Symbol.toStringTag,
  ).get;
  const ERRORS = { Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };

  const refuse = (value) => {
    throw new DOMException(`structuredClone: ${inspect(value)} cannot be cloned`, "DataCloneError");
  };

  const clone = (value, memory) => {
    if (typeof value === "function" || typeof value === "symbol") refuse(value);
    if (typeof value !== "object" || value === null) return value;
    const known = memory.get(value);
    if (known !== undefined) return known;
    const remember = (copy) => {
      memory.set(value, copy);
      return copy;
    };

    const tag = typedArrayTag.call(value);
    if (tag !== undefined) {
      const buffer = clone(value.buffer, memory);
      return remember(new globalThis[tag](buffer, value.byteOffset, value.length));
    }
    if (value instanceof DataView) {
      const buffer = clone(value.buffer, memory);
      return remember(new DataView(buffer, value.byteOffset, value.byteLength));
    }
    if (value instanceof ArrayBuffer) return remember(value.slice(0));
    if (value instanceof Date) return remember(new Date(value.getTime()));
    if (value instanceof RegExp) return remember(new RegExp(value.source, value.flags));
    for (const Box of [Boolean, Number, String, BigInt]) {
      if (value instanceof Box) return remember(Object(value.valueOf()));
    }
    if (value instanceof Map) {
      const copy = remember(new Map());
      // What the entries hold may change the map while it is read.
      for (const [key, item] of [...value]) copy.set(clone(key, memory), clone(item, memory));
      return copy;
    }
    if (value instanceof Set) {
      const copy = remember(new Set());
      for (const item of [...value]) copy.add(clone(item, memory));
      return copy;
    }
    if (value instanceof DOMException) {
      return remember(new DOMException(value.message, value.name));
    }
    if (value instanceof Error) {
      const Class = Object.hasOwn(ERRORS, value.name) ? ERRORS[value.name] : Error;
      const error = remember(new Class(value.message));
      for (const name of ["message", "stack", "cause"]) {
        const own = Object.getOwnPropertyDescriptor(value, name);
        if (own && "value" in own) {
          Object.defineProperty(error, name, {
            value: clone(own.value, memory),
            writable: true,
            configurable: true,
            enumerable: false,
          });
        }
      }
      return error;
    }
    if (Array.isArray(value)) {
      const copy = remember(new Array(value.length));
      for (const name of Object.keys(value)) copy[name] = clone(value[name], memory);
      return copy;
    }
    if (
      value instanceof Promise || value instanceof WeakMap || value instanceof WeakSet ||
      value instanceof WeakRef || value instanceof SharedArrayBuffer
    ) {
      refuse(value);
    }
    const copy = remember({});
    for (const name of Object.keys(value)) {
      Object.defineProperty(copy, name, {
        value: clone(value[name], memory),
        writable: true,
        configurable: true,
        enumerable: true,
      });
    }
    return copy;
  };

  define("structuredClone", function structuredClone(value, options = {}) {
    const memory = new Map();
    for (const item of options?.transfer ?? []) {
      if (!(item instanceof ArrayBuffer) || memory.has(item)) refuse(item);
      if (item.detached) refuse(item);
      memory.set(item, null);
    }
    // Everything is cloned before anything is detached, so that a refusal changes nothing.
    const transferred = [...memory.keys()];
    memory.clear();
    const copy = clone(value, memory);
    for (const buffer of transferred) buffer.transfer();
    return copy;
  });
})
