// Whether test262's programs with early errors are refused by the checker, and not only by the engine.
//
//   node tests/conformance/language/early-errors.mjs FOLDER [EXPECTED]
//
// FOLDER is test262's folder `test`. As handlers are modules, programs for sloppy mode are left out. What is
// not refused, or by the engine alone, is compared with the file EXPECTED; SUITE_RECORD=1 writes it.

import { readFileSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { compare, verdictsOf } from "./suite.mjs";

const [folder, expectedFile] = process.argv.slice(2);

// Not of the language yet.
const PROPOSALS = /import-defer|source-phase-imports|decorators|regexp-buffer-boundaries|legacy-regexp|import-bytes|import-text/;

function* files(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* files(path);
    else if (entry.name.endsWith(".js") && !entry.name.includes("_FIXTURE")) yield path;
  }
}

const tasks = [];
for (const area of ["language", "built-ins", "annexB"]) {
  for (const path of [...files(join(folder, area))].sort()) {
    const text = readFileSync(path, "utf8");
    const header = text.slice(text.indexOf("/*---"), text.indexOf("---*/"));
    if (!/phase: parse/.test(header) || /noStrict|\braw\b/.test(header) || PROPOSALS.test(header)) continue;
    // What only a script forbids, a module may do.
    if (!/flags: \[.*module/.test(header) && /\bawait\b|\bimport\b|\bexport\b|HTML|html/.test(text.replace(header, "")) && /script-code|global-code|html-comment/.test(path)) continue;
    const name = relative(folder, path);
    tasks.push({ name, modules: [["early.js", text]], runs: false, legacy_decorators: false });
  }
}
const verdicts = verdictsOf(tasks);
const areas = new Map();
const missed = [];
for (const { name } of tasks) {
  const key = name.split("/").slice(0, 2).join("/");
  const area = areas.get(key) ?? { programs: 0, checker: 0, engine: 0 };
  areas.set(key, area);
  area.programs += 1;
  const verdict = verdicts.get(name);
  if (verdict?.checker.length > 0) area.checker += 1;
  else {
    if (verdict?.engine) area.engine += 1;
    missed.push(`${name}: ${!verdict ? "no verdict" : verdict.engine ? `the engine alone refuses: ${verdict.engine}` : "accepted"}`);
  }
}
console.log("area | programs | refused by the checker | by the engine alone");
for (const [name, it] of areas) console.log(`${name} | ${it.programs} | ${it.checker} | ${it.engine}`);
process.exitCode = expectedFile === undefined || compare(missed, expectedFile) ? 0 : 1;
if (expectedFile === undefined) missed.forEach((line) => console.log(line));
