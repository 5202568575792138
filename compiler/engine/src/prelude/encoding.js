// TextEncoder, TextDecoder, crypto. (atob, btoa and queueMicrotask are the engine's own.)
(function (native, internals) {
  "use strict";

  const { define } = internals;

  // The bytes of an ArrayBuffer or a view, without a copy.
  const bytesOf = (source, what) => {
    if (ArrayBuffer.isView(source)) {
      return new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
    }
    if (source instanceof ArrayBuffer || source instanceof SharedArrayBuffer) {
      return new Uint8Array(source);
    }
    throw new TypeError(`${what} must be an ArrayBuffer, a typed array or a DataView`);
  };
  internals.bytesOf = bytesOf;
  internals.byteLength = Object.getOwnPropertyDescriptor(
    Object.getPrototypeOf(Uint8Array.prototype),
    "byteLength",
  ).get;

  class TextEncoder {
    get encoding() {
      return "utf-8";
    }

    encode(input = "") {
      return native.encode(String(input).toWellFormed());
    }

    encodeInto(source, destination) {
      if (!(destination instanceof Uint8Array)) {
        throw new TypeError("TextEncoder.encodeInto: destination must be a Uint8Array");
      }
      const bytes = native.encode(String(source).toWellFormed());
      let written = Math.min(bytes.length, destination.length);
      // Not in the middle of a character.
      while (written < bytes.length && (bytes[written] & 0xc0) === 0x80) written--;
      const fitting = bytes.subarray(0, written);
      destination.set(fitting);
      return { read: native.decode(fitting, false).length, written };
    }
  }

  const LABELS = /^[\t\n\f\r ]*(?:unicode-1-1-utf-8|unicode11utf8|unicode20utf8|utf-?8|x-unicode20utf8)[\t\n\f\r ]*$/i;
  const NOTHING = new Uint8Array(0);

  class TextDecoder {
    #fatal;
    #ignoreBOM;
    // Bytes of a character that a streamed chunk has not finished.
    #rest = NOTHING;
    #atStart = true;

    constructor(label = "utf-8", options = {}) {
      if (!LABELS.test(label)) {
        throw new RangeError(`TextDecoder: encoding "${label}" is not supported, only utf-8 is`);
      }
      this.#fatal = Boolean(options?.fatal);
      this.#ignoreBOM = Boolean(options?.ignoreBOM);
    }

    get encoding() {
      return "utf-8";
    }

    get fatal() {
      return this.#fatal;
    }

    get ignoreBOM() {
      return this.#ignoreBOM;
    }

    decode(input = NOTHING, options = {}) {
      let bytes = bytesOf(input, "TextDecoder.decode: input");
      if (this.#rest.length > 0) {
        const joined = new Uint8Array(this.#rest.length + bytes.length);
        joined.set(this.#rest);
        joined.set(bytes, this.#rest.length);
        bytes = joined;
      }
      const stream = Boolean(options?.stream);
      const cut = bytes.length - (stream ? native.unfinished(bytes) : 0);
      this.#rest = stream ? bytes.slice(cut) : NOTHING;
      let text;
      try {
        text = native.decode(bytes.subarray(0, cut), this.#fatal);
      } catch (error) {
        this.#rest = NOTHING;
        this.#atStart = true;
        throw error;
      }
      if (this.#atStart && !this.#ignoreBOM && text.startsWith("\ufeff")) text = text.slice(1);
      this.#atStart = stream ? this.#atStart && cut === 0 : true;
      return text;
    }
  }

  const INTEGERS = [
    Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array,
    BigInt64Array, BigUint64Array,
  ];
  const MAX_RANDOM_BYTES = 65536;

  class Crypto {
    getRandomValues(array) {
      if (!INTEGERS.some((Integer) => array instanceof Integer)) {
        throw new TypeError("crypto.getRandomValues: array must be a typed array of integers");
      }
      if (array.byteLength > MAX_RANDOM_BYTES) {
        throw new DOMException(
          `crypto.getRandomValues: at most ${MAX_RANDOM_BYTES} bytes a call`,
          "QuotaExceededError",
        );
      }
      native.random(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
      return array;
    }

    randomUUID() {
      const bytes = new Uint8Array(16);
      native.random(bytes);
      bytes[6] = (bytes[6] & 0x0f) | 0x40;
      bytes[8] = (bytes[8] & 0x3f) | 0x80;
      const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
      return [
        hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20),
      ].join("-");
    }
  }

  define("TextEncoder", TextEncoder);
  define("TextDecoder", TextDecoder);
  define("crypto", new Crypto());
})
