// structuredClone, for the types this engine has.
(function (native, internals) {
  "use strict";

  const { brands, define, dictionary, inspect, isObject, requireArguments } = internals;
  const { classOf } = native;
  const getter = (prototype, name) => Object.getOwnPropertyDescriptor(prototype, name).get;
  const TypedArray = Object.getPrototypeOf(Uint8Array);
  const typedArray = {
    buffer: getter(TypedArray.prototype, "buffer"),
    byteOffset: getter(TypedArray.prototype, "byteOffset"),
    length: getter(TypedArray.prototype, "length"),
    keys: TypedArray.prototype.keys,
  };
  const dataView = {
    buffer: getter(DataView.prototype, "buffer"),
    byteOffset: getter(DataView.prototype, "byteOffset"),
    byteLength: getter(DataView.prototype, "byteLength"),
  };
  const bufferOf = {
    byteLength: getter(ArrayBuffer.prototype, "byteLength"),
    maxByteLength: getter(ArrayBuffer.prototype, "maxByteLength"),
    resizable: getter(ArrayBuffer.prototype, "resizable"),
    detached: getter(ArrayBuffer.prototype, "detached"),
    slice: ArrayBuffer.prototype.slice,
    resize: ArrayBuffer.prototype.resize,
    transfer: ArrayBuffer.prototype.transfer,
  };
  const sourceOf = getter(RegExp.prototype, "source");
  const flagsOf = Object.entries({
    d: "hasIndices", g: "global", i: "ignoreCase", m: "multiline", s: "dotAll", u: "unicode",
    v: "unicodeSets", y: "sticky",
  }).map(([flag, name]) => [flag, getter(RegExp.prototype, name)]);
  const { getTime } = Date.prototype;
  const mapEntries = Map.prototype.entries;
  const setValues = Set.prototype.values;
  const ERRORS = { Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };

  const refuse = (value) => {
    throw new DOMException(`structuredClone: ${inspect(value)} cannot be cloned`, "DataCloneError");
  };

  const put = (copy, name, value) =>
    Object.defineProperty(copy, name, { value, writable: true, configurable: true, enumerable: true });

  const putAll = (copy, value, memory) => {
    for (const name of Object.keys(value)) {
      // A getter may have removed what comes after it.
      if (Object.hasOwn(value, name)) put(copy, name, clone(value[name], memory));
    }
    return copy;
  };

  // A property that is not enumerable, as errors have them.
  const copyOwn = (value, copy, name, memory) => {
    const own = Object.getOwnPropertyDescriptor(value, name);
    if (own === undefined || !("value" in own)) return copy;
    return Object.defineProperty(copy, name, {
      value: clone(own.value, memory),
      writable: true,
      configurable: true,
      enumerable: false,
    });
  };

  // Whether a view follows the length of its buffer, which only a change of that length shows.
  const isTracking = (view, buffer, offset, byteLength, size) => {
    if (!bufferOf.resizable.call(buffer)) return false;
    const length = bufferOf.byteLength.call(buffer);
    const end = offset + byteLength;
    if (length - end >= size || end === 0) return false;
    const content = bufferOf.slice.call(buffer, end - 1);
    bufferOf.resize.call(buffer, end - 1);
    let isInBounds = true;
    try {
      // Each throws for a view that ends beyond its buffer.
      if (view instanceof DataView) dataView.byteLength.call(view);
      else typedArray.keys.call(view);
    } catch {
      isInBounds = false;
    }
    bufferOf.resize.call(buffer, length);
    new Uint8Array(buffer).set(new Uint8Array(content), end - 1);
    return isInBounds;
  };

  // How objects are cloned, by the number of their class, which neither prototypes nor `instanceof` can
  // change. Other classes are refused. A copy is remembered before what it holds is cloned.
  const copiers = new Map([
    [{}, (value, memory, remember) => {
      const prototype = Object.getPrototypeOf(value);
      if (prototype !== Object.prototype && prototype !== null && brands.some((isOne) => isOne(value))) {
        refuse(value);
      }
      return putAll(remember({}), value, memory);
    }],
    [[], (value, memory, remember) => putAll(remember(new Array(value.length)), value, memory)],
    [(function () { return arguments; })(), (value, memory, remember) =>
      putAll(remember({}), value, memory)],
    [new Date(), (value) => new Date(getTime.call(value))],
    [/x/, (value) => {
      const flags = flagsOf.filter(([, has]) => has.call(value)).map(([flag]) => flag).join("");
      return new RegExp(sourceOf.call(value), flags);
    }],
    [new Map(), (value, memory, remember) => {
      const copy = remember(new Map());
      // What the entries hold may change the map while it is read.
      for (const [key, item] of [...mapEntries.call(value)]) {
        copy.set(clone(key, memory), clone(item, memory));
      }
      return copy;
    }],
    [new Set(), (value, memory, remember) => {
      const copy = remember(new Set());
      for (const item of [...setValues.call(value)]) copy.add(clone(item, memory));
      return copy;
    }],
    [Object(true), (value) => Object(Boolean.prototype.valueOf.call(value))],
    [Object(0), (value) => Object(Number.prototype.valueOf.call(value))],
    [Object(""), (value) => Object(String.prototype.valueOf.call(value))],
    [Object(0n), (value) => Object(BigInt.prototype.valueOf.call(value))],
    [new ArrayBuffer(0), (value) => {
      if (bufferOf.detached.call(value)) refuse(value);
      if (!bufferOf.resizable.call(value)) return bufferOf.slice.call(value);
      const copy = new ArrayBuffer(bufferOf.byteLength.call(value), {
        maxByteLength: bufferOf.maxByteLength.call(value),
      });
      new Uint8Array(copy).set(new Uint8Array(value));
      return copy;
    }],
    [new DataView(new ArrayBuffer(0)), (value, memory) => {
      const buffer = dataView.buffer.call(value);
      let offset, length;
      try {
        offset = dataView.byteOffset.call(value);
        length = dataView.byteLength.call(value);
      } catch {
        refuse(value);
      }
      const view = isTracking(value, buffer, offset, length, 1) ? undefined : length;
      return new DataView(clone(buffer, memory), offset, view);
    }],
    [new Error(), (value, memory, remember) => {
      const { name } = value;
      const Class = Object.hasOwn(ERRORS, name) ? ERRORS[name] : Error;
      const message = Object.getOwnPropertyDescriptor(value, "message");
      const error = remember(
        message !== undefined && "value" in message ? new Class(`${message.value}`) : new Class(),
      );
      copyOwn(value, error, "stack", memory);
      copyOwn(value, error, "cause", memory);
      return error;
    }],
    [new DOMException(), (value, memory) =>
      copyOwn(value, new DOMException(value.message, value.name), "stack", memory)],
    ...[
      Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array,
      BigInt64Array, BigUint64Array, Float16Array, Float32Array, Float64Array,
    ].map((Array) => [new Array(), (value, memory) => {
      const buffer = typedArray.buffer.call(value);
      const offset = typedArray.byteOffset.call(value);
      const length = typedArray.length.call(value);
      try {
        typedArray.keys.call(value);
      } catch {
        refuse(value);
      }
      const size = Array.BYTES_PER_ELEMENT;
      const isAuto = isTracking(value, buffer, offset, length * size, size);
      return new Array(clone(buffer, memory), offset, isAuto ? undefined : length);
    }]),
  ].map(([sample, copier]) => [classOf(sample), copier]));
  // The arguments of a function that is not strict have a class of their own.
  copiers.set(classOf(Function("return arguments")()), copiers.get(classOf({})));

  const clone = (value, memory) => {
    if (!isObject(value)) return typeof value === "symbol" ? refuse(value) : value;
    const known = memory.get(value);
    if (known !== undefined) return known;
    const remember = (copy) => {
      memory.set(value, copy);
      return copy;
    };
    const copier = copiers.get(classOf(value));
    return copier === undefined ? refuse(value) : remember(copier(value, memory, remember));
  };

  const ARRAY_BUFFER = classOf(new ArrayBuffer(0));

  define("structuredClone", function structuredClone(value, options = undefined) {
    requireArguments(arguments.length, 1, "structuredClone");
    const { transfer } = dictionary(options, "structuredClone");
    const transferred = new Set();
    for (const item of transfer === undefined ? [] : transfer) {
      if (!isObject(item)) throw new TypeError("structuredClone: only objects can be transferred");
      if (classOf(item) !== ARRAY_BUFFER || transferred.has(item)) refuse(item);
      transferred.add(item);
    }
    // Everything is cloned before anything is detached, so that a refusal changes nothing.
    const copy = clone(value, new Map());
    for (const buffer of transferred) {
      if (bufferOf.detached.call(buffer)) refuse(buffer);
    }
    for (const buffer of transferred) bufferOf.transfer.call(buffer);
    return copy;
  });
})
