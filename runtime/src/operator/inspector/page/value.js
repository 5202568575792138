// A value of a handler or a client, or the beginning of it that the server has sent.

import { element } from "./dom.js";
import { bytes } from "./words.js";

/** The beginning of the value, on one line. */
export function inLine(preview) {
  const text = preview.shown.replace(/\s+/g, " ");
  return preview.isCut ? `${text} …` : text;
}

/** All of the preview, with the value's kind and length. */
export function value(preview, name) {
  const of = name ?? (preview.isJson ? "JSON" : preview.isText ? "text" : "bytes");
  const kind = `${of}, ${bytes(preview.bytes)}`;
  return element("div", { class: "value" },
    element("pre", {}, preview.shown || " "),
    element("span", { class: "quiet" }, preview.isCut ? `${kind}, only the beginning is shown` : kind));
}
