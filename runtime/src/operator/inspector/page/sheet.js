// One connection: what it keeps, and closing it.

import { $, element, say } from "./dom.js";
import { value } from "./value.js";
import { age, bytes } from "./words.js";

let shown;

/** Opens the sheet of a connection. */
export async function open(id) {
  shown = { id };
  say($("sheet-title"), `Connection #${id}`);
  say($("close-result"), "");
  $("sheet-facts").replaceChildren();
  $("sheet").showModal();
  await take();
}

/** Looks again, while the sheet is open. */
export async function take() {
  if (!$("sheet").open) return;
  const { id } = shown;
  const answer = await fetch(`/__zigttp/connection?id=${id}`);
  const text = await answer.text();
  // Another may have been opened meanwhile.
  if (!answer.ok || shown.id !== id) return;
  const isThere = text !== "null";
  $("sheet-gone").hidden = isThere;
  $("close").hidden = !isThere;
  if (!isThere || shown.text === text) return;
  shown.text = text;
  $("sheet-facts").replaceChildren(...facts(JSON.parse(text)));
}

function facts(connection) {
  const list = [];
  const fact = (name, ...values) => list.push(element("dt", {}, name), element("dd", {}, ...values));
  const mono = (text) => element("span", { class: "mono" }, text);
  fact("Attachment", connection.attachment ? value(connection.attachment)
    : element("span", { class: "quiet" }, "none"));
  fact("Room", mono(connection.room));
  fact("Opened", mono(connection.url), ` ${age(connection.ageSeconds)} ago`);
  for (const [name, text] of connection.parameters) fact(`:${name}`, mono(text));
  fact("State", connection.isOpen ? connection.state : "closing");
  if (connection.queueBytes) fact("Waiting", bytes(connection.queueBytes));
  if (connection.autoResponse) {
    const [request, response] = connection.autoResponse;
    fact("Auto-response", value(request), "is answered with", value(response));
  }
  return list;
}

$("close").addEventListener("submit", async (event) => {
  event.preventDefault();
  const order = { id: shown.id, code: Number($("close-code").value), reason: $("close-reason").value };
  try {
    const answer = await fetch("/__zigttp/close", {
      method: "POST",
      headers: { "zigttp-inspector": "1", "content-type": "application/json" },
      body: JSON.stringify(order),
    });
    say($("close-result"), (await answer.text()).trim());
  } catch {
    say($("close-result"), "the server does not answer");
  }
});

// A click beside the sheet leaves it.
$("sheet").addEventListener("click", (event) => {
  if (event.target === $("sheet")) $("sheet").close();
});
