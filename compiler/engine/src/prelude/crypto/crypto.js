// crypto: random values, and comparing bytes.
(function (native, internals) {
  "use strict";

  const { brands, define, expose, ours, subtle, timingSafeEqual } = internals;

  const INTEGERS = [
    Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array,
    BigInt64Array, BigUint64Array,
  ];
  const MAX_RANDOM_BYTES = 65536;

  class Crypto {
    static {
      brands.push((value) => #check in value);
    }

    constructor(token) {
      if (token !== ours) throw new TypeError("Illegal constructor");
    }

    #check() {}

    get subtle() {
      this.#check();
      return subtle;
    }

    getRandomValues(array) {
      this.#check();
      if (!INTEGERS.some((Integer) => array instanceof Integer)) {
        const complaint = "crypto.getRandomValues: array must be a typed array of integers";
        if (ArrayBuffer.isView(array)) throw new DOMException(complaint, "TypeMismatchError");
        throw new TypeError(complaint);
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
      this.#check();
      const bytes = new Uint8Array(16);
      native.random(bytes);
      bytes[6] = (bytes[6] & 0x0f) | 0x40;
      bytes[8] = (bytes[8] & 0x3f) | 0x80;
      const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
      return [
        hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20),
      ].join("-");
    }

    timingSafeEqual(a, b) {
      this.#check();
      return timingSafeEqual("crypto.timingSafeEqual", arguments.length, a, b);
    }
  }

  expose(Crypto, "Crypto");
  define("crypto", new Crypto(ours));
})
