// A client that opens sockets to the handler, sends, and shows what comes back.

import { $, element, say, shorten } from "./dom.js";
import { examples } from "./routes.js";
import { bytes, clock, plural } from "./words.js";

/** Most sockets at the same time, most replies that are shown, and most characters of each. */
const MOST_SOCKETS = 200;
const MOST_REPLIES = 300;
const MOST_CHARACTERS = 2000;

const sockets = new Map();
let opened = 0;
let knownRoutes;

/** Suggests paths that the handler's routes match. */
export function update({ handler }) {
  const routes = JSON.stringify(handler.routes);
  if (routes === knownRoutes) return;
  const paths = examples(handler.routes);
  $("paths").replaceChildren(...paths.map((path) => element("option", { value: path })));
  // A path that the user has typed stays.
  if (knownRoutes === undefined || $("path").value === $("path").defaultValue) {
    $("path").value = $("path").defaultValue = paths[0] ?? "/";
  }
  knownRoutes = routes;
}

function connect(path) {
  const url = new URL(path, location);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  const number = ++opened;
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  sockets.set(number, socket);
  socket.onopen = () => {
    note(number, "open", url.pathname + url.search);
    count();
  };
  socket.onmessage = ({ data }) => note(number, "in", ...preview(data));
  socket.onclose = ({ code, reason }) => {
    sockets.delete(number);
    note(number, "closed", `closed with ${code} ${reason}`.trim());
    count();
  };
  count();
}

/** The beginning of a message, and whether there is more of it. */
function preview(data) {
  if (typeof data === "string") return [data.slice(0, MOST_CHARACTERS), data.length > MOST_CHARACTERS];
  const first = new Uint8Array(data.slice(0, MOST_CHARACTERS / 4));
  const hex = [...first].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return [`${hex} (${bytes(data.byteLength)})`, data.byteLength > first.length];
}

/** Adds a line about a socket. */
function note(number, kind, text, isCut = false) {
  const marks = { in: "←", out: "→", open: "+", closed: "×" };
  const words = { in: "received", out: "sent", open: "opened", closed: "" };
  $("replies").prepend(element("li", { class: kind },
    element("span", { class: "mono quiet", title: clock(new Date()) }, number === null ? "all" : `${number}`),
    element("span", { class: "direction quiet", "aria-label": words[kind] }, marks[kind]),
    element("span", { class: "mono text" }, isCut ? `${text} …` : text)));
  shorten($("replies"), MOST_REPLIES);
  $("replies").hidden = false;
  $("no-replies").hidden = true;
}

const open = () => [...sockets.values()].filter((socket) => socket.readyState === WebSocket.OPEN);

function count() {
  const many = open().length;
  say($("sockets-count"), many ? `${plural(many, "socket")} open` : "");
  $("send-button").disabled = many === 0;
  $("close-all").disabled = sockets.size === 0;
}

function fault(text) {
  $("send-error").hidden = !text;
  say($("send-error"), text);
}

/** The bytes of a text in hex, or undefined if it is not hex. */
function fromHex(text) {
  const digits = text.replace(/\s+/g, "");
  if (digits.length % 2 || /[^0-9a-f]/i.test(digits)) return undefined;
  return Uint8Array.from(digits.match(/../g) ?? [], (byte) => parseInt(byte, 16));
}

$("open").addEventListener("submit", (event) => {
  event.preventDefault();
  const many = Math.min(Number($("count").value), MOST_SOCKETS - sockets.size);
  for (let made = 0; made < many; made++) connect($("path").value);
});

$("close-all").addEventListener("click", () => {
  for (const socket of sockets.values()) socket.close(1000);
});

$("send").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("message").value;
  const isHex = $("kind").value === "hex";
  const data = isHex ? fromHex(text) : text;
  fault(data === undefined ? "Write bytes as pairs of hex digits, such as 01 ff 2a." : "");
  if (data === undefined) return;
  const to = open();
  if (!to.length) return;
  for (const socket of to) socket.send(data);
  note(to.length === 1 ? [...sockets].find(([, it]) => it === to[0])[0] : null, "out", ...preview(isHex ? data.buffer : data));
  $("message").select();
});

// Enter sends; Shift and Enter begin a new line.
$("message").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $("send").requestSubmit();
  }
});
