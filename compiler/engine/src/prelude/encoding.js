// TextEncoder, TextDecoder. (atob, btoa and queueMicrotask are the engine's own.)
(function (native, internals) {
  "use strict";

  const { brands, dictionary, expose, requireArguments, usvString } = internals;

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
    static {
      brands.push((value) => #check in value);
    }

    // Private methods can be called on instances alone.
    #check() {}

    get encoding() {
      this.#check();
      return "utf-8";
    }

    encode(input = "") {
      this.#check();
      return native.encode(usvString(input));
    }

    encodeInto(source, destination) {
      this.#check();
      requireArguments(arguments.length, 2, "TextEncoder.encodeInto");
      if (!(destination instanceof Uint8Array)) {
        throw new TypeError("TextEncoder.encodeInto: destination must be a Uint8Array");
      }
      const [read, written] = native.encodeInto(usvString(source), destination);
      return { read, written };
    }
  }

  // In the order of `Encoding::numbered`: names, and the labels that the Encoding standard has for them.
  const ENCODINGS = [
    ["utf-8", "unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf8 x-unicode20utf8"],
    ["utf-16le", "csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16"],
    ["utf-16be", "unicodefffe"],
    [
      "windows-1252",
      "ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591 " +
      "iso_8859-1 iso_8859-1:1987 l1 latin1 us-ascii x-cp1252",
    ],
  ];
  const LABELS = new Map(
    ENCODINGS.flatMap(([name, labels], number) =>
      [name, ...labels.split(" ")].map((label) => [label, number])
    ),
  );
  const OUTER_SPACE = /^[\t\n\f\r ]+|[\t\n\f\r ]+$/g;
  const NOTHING = new Uint8Array(0);

  class TextDecoder {
    #encoding;
    #fatal;
    #ignoreBOM;
    // Bytes of a character that a streamed chunk has not finished.
    #rest = NOTHING;
    #atStart = true;

    static {
      brands.push((value) => #rest in value);
    }

    constructor(label = "utf-8", options = undefined) {
      const { fatal, ignoreBOM } = dictionary(options, "TextDecoder");
      this.#encoding = LABELS.get(`${label}`.replace(OUTER_SPACE, "").toLowerCase());
      if (this.#encoding === undefined) {
        const names = ENCODINGS.map(([name]) => name).join(", ");
        throw new RangeError(`TextDecoder: encoding "${label}" is not supported: only ${names}`);
      }
      this.#fatal = Boolean(fatal);
      this.#ignoreBOM = Boolean(ignoreBOM);
    }

    get encoding() {
      return ENCODINGS[this.#encoding][0];
    }

    get fatal() {
      return this.#fatal;
    }

    get ignoreBOM() {
      return this.#ignoreBOM;
    }

    decode(input = NOTHING, options = undefined) {
      let bytes = bytesOf(input, "TextDecoder.decode: input");
      const isStreamed = Boolean(dictionary(options, "TextDecoder.decode").stream);
      if (this.#rest.length > 0) {
        const joined = new Uint8Array(this.#rest.length + bytes.length);
        joined.set(this.#rest);
        joined.set(bytes, this.#rest.length);
        bytes = joined;
      }
      const cut = bytes.length - (isStreamed ? native.unfinished(bytes, this.#encoding) : 0);
      this.#rest = isStreamed ? bytes.slice(cut) : NOTHING;
      let text;
      try {
        text = native.decode(bytes.subarray(0, cut), this.#encoding, this.#fatal);
      } catch (error) {
        this.#rest = NOTHING;
        this.#atStart = true;
        throw error;
      }
      if (this.#atStart && !this.#ignoreBOM && text.startsWith("\ufeff")) text = text.slice(1);
      this.#atStart = isStreamed ? this.#atStart && cut === 0 : true;
      return text;
    }
  }

  expose(TextEncoder, "TextEncoder");
  expose(TextDecoder, "TextDecoder");
})
