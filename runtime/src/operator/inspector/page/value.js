// A value that a handler or a client has given, as far as the server has told it.

import { element } from "./dom.js";
import { bytes } from "./words.js";

/** Its beginning on one line. */
export function inLine(preview) {
  const text = preview.shown.replace(/\s+/g, " ");
  return preview.isCut ? `${text} …` : text;
}

/** All that is known of it, with its kind and length. */
export function value(preview) {
  const kind = `${preview.isText ? "text" : "bytes"}, ${bytes(preview.bytes)}`;
  return element("div", { class: "value" },
    element("pre", {}, preview.shown || " "),
    element("span", { class: "quiet" }, preview.isCut ? `${kind}, its beginning` : kind));
}
