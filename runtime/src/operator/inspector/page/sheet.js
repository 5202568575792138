// One connection: its details, and closing it.

import { $, element, say } from "./dom.js";
import { openRoom } from "./room.js";
import { value } from "./value.js";
import { age, bytes } from "./words.js";

let shown;

/** Opens the sheet of a connection. */
export async function openSheet(id) {
  shown = { id };
  say($("sheet-title"), `Connection #${id}`);
  say($("close-result"), "");
  $("sheet-facts").replaceChildren();
  $("sheet").showModal();
  await update();
}

/** Requests the details again, while the sheet is open. */
export async function update() {
  if (!$("sheet").open) return;
  const { id } = shown;
  const response = await fetch(`/__zigttp/connection?id=${id}`);
  const text = await response.text();
  // The sheet of another connection may have been opened meanwhile.
  if (!response.ok || shown.id !== id) return;
  const isOpen = text !== "null";
  $("sheet-gone").hidden = isOpen;
  $("close").hidden = !isOpen;
  if (!isOpen || shown.text === text) return;
  shown.text = text;
  $("sheet-facts").replaceChildren(...facts(JSON.parse(text)));
}

function facts(connection) {
  const list = [];
  const fact = (name, ...values) => list.push(element("dt", {}, name), element("dd", {}, ...values));
  const mono = (text) => element("span", { class: "mono" }, text);
  fact("Attachment", connection.attachment ? value(connection.attachment)
    : element("span", { class: "quiet" }, "none"));
  fact("Room", element("button", { type: "button", class: "plain mono", click: () => showRoom(connection.room) },
    connection.room));
  if (connection.joined.length) {
    fact("Joined", ...connection.joined.flatMap((room) => [
      element("button", { type: "button", class: "plain mono", click: () => showRoom(room) }, room), " ",
    ]));
  }
  fact("Opened", mono(connection.url), ` ${age(connection.ageSeconds)} ago`);
  for (const [name, text] of connection.parameters) fact(`:${name}`, mono(text));
  fact("State", connection.isOpen ? connection.state : "closing");
  if (connection.queueBytes) fact("Queue", bytes(connection.queueBytes));
  if (connection.autoResponse) {
    const [request, response] = connection.autoResponse;
    fact("Auto-response", value(request), "gets", value(response));
  }
  return list;
}

function showRoom(name) {
  $("sheet").close();
  openRoom(name);
}

$("close").addEventListener("submit", async (event) => {
  event.preventDefault();
  const request = { id: shown.id, code: Number($("close-code").value), reason: $("close-reason").value };
  try {
    const response = await fetch("/__zigttp/close", {
      method: "POST",
      headers: { "zigttp-inspector": "1", "content-type": "application/json" },
      body: JSON.stringify(request),
    });
    say($("close-result"), (await response.text()).trim());
  } catch {
    say($("close-result"), "the server does not respond");
  }
});
