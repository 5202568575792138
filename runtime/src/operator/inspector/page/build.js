// The last build, and the handler that is served.

import { $, element, say } from "./dom.js";
import { inWords } from "./routes.js";
import { plural } from "./words.js";

let known = 0;

export async function update({ build, counts, handler }) {
  showHandler(handler, counts);
  if (build === known) return;
  const response = await fetch("/__zigttp/build");
  const last = response.ok ? await response.json() : null;
  if (!last) return;
  known = last.number;
  showBuild(last);
}

/** Shows a build, and opens the panel if it has failed. */
function showBuild(build) {
  const errors = build.findings.filter((finding) => finding.severity === "error").length;
  const warnings = build.findings.length - errors;
  const counts = [errors && plural(errors, "error"), warnings && plural(warnings, "warning")].filter(Boolean);
  const seconds = (build.milliseconds / 1000).toFixed(2);
  const chip = $("build-chip");
  chip.hidden = false;
  chip.dataset.state = build.isServed ? (warnings ? "warned" : "served") : "broken";
  say(chip, [build.isServed ? `built in ${seconds} s` : "does not build", ...counts].join(", "));
  say($("build-title"), build.isServed ? `${build.handler} is served` : `${build.handler} does not build`);
  say($("build-note"), build.isServed ? `Built in ${seconds} s.`
    : `${build.note[0].toUpperCase()}${build.note.slice(1)}.`);
  $("findings").replaceChildren(
    ...(build.error ? [element("p", { class: "fault" }, build.error)] : []),
    ...build.findings.map((finding) => element("article", { class: `finding ${finding.severity}` },
      element("h3", {}, element("span", { class: "severity" }, finding.severity), " ",
        element("span", { class: "mono quiet" }, finding.code), " ", finding.message),
      element("pre", { tabindex: "0" }, finding.frame))),
  );
  unfold(!build.isServed);
}

function unfold(isOpen) {
  $("build").hidden = !isOpen;
  $("build-chip").setAttribute("aria-expanded", String(isOpen));
}

function showHandler(handler, counts) {
  say($("source"), handler.sourceHash.slice(0, 8));
  say($("routes"), handler.routes ? handler.routes.map(inWords).join("\n") || "none" : "every path");
  say($("schedules"), handler.schedules.map(({ cron, room, name, next }) =>
    `${cron}: ${name} in ${room}, next ${new Date(next).toISOString().slice(0, 16).replace("T", " ")} UTC`).join("\n") || "none");
  say($("swaps"), counts.swaps ? `${plural(counts.swaps, "swap")}, no connection closed` : "none yet");
  const rows = Object.entries(handler.effects).map(([name, effects]) => `${name}\n${effects.join(", ") || "pure"}`);
  if ($("exports").dataset.shown === rows.join("\n")) return;
  $("exports").dataset.shown = rows.join("\n");
  $("exports").replaceChildren(...rows.map((row) => {
    const [name, effects] = row.split("\n");
    return element("div", {}, element("span", { class: "mono" }, name), " ",
      element("span", { class: "quiet" }, effects));
  }));
}

$("build-chip").addEventListener("click", () => unfold($("build").hidden));
