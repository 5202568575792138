// Runs test262, the tests of the language's own committee, each in a restored sandbox of a server, and compares with
// `expected`: what fails, by folder. `../test262.sh` has built the programs:
//
//     node run.mjs PROGRAMS CHECKOUT [--record] [FOLDER...]

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { runModules } from "./modules.mjs";
import { runScripts } from "./scripts.mjs";
import { Suite } from "./suite.mjs";

const AREAS = ["language", "built-ins", "annexB"];
const EXPECTED = fileURLToPath(new URL("expected", import.meta.url));

const [programs, checkout, ...rest] = process.argv.slice(2);
const isRecording = rest.includes("--record");
const folders = rest.filter((argument) => argument !== "--record");
const suite = new Suite(checkout);

const figures = new Map();
const count = (test, what) => {
  const area = `${test.name.split("/")[0]}${test.isScript ? "" : ", modules"}`;
  if (!figures.has(area)) figures.set(area, { passed: 0, failed: 0, "left out": 0 });
  figures.get(area)[what]++;
};
const failed = new Map();
const leftOut = new Map();
const all = (folders.length > 0 ? folders : AREAS).flatMap((folder) => [...suite.tests(folder)]);
for (const test of all) {
  if (test.leftOut) leftOut.set(test.leftOut, (leftOut.get(test.leftOut) ?? 0) + 1);
}
const tests = all.filter((test) => !test.leftOut);
const fail = (test, said) => failed.set(test.name, said);
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "test262-"));
try {
  await runModules(suite, tests.filter((test) => !test.isScript), programs, folder, fail);
  await runScripts(suite, tests.filter((test) => test.isScript), programs, folder, fail);
} finally {
  fs.rmSync(folder, { recursive: true });
}
for (const test of all) {
  count(test, test.leftOut ? "left out" : failed.has(test.name) ? "failed" : "passed");
}

const comments = fs.readFileSync(EXPECTED, "utf8").split("\n").filter((line) => line.startsWith("#"));
if (isRecording) {
  const byFolder = new Map();
  for (const name of [...failed.keys()].sort()) {
    const folder = path.posix.dirname(name);
    byFolder.set(folder, [...(byFolder.get(folder) ?? []), path.posix.basename(name, ".js")]);
  }
  const lines = [...byFolder].map(([folder, names]) => `${folder}: ${names.join(" ")}`);
  fs.writeFileSync(EXPECTED, `${[...comments, ...lines].join("\n")}\n`);
}
const expected = new Set(fs.readFileSync(EXPECTED, "utf8").split("\n").flatMap((line) => {
  if (line === "" || line.startsWith("#")) return [];
  const [folder, names] = line.split(": ");
  return names.split(" ").map((name) => `${folder}/${name}.js`);
}));
let isAsExpected = true;
for (const { name } of all) {
  if (failed.has(name) === expected.has(name)) continue;
  isAsExpected = false;
  console.log(failed.has(name) ? `fails: ${name}: ${failed.get(name)}` : `does not fail: ${name}`);
}
for (const [area, figure] of [...figures].sort()) {
  console.log(`${area}: ${Object.entries(figure).map(([what, number]) => `${number} ${what}`).join(", ")}`);
}
console.log("left out:", [...leftOut].sort().map(([what, number]) => `${what} ${number}`).join(", "));
process.exit(isAsExpected ? 0 : 1);
