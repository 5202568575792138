// FormData (https://xhr.spec.whatwg.org/#interface-formdata), written as multipart/form-data (RFC 7578), and
// read out of a body.
(function (native, internals) {
  "use strict";

  const { brands, expose, makeIterable, requireArguments, usvString } = internals;

  // As `Encoding::numbered` knows them. In the second each byte is one character.
  const UTF_8 = 0, WINDOWS_1252 = 3;

  const LINE_ENDS = /\r\n?|\n/g;

  // Set by the static block of FormData.
  let entriesOf;

  const toFile = (blob, name) =>
    blob instanceof File && name === undefined ? blob
    : new File([blob], name ?? "blob", { type: blob.type, lastModified: blob.lastModified });

  class FormData {
    // Pairs of name and value, a string or a File.
    #entries = [];

    static {
      entriesOf = (form) => form.#entries;
      brands.push((value) => #entries in value);
    }

    constructor(form = undefined) {
      if (form !== undefined) throw new TypeError("FormData: there are no form elements to read");
    }

    static #entry(given, of) {
      requireArguments(given.length, 2, of);
      const [name, value, filename] = given;
      if (value instanceof Blob) {
        return [usvString(name), toFile(value, filename === undefined ? undefined : usvString(filename))];
      }
      if (given.length > 2) throw new TypeError(`${of}: only a Blob or a File has a file name`);
      return [usvString(name), usvString(value)];
    }

    append(name, value, filename = undefined) {
      this.#entries.push(FormData.#entry(arguments, "FormData.append"));
    }

    delete(name) {
      requireArguments(arguments.length, 1, "FormData.delete");
      name = usvString(name);
      this.#entries = this.#entries.filter((it) => it[0] !== name);
    }

    get(name) {
      requireArguments(arguments.length, 1, "FormData.get");
      name = usvString(name);
      return this.#entries.find((it) => it[0] === name)?.[1] ?? null;
    }

    getAll(name) {
      requireArguments(arguments.length, 1, "FormData.getAll");
      name = usvString(name);
      return this.#entries.filter((it) => it[0] === name).map((it) => it[1]);
    }

    has(name) {
      requireArguments(arguments.length, 1, "FormData.has");
      name = usvString(name);
      return this.#entries.some((it) => it[0] === name);
    }

    set(name, value, filename = undefined) {
      const entry = FormData.#entry(arguments, "FormData.set");
      const at = this.#entries.findIndex((it) => it[0] === entry[0]);
      if (at < 0) {
        this.#entries.push(entry);
      } else {
        this.#entries = this.#entries.filter((it, index) => index <= at || it[0] !== entry[0]);
        this.#entries[at] = entry;
      }
    }
  }
  makeIterable(FormData, "FormData", (form) => entriesOf(form));

  const ESCAPES = { "\n": "%0A", "\r": "%0D", '"': "%22" };
  const escape = (name) => name.replace(/[\n\r"]/g, (it) => ESCAPES[it]);
  const unescape = (name) => name.replace(/%0A|%0D|%22/gi, decodeURIComponent);

  // What a form is as a body: a Blob whose type names the boundary. Nobody who fills in a field can know that,
  // and later runs of an event make the same.
  internals.formAsBlob = (form) => {
    const random = () => Math.random().toString(16).slice(2).padStart(14, "0");
    const boundary = `----form-${random()}${random()}`;
    const parts = entriesOf(form).flatMap(([name, value]) => {
      const escaped = escape(name.replace(LINE_ENDS, "\r\n"));
      const disposition = `--${boundary}\r\nContent-Disposition: form-data; name="${escaped}"`;
      return typeof value === "string"
        ? [`${disposition}\r\n\r\n${value.replace(LINE_ENDS, "\r\n")}\r\n`]
        : [
          `${disposition}; filename="${escape(value.name)}"\r\n` +
            `Content-Type: ${value.type || "application/octet-stream"}\r\n\r\n`,
          value,
          "\r\n",
        ];
    });
    const type = `multipart/form-data; boundary=${boundary}`;
    return new Blob([...parts, `--${boundary}--\r\n`], { type });
  };

  // RFC 2046 §5.1.1: at most 70 of these.
  const BOUNDARY = /;\s*boundary=(?:"([\w'()+,./:=? -]{1,70})"|([\w'+.-]{1,70}))\s*(?:;|$)/i;
  const NAME = /;\s*name="([^"]*)"/i;
  const FILENAME = /;\s*filename="([^"]*)"/i;

  const malformed = (why) => new TypeError(`formData: the body is no multipart/form-data: ${why}`);

  const readMultipart = (form, bytes, boundary) => {
    const text = native.decode(bytes, WINDOWS_1252, false);
    const mark = `--${boundary}`;
    let at = text.indexOf(mark);
    if (at < 0) throw malformed("its boundary is not in it");
    for (;;) {
      at += mark.length;
      if (text.startsWith("--", at)) return;
      const head = text.indexOf("\r\n", at);
      const headEnd = text.indexOf("\r\n\r\n", head);
      const end = text.indexOf(`\r\n${mark}`, headEnd + 2);
      if (head < 0 || headEnd < 0 || end < headEnd + 2) throw malformed("a part does not end");
      const lines = native.decode(bytes.subarray(head + 2, headEnd), UTF_8, false).split("\r\n");
      const field = (name) => {
        const line = lines.find((line) => line.toLowerCase().startsWith(`${name}:`));
        return line?.slice(name.length + 1).trim();
      };
      const disposition = field("content-disposition") ?? "";
      const name = NAME.exec(disposition);
      if (!disposition.startsWith("form-data") || name === null) throw malformed("a part has no name");
      const filename = FILENAME.exec(disposition);
      const value = bytes.subarray(headEnd + 4, Math.max(end, headEnd + 4));
      form.append(
        unescape(name[1]),
        filename === null
          ? native.decode(value, UTF_8, false)
          : new File([value], unescape(filename[1]), { type: field("content-type") ?? "text/plain" }),
      );
      at = end + 2;
    }
  };

  // The form that a body is, by its type.
  internals.readForm = (bytes, type) => {
    const form = new FormData();
    const [essence] = type.split(";", 1);
    const boundary = BOUNDARY.exec(type);
    switch (essence.trim().toLowerCase()) {
      case "application/x-www-form-urlencoded":
        for (const [name, value] of new URLSearchParams(native.decode(bytes, UTF_8, false))) {
          form.append(name, value);
        }
        return form;
      case "multipart/form-data":
        if (boundary === null) throw malformed("its type names no boundary");
        readMultipart(form, bytes, boundary[1] ?? boundary[2]);
        return form;
      default:
        throw new TypeError(`formData: a body of the type ${JSON.stringify(type)} is no form`);
    }
  };

  expose(FormData, "FormData", (form) => Object.fromEntries(entriesOf(form)));
})
