// Blob and File (https://w3c.github.io/FileAPI/): bytes with a type, for forms and bodies. No streams.
(function (native, internals) {
  "use strict";

  const { brands, bytesOf, dictionary, expose, isObject, requireArguments, usvString } = internals;

  // As `Encoding::numbered` knows it.
  const UTF_8 = 0;
  const BEYOND_PRINTABLE = /[^\x20-\x7e]/;
  const LINE_ENDS = /\r\n?|\n/g;

  const readType = (type) => {
    if (type === undefined) return "";
    type = `${type}`;
    return BEYOND_PRINTABLE.test(type) ? "" : type.toLowerCase();
  };

  const readEndings = (endings, of) => {
    endings = endings === undefined ? "transparent" : `${endings}`;
    if (endings === "transparent" || endings === "native") return endings;
    throw new TypeError(`${of}: endings must be "transparent" or "native"`);
  };

  const join = (pieces) => {
    const all = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
    let at = 0;
    for (const piece of pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  };

  // Of `slice`: an index from the start, or with a minus from the end, kept within the bytes. A half goes to
  // the even number (WebIDL, [Clamp]).
  const clamp = (index, size) => {
    const nearest = Math.round(index) || 0;
    index = Math.abs(index % 1) === 0.5 && nearest % 2 !== 0 ? nearest - 1 : nearest;
    return index < 0 ? Math.max(size + index, 0) : Math.min(index, size);
  };

  // In place of parts: bytes that no code holds.
  const KEPT = Symbol("kept");

  class Blob {
    // Of a slice, a view of the bytes of the whole: nothing writes to them.
    #bytes;
    #type;

    static {
      internals.bytesOfBlob = (blob) => blob.#bytes;
      brands.push((value) => #bytes in value);
    }

    constructor(parts = undefined, options = undefined) {
      if (parts === KEPT) {
        this.#bytes = options.bytes;
        this.#type = options.type;
        return;
      }
      const of = new.target.name;
      if (parts === undefined) parts = [];
      const iterator = isObject(parts) ? parts[Symbol.iterator] : undefined;
      if (typeof iterator !== "function") throw new TypeError(`${of}: its parts must be a list`);
      // Each is read once, from left to right, before the options.
      const read = Array.from({ [Symbol.iterator]: () => iterator.call(parts) }, (part) =>
        part instanceof Blob ? part.#bytes
        : part instanceof ArrayBuffer || ArrayBuffer.isView(part) ? bytesOf(part, of)
        : usvString(part)
      );
      const { endings, type } = dictionary(options, of);
      const isNative = readEndings(endings, of) === "native";
      this.#type = readType(type);
      this.#bytes = join(read.map((part) =>
        typeof part !== "string" ? part : native.encode(isNative ? part.replace(LINE_ENDS, "\n") : part)
      ));
    }

    get size() {
      return this.#bytes.length;
    }

    get type() {
      return this.#type;
    }

    slice(start = 0, end = this.size, contentType = undefined) {
      const { size } = this;
      const from = clamp(start, size);
      const to = Math.max(from, clamp(end, size));
      return new Blob(KEPT, { bytes: this.#bytes.subarray(from, to), type: readType(contentType) });
    }

    async text() {
      return native.decode(this.#bytes, UTF_8, false);
    }

    async arrayBuffer() {
      return this.#bytes.slice().buffer;
    }

    async bytes() {
      return this.#bytes.slice();
    }
  }

  class File extends Blob {
    #name;
    #lastModified;

    constructor(parts, name, options = undefined) {
      requireArguments(arguments.length, 2, "File");
      super(parts, options);
      this.#name = usvString(name);
      const { lastModified } = dictionary(options, "File");
      this.#lastModified = lastModified === undefined ? Date.now() : Math.trunc(+lastModified) || 0;
    }

    get name() {
      return this.#name;
    }

    get lastModified() {
      return this.#lastModified;
    }
  }

  expose(Blob, "Blob", ({ size, type }) => ({ size, type }));
  expose(File, "File", ({ name, size, type }) => ({ name, size, type }));
})
