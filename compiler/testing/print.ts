// Values as text, as the package `pretty-format` of Jest prints them: in messages, and in snapshots.
//
// `tests/expect` compares what snapshots hold with what that package prints.

import { Matcher } from "./asymmetric.ts";
import { enumerableKeys, tag } from "./equality.ts";

export interface Style {
  /** On one line, without the names of classes of arrays and plain objects. */
  isShort?: boolean;
  /** As Jest writes snapshots: functions have no names, and special characters of patterns are escaped. */
  isSnapshot?: boolean;
  /** What is longer ends in `…`. */
  maxLength?: number;
}

/** Longest text in a message. */
const MAX_LENGTH = 20_000;

/** Deepest nesting that is printed. */
const MAX_DEPTH = 100;

/** A value as text, in lines that are indented by two spaces. */
export function print(value: unknown, style: Style = {}): string {
  return new Printer(style).value(value, "", []);
}

class Printer {
  readonly #style: Style;
  /** How many characters may still come. */
  #left: number;

  constructor(style: Style) {
    this.#style = style;
    this.#left = style.maxLength ?? MAX_LENGTH;
  }

  value(value: any, indent: string, open: readonly unknown[], isFromToJson = false): string {
    if (this.#left <= 0) return "…";
    const text = value instanceof Matcher ? this.#matcher(value, indent, open) : this.#basic(value);
    if (text !== undefined) {
      this.#left -= text.length;
      return text;
    }
    if (open.includes(value)) return "[Circular]";
    const name = className(value);
    if (open.length >= MAX_DEPTH) return `[${name}]`;
    const within = [...open, value];
    if (typeof value.toJSON === "function" && !isFromToJson) {
      return this.value(value.toJSON(), indent, within, true);
    }
    const kind = tag(value);
    if (kind === "Arguments") return this.#named("Arguments", this.#list([...value], indent, within));
    if (kind === "ArrayBuffer" || kind === "DataView") {
      const view = kind === "DataView" ? (value as DataView) : undefined;
      const bytes = new Int8Array(view?.buffer ?? value, view?.byteOffset, view?.byteLength);
      return this.#named(name, this.#list(bytes, indent, within));
    }
    if (Array.isArray(value) || (ArrayBuffer.isView(value) && !/^(Big|Float16)/.test(kind))) {
      return this.#named(name === "Array" ? "" : name, this.#list(value as ArrayLike<unknown>, indent, within));
    }
    if (kind === "Map") {
      const entry = ([key, item]: unknown[], next: string) =>
        `${this.value(key, next, within)} => ${this.value(item, next, within)}`;
      return `Map ${this.#block("{", [...(value as Map<unknown, unknown>).entries()], "}", indent, entry)}`;
    }
    if (kind === "Set") {
      const item = (it: unknown, next: string) => this.value(it, next, within);
      return `Set ${this.#block("{", [...(value as Set<unknown>).values()], "}", indent, item)}`;
    }
    return this.#named(name === "Object" ? "" : name, this.#properties(value, indent, within));
  }

  #basic(value: any): string | undefined {
    switch (typeof value) {
      case "number":
        return Object.is(value, -0) ? "-0" : String(value);
      case "bigint":
        return `${value}n`;
      case "string":
        return this.#quoted(value);
      case "function":
        return this.#function(value);
      case "symbol":
        return String(value);
      case "object":
        break;
      default:
        return String(value);
    }
    if (value === null) return "null";
    switch (tag(value)) {
      case "Promise":
      case "WeakMap":
      case "WeakSet":
        return `${tag(value)} {}`;
      case "Date":
        return Number.isNaN(+value) ? "Date { NaN }" : (value as Date).toISOString();
      case "RegExp":
        return this.#style.isSnapshot ? String(value).replace(/[$()*+.?[\\\]^{|}]/g, "\\$&") : String(value);
    }
    if (value instanceof Error || tag(value) === "Error") return `[${Error.prototype.toString.call(value)}]`;
    return undefined;
  }

  #quoted(text: string): string {
    const cut = text.length > this.#left ? `${text.slice(0, this.#left)}…` : text;
    return this.#style.isSnapshot ? `"${cut}"` : `"${cut.replace(/["\\]/g, "\\$&")}"`;
  }

  #function(value: Function): string {
    return this.#style.isSnapshot ? "[Function]" : `[Function ${value.name || "anonymous"}]`;
  }

  #matcher(matcher: Matcher, indent: string, open: readonly unknown[]): string {
    if (matcher.text !== undefined) return matcher.text;
    const { name, sample } = matcher;
    const within = [...open, matcher];
    if (/^Array(Not)?Containing$/.test(name)) return `${name} ${this.#list(sample, indent, within)}`;
    if (/^Object(Not)?Containing$/.test(name)) return `${name} ${this.#properties(sample, indent, within)}`;
    return `${name} ${this.value(sample, indent, within)}`;
  }

  #named(name: string, block: string): string {
    return this.#style.isShort || name === "" ? block : `${name} ${block}`;
  }

  #list(list: ArrayLike<unknown>, indent: string, open: readonly unknown[]): string {
    const indexes = Array.from({ length: list.length }, (_, index) => index);
    const item = (index: number, next: string) => (index in list ? this.value(list[index], next, open) : "");
    return this.#block("[", indexes, "]", indent, item);
  }

  #properties(object: any, indent: string, open: readonly unknown[]): string {
    const names = enumerableKeys(object).filter((key) => typeof key === "string").sort();
    const symbols = enumerableKeys(object).filter((key) => typeof key === "symbol");
    const property = (key: PropertyKey, next: string) =>
      `${this.value(key, next, open)}: ${this.value(object[key], next, open)}`;
    return this.#block("{", [...names, ...symbols], "}", indent, property);
  }

  #block<T>(start: string, items: T[], end: string, indent: string, text: (item: T, next: string) => string): string {
    if (items.length === 0) return start + end;
    const next = this.#style.isShort ? "" : `${indent}  `;
    let block = start;
    for (const [index, item] of items.entries()) {
      const isLast = index === items.length - 1;
      const isCut = this.#left <= 0;
      this.#left -= next.length + 2;
      block += this.#style.isShort ? "" : `\n${next}`;
      block += isCut ? "…" : text(item, next);
      if (isCut) break;
      block += this.#style.isShort ? (isLast ? "" : ", ") : ",";
    }
    return this.#style.isShort ? block + end : `${block}\n${indent}${end}`;
  }
}

function className(value: any): string {
  return (typeof value.constructor === "function" && value.constructor.name) || "Object";
}
