// Runs parts of web-platform-tests in events of a server that serves `wpt.ts`, and compares each area with
// its list of results in the folder wpt. `wpt.sh` starts both.
//
//     node wpt.mjs http://localhost:PORT WPT [AREA...]
//
// WPT_RECORD=1 writes the lists anew; WPT_VERBOSE=1 prints why each test has failed.

import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

const [origin, root, ...chosen] = process.argv.slice(2);
const LISTS = join(import.meta.dirname, "wpt");

/** Areas by name: folders of web-platform-tests, with files of theirs that are not `.any.js`. */
const AREAS = {
  url: ["url", "url/toascii.window.js", "url/IdnaTestV2.window.js", "url/IdnaTestV2-removed.window.js"],
  encoding: ["encoding"],
  headers: ["fetch/api/headers"],
  request: ["fetch/api/request"],
  response: ["fetch/api/response"],
  "structured-clone": ["html/webappapis/structured-clone"],
  base64: ["html/webappapis/atob"],
  webcrypto: ["WebCryptoAPI"],
  events: ["dom/events"],
  abort: ["dom/abort"],
  blob: ["FileAPI/blob", "FileAPI/file/File-constructor.any.js"],
  "form-data": ["xhr/formdata"],
};

/** Files of nothing but what a handler does not have: streams, caches, a network, other encodings and algorithms, pages. */
const LEFT_OUT = new RegExp([
  "/streams/", "stream", "legacy-mb", "decoder-fatal-single-byte", "iso-2022-jp", "/replacement-encodings",
  "unsupported-encodings", "request-cache", "bad-port", "keepalive", "init-priority", "header-values", "no-cors",
  "blob-realm", "shadowrealm", "448", "crashtests", "historical",
].join("|"));

/** Tests of what pages have, within other files. */
const OF_PAGES = /\(using <a(?:rea)?>/;

/** The files of an area, by their paths in web-platform-tests. */
function* filesOf(path) {
  const at = join(root, path);
  if (!existsSync(at)) return;
  if (statSync(at).isFile()) {
    yield path;
    return;
  }
  for (const entry of readdirSync(at, { withFileTypes: true })) {
    const inner = `${path}/${entry.name}`;
    if (entry.isDirectory()) yield* filesOf(inner);
    else if (entry.name.endsWith(".any.js") && !LEFT_OUT.test(inner)) yield inner;
  }
}

// The server of web-platform-tests has a parser of interfaces under a name of its own.
const PARSER = ["resources/WebIDLParser.js", "resources/webidl2/lib/webidl2.js"];
const read = (path) => readFileSync(join(root, path === PARSER[0] ? PARSER[1] : path), "utf8");

/** A path that a file of web-platform-tests names, from the root. */
const resolve = (from, path) =>
  normalize(path.startsWith("/") ? path.slice(1) : join(dirname(from), path));

async function run(file) {
  const source = read(file);
  const names = [...source.matchAll(/^\/\/ META: script=(.*)$/gm)].map(([, path]) => resolve(file, path.trim()));
  const scripts = [...names, file].map(read);
  const data = {};
  for (const source of scripts) {
    for (const [, path] of source.matchAll(/["'`]([\w./-]+\.(?:json|idl))["'`]/g)) {
      const at = resolve(file, path);
      if (existsSync(join(root, at))) data[path] = read(at);
    }
  }
  for (const [, named] of source.matchAll(/idl_test\(\s*(\[[^\]]*\],\s*\[[^\]]*\])/g)) {
    for (const [, name] of named.matchAll(/["'`]([\w.-]+)["'`]/g)) {
      const at = `interfaces/${name}.idl`;
      if (existsSync(join(root, at))) data[`/${at}`] = read(at);
    }
  }
  const harness = read("resources/testharness.js");
  // A file of very many tests is run in parts.
  const parts = [...source.matchAll(/^\/\/ META: variant=(\?\d+-(?:\d+|last))$/gm)].map(([, part]) => part);
  const found = { failure: null, tests: [] };
  for (const search of parts.length > 0 ? parts : [""]) {
    const body = JSON.stringify({ harness, source: scripts.join("\n;\n"), data, search });
    const response = await fetch(origin, { method: "POST", body });
    const { failure, tests } = response.ok
      ? await response.json()
      : { failure: `the event ended with ${response.status}`, tests: [] };
    found.failure ??= failure;
    found.tests.push(...tests.filter(({ name }) => !OF_PAGES.test(name)));
  }
  return found;
}

/** The list of an area: a line for each file, and one for each test of it that fails. */
async function list(area) {
  const lines = [];
  let passed = 0, total = 0;
  const files = AREAS[area].flatMap((path) => [...filesOf(path)]).sort();
  for (const file of files) {
    const { failure, tests } = await run(file);
    const failed = tests.filter(({ status }) => status !== 0);
    passed += tests.length - failed.length;
    total += tests.length;
    const why = failure === null ? "" : `; ${failure}`;
    lines.push(`${file}: ${tests.length - failed.length} of ${tests.length}${why}`);
    for (const { name, message } of failed) {
      lines.push(`    ${JSON.stringify(name)}`);
      if (process.env.WPT_VERBOSE) console.log(`${file}: ${name}: ${message}`);
    }
  }
  return { lines, passed, total, files: files.length };
}

let differs = false;
for (const area of chosen.length > 0 ? chosen : Object.keys(AREAS)) {
  const { lines, passed, total, files } = await list(area);
  console.log(`${area}: ${passed} of ${total} tests in ${files} files`);
  const path = join(LISTS, `${area}.expected`);
  if (process.env.WPT_RECORD) {
    writeFileSync(path, `${lines.join("\n")}\n`);
    continue;
  }
  const expected = existsSync(path) ? readFileSync(path, "utf8").trimEnd().split("\n") : [];
  const [missing, added] = [new Set(expected), new Set(lines)];
  for (const line of expected.filter((line) => !added.has(line))) console.log(`- ${line.trim()}`);
  for (const line of lines.filter((line) => !missing.has(line))) console.log(`+ ${line.trim()}`);
  differs ||= expected.join("\n") !== lines.join("\n");
}
process.exit(differs ? 1 : 0);
