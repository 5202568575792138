// What console and error reports make of values, in the manner of Node's util.inspect.
(function (native, internals) {
  "use strict";

  const MAX_DEPTH = 4;
  const MAX_ITEMS = 100;
  const MAX_STRING = 10000;
  const MAX_REPORT = 16 * 1024;
  const LINE_WIDTH = 72;
  const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;

  const TypedArray = Object.getPrototypeOf(Uint8Array);
  const typedArrayTag = Object.getOwnPropertyDescriptor(
    TypedArray.prototype,
    Symbol.toStringTag,
  ).get;
  const mapSize = Object.getOwnPropertyDescriptor(Map.prototype, "size").get;
  const setSize = Object.getOwnPropertyDescriptor(Set.prototype, "size").get;
  const byteLength = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, "byteLength").get;

  // Whether a value is a real one of its class: a method that checks its receiver accepts it.
  const isReal = (Class, method, receiver) => {
    if (!(receiver instanceof Class)) return false;
    try {
      method.call(receiver);
      return true;
    } catch {
      return false;
    }
  };

  const quote = (text) => {
    const cut = text.length > MAX_STRING ? text.slice(0, MAX_STRING) : text;
    const more = text.length - cut.length;
    return JSON.stringify(cut) + (more > 0 ? `... ${more} more characters` : "");
  };

  const key = (name) =>
    typeof name === "symbol" ? `[${String(name)}]` : IDENTIFIER.test(name) ? name : quote(name);

  const isError = (value) => value instanceof Error || value instanceof DOMException;

  const className = (value) => {
    for (let at = value; at !== null; at = Object.getPrototypeOf(at)) {
      const own = Object.getOwnPropertyDescriptor(at, "constructor");
      if (own && typeof own.value === "function" && own.value.name) return own.value.name;
    }
    return null;
  };

  const errorHeadline = (error) => {
    const name = String(error.name ?? "Error");
    const message = String(error.message ?? "");
    return message === "" ? name : `${name}: ${message}`;
  };

  const errorStack = (error) =>
    typeof error.stack === "string" ? error.stack.replace(/\n+$/, "") : "";

  const layout = (prefix, open, items, close, indent) => {
    const head = prefix === "" ? open : `${prefix} ${open}`;
    if (items.length === 0) return head + close;
    const line = items.join(", ");
    if (indent.length + head.length + line.length <= LINE_WIDTH && !line.includes("\n")) {
      return `${head} ${line} ${close}`;
    }
    return `${head}\n${indent}  ${items.join(`,\n${indent}  `)}\n${indent}${close}`;
  };

  const limited = (iterable, total, show) => {
    const items = [];
    for (const item of iterable) {
      if (items.length === MAX_ITEMS) {
        items.push(`... ${total - MAX_ITEMS} more`);
        break;
      }
      items.push(show(item));
    }
    return items;
  };

  const format = (value, seen, depth, indent) => {
    switch (typeof value) {
      case "string":
        return quote(value);
      case "bigint":
        return `${value}n`;
      case "number":
        return Object.is(value, -0) ? "-0" : String(value);
      case "symbol":
      case "boolean":
      case "undefined":
        return String(value);
    }
    if (value === null) return "null";
    if (seen.includes(value)) return "[Circular]";
    const name = className(value);
    if (typeof value === "function") {
      const kind = /^class\b/.test(Function.prototype.toString.call(value)) ? "class" : "Function:";
      return value.name ? `[${kind} ${value.name}]` : `[${kind.replace(":", "")} (anonymous)]`;
    }
    if (depth > MAX_DEPTH) return Array.isArray(value) ? "[Array]" : `[${name ?? "Object"}]`;

    const inner = [...seen, value];
    const show = (item) => format(item, inner, depth + 1, `${indent}  `);
    const own = (of = value) => {
      const names = Object.keys(of).concat(
        Object.getOwnPropertySymbols(of).filter((symbol) =>
          Object.prototype.propertyIsEnumerable.call(of, symbol)
        ),
      );
      return limited(names, names.length, (property) => {
        const { get, set, value } = Object.getOwnPropertyDescriptor(of, property);
        const text = get ? (set ? "[Getter/Setter]" : "[Getter]") : set ? "[Setter]" : show(value);
        return `${key(property)}: ${text}`;
      });
    };

    if (isError(value)) {
      const stack = errorStack(value);
      const extra = own();
      if (value.cause !== undefined) extra.push(`[cause]: ${show(value.cause)}`);
      if (Array.isArray(value.errors)) extra.push(`[errors]: ${show(value.errors)}`);
      const text = errorHeadline(value) +
        (stack === "" ? "" : `\n${stack.replace(/^ */gm, `${indent}    `)}`);
      if (depth > 0 && extra.length === 0 && stack === "") return `[${text}]`;
      return extra.length === 0 ? text : layout(text, "{", extra, "}", indent);
    }
    if (Array.isArray(value)) {
      const items = [];
      let indices;
      for (let index = 0; index < value.length; index++) {
        if (items.length === MAX_ITEMS) {
          items.push(`... ${value.length - index} more`);
          break;
        }
        if (index in value) {
          items.push(show(value[index]));
          continue;
        }
        // Holes are skipped by the keys there are: an empty array may be a billion long.
        indices ??= Object.keys(value).map(Number);
        const holes = (indices.find((next) => next > index) ?? value.length) - index;
        index += holes - 1;
        items.push(`<${holes} empty item${holes === 1 ? "" : "s"}>`);
      }
      const prefix = name === "Array" ? "" : `${name}(${value.length})`;
      return layout(prefix, "[", items, "]", indent);
    }
    const tag = typedArrayTag.call(value);
    if (tag !== undefined) {
      const items = limited(value, value.length, show);
      return layout(`${tag}(${value.length})`, "[", items, "]", indent);
    }
    if (isReal(ArrayBuffer, byteLength, value)) {
      const bytes = new Uint8Array(value);
      const hex = limited(bytes.subarray(0, 50), 0, (byte) => byte.toString(16).padStart(2, "0"));
      const more = bytes.length > 50 ? ` ... ${bytes.length - 50} more bytes` : "";
      return `ArrayBuffer { ${[`<${hex.join(" ")}${more}>`, `byteLength: ${bytes.length}`].join(", ")} }`;
    }
    if (isReal(Map, mapSize, value)) {
      const items = limited(
        Map.prototype.entries.call(value),
        mapSize.call(value),
        ([entryKey, entryValue]) => `${show(entryKey)} => ${show(entryValue)}`,
      );
      return layout(`Map(${mapSize.call(value)})`, "{", items.concat(own()), "}", indent);
    }
    if (isReal(Set, setSize, value)) {
      const items = limited(Set.prototype.values.call(value), setSize.call(value), show);
      return layout(`Set(${setSize.call(value)})`, "{", items.concat(own()), "}", indent);
    }
    if (isReal(Date, Date.prototype.getTime, value)) {
      const time = Date.prototype.getTime.call(value);
      return Number.isNaN(time) ? "Invalid Date" : Date.prototype.toISOString.call(value);
    }
    if (value instanceof RegExp) return RegExp.prototype.toString.call(value);
    if (value instanceof Promise) return "Promise {}";
    for (const Box of [String, Number, Boolean, BigInt, Symbol]) {
      if (isReal(Box, Box.prototype.valueOf, value)) {
        return `[${Box.name}: ${show(Box.prototype.valueOf.call(value))}]`;
      }
    }
    const prefix = name === null ? "[Object: null prototype]" : name === "Object" ? "" : name;
    const shown = internals.inspectors.get(Object.getPrototypeOf(value))?.(value) ?? value;
    if (typeof shown === "string") return shown;
    return layout(prefix, "{", own(shown), "}", indent);
  };

  // Prototypes of the prelude's own classes, and what shows them: a string, or an object whose
  // properties do.
  internals.inspectors = new Map();

  internals.inspect = (value) => {
    try {
      return format(value, [], 0, "");
    } catch (error) {
      return `[value that cannot be inspected: ${error?.message}]`;
    }
  };

  // Headline and stack of whatever was thrown, causes included.
  internals.describe = (thrown) => {
    if (!isError(thrown)) return [`Uncaught ${internals.inspect(thrown)}`, ""];
    const stack = [errorStack(thrown)];
    const add = (relation, error) => {
      if (isError(error)) {
        stack.push(`${relation}: ${errorHeadline(error)}`, errorStack(error));
      } else {
        stack.push(`${relation}: ${internals.inspect(error)}`);
      }
    };
    const seen = [thrown];
    while (isError(seen.at(-1)) && seen.at(-1).cause !== undefined && seen.length < MAX_ITEMS) {
      const { cause } = seen.at(-1);
      if (seen.includes(cause)) break;
      add("caused by", cause);
      seen.push(cause);
    }
    if (Array.isArray(thrown.errors)) {
      for (const error of thrown.errors.slice(0, MAX_ITEMS)) add("one of", error);
    }
    const text = stack.filter((part) => part !== "").join("\n");
    return [errorHeadline(thrown).slice(0, MAX_REPORT), text.slice(0, MAX_REPORT)];
  };

  // Defines a global as the platform's are: writable, not enumerable.
  internals.define = (name, value) => {
    Object.defineProperty(globalThis, name, {
      value,
      writable: true,
      configurable: true,
      enumerable: false,
    });
  };
})
