// An event once more, on the present build; or as a test.

import { element } from "./dom.js";

/** Buttons for the event of this number, and where their results come. */
export function again(number) {
  const result = element("div", { class: "again" });
  const button = (text, part, show) => element("button", { type: "button", click: () => ask(part, number, result, show) }, text);
  return [button("Run on the present build", "run-again", compared), " ", button("Save as test", "save-test", test), result];
}

async function ask(part, event, result, show) {
  result.replaceChildren("…");
  try {
    const response = await fetch(`/__zigttp/${part}`, {
      method: "POST",
      headers: { "zigttp-inspector": "1", "content-type": "application/json" },
      body: JSON.stringify({ event }),
    });
    if (response.ok) result.replaceChildren(...show(await response.json()));
    else result.replaceChildren((await response.text()).trim());
  } catch {
    result.replaceChildren("the server does not respond");
  }
}

const code = (text) => element("pre", {}, text);

function compared({ input, given, then, now, differences }) {
  const lines = (list) => code(list.join("\n") || "nothing");
  const list = element("dl", { class: "facts" });
  const fact = (name, ...values) => list.append(element("dt", {}, name), element("dd", {}, ...values));
  fact("Result", differences.length ? `it differs in ${differences.join(" and ")}` : "it does the same");
  fact("Input", lines(input));
  if (given.length) fact("It was given", lines(given));
  if (differences.length) fact("Then", lines(then));
  fact("Now", lines(now));
  return [list];
}

function test({ test: text }) {
  const file = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  const link = element("a", { href: file, download: "event.test.ts" }, "Save event.test.ts");
  return [element("p", {}, link, " beside the handler, and run it with ", element("code", {}, "zigttp test"), "."), code(text)];
}
