// Writes down what the packages of npm say of the cases of `cases.js`, for the tests of a folder:
// the verdicts in `expected.json`, and what Jest prints in a file of snapshots.

import { mkdirSync, writeFileSync } from "node:fs";
import { expect } from "expect";
import { format, plugins } from "pretty-format";
import { all, laterVerdicts, verdicts } from "./cases.js";

const [folder] = process.argv.slice(2);
const PARTS = 60;
const parts = Array.from({ length: PARTS }, (_, part) => verdicts(expect, part, PARTS));
writeFileSync(`${folder}/expected.json`, JSON.stringify({ parts, later: await laterVerdicts(expect) }));

// As Jest prints since version 29.
const options = { escapeRegex: true, escapeString: false, printBasicPrototype: false, printFunctionName: false };
const escaped = (text) => text.replace(/`|\\|\$\{/g, "\\$&");
const snapshots = all(expect).map(([name, make]) => {
  const text = format(make(), { ...options, plugins: [plugins.AsymmetricMatcher] });
  return `exports[\`prints: ${escaped(name)} 1\`] = \`${text.includes("\n") ? `\n${escaped(text)}\n` : escaped(text)}\`;\n`;
});
mkdirSync(`${folder}/__snapshots__`);
writeFileSync(`${folder}/__snapshots__/ours.test.ts.snap`, snapshots.join("\n"));
