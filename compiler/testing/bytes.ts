// Texts and bytes, as JSON carries them.

/** `t` and a text, or `b` and bytes in base64. */
export type Carried = string;

type Bytes = ArrayBuffer | ArrayBufferView;

export function carried(data: unknown, of: string): Carried {
  if (typeof data === "string") return `t${data}`;
  if (data instanceof ArrayBuffer) return `b${base64(new Uint8Array(data))}`;
  if (ArrayBuffer.isView(data)) return `b${base64(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))}`;
  throw new TypeError(`${of} takes a string, an ArrayBuffer or a typed array`);
}

/** Most bytes that become characters in one call. */
const PART = 8192;

export function base64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += PART) text += String.fromCharCode(...bytes.subarray(at, at + PART));
  return btoa(text);
}

export function bytesOf(base64: string): ArrayBuffer {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)).buffer;
}

/** A text, or bytes as an ArrayBuffer. */
export function data(carried: Carried): string | ArrayBuffer {
  return carried[0] === "t" ? carried.slice(1) : bytesOf(carried.slice(1));
}

/** A value that a room or a connection stores. */
export interface CarriedValue {
  kind: string;
  value?: string;
  json?: string;
  base64?: string;
}

/** A value that a room or a connection is to store. */
export function stored(value: unknown, of: string): CarriedValue {
  if (typeof value === "string") return { kind: "string", value };
  if (value instanceof ArrayBuffer) return { kind: "ArrayBuffer", base64: base64(new Uint8Array(value)) };
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    return { kind: value.constructor.name, base64: base64(new Uint8Array(value.buffer, value.byteOffset, value.byteLength)) };
  }
  const json = JSON.stringify(value);
  if (json === undefined) throw new TypeError(`${of} takes a value: a string, bytes, or what JSON can say`);
  return { kind: "JSON", json };
}

export function value(stored: CarriedValue | null | undefined): unknown {
  if (stored === null || stored === undefined) return undefined;
  if (stored.json !== undefined) return JSON.parse(stored.json);
  if (stored.base64 === undefined) return stored.value;
  const buffer = bytesOf(stored.base64);
  const kind = (globalThis as any)[stored.kind];
  return kind === ArrayBuffer ? buffer : new kind(buffer);
}
