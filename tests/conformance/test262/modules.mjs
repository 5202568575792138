// Modules: all that must be accepted are built into one handler, which imports the one that is asked for in an event of
// its own; the others are to be errors of `zigts check`.

import fs from "node:fs";
import path from "node:path";
import { each, Server, zigts } from "./server.mjs";

/** The suite's own functions, and tests of the language, break rules for handlers. */
const ALLOWED = ["--allow", "ZTS310,ZTS329"];

/** Runs tests, and tells `failed` of each that fails what it did. */
export async function runModules(suite, tests, programs, folder, failed) {
  if (tests.length === 0) return;
  const tree = path.join(folder, "modules");
  for (const directory of new Set(tests.map((test) => path.posix.dirname(test.name)))) {
    copy(suite.path(directory), path.join(tree, directory));
  }
  await each(tests.filter(isRefused), async (test) => {
    const { isContent } = await zigts(programs, "check", ...ALLOWED, path.join(tree, test.name));
    if (isContent) failed(test, `${test.error} was expected: it is accepted`);
  });

  const artifact = path.join(folder, "modules.wasm");
  const build = (tests) => {
    fs.writeFileSync(path.join(tree, "main.ts"), handlerOf(tests));
    return zigts(programs, "build", ...ALLOWED, path.join(tree, "main.ts"), "-o", artifact);
  };
  const accepted = await withoutFaulty(tests.filter((test) => !isRefused(test)), build, failed);
  await build(accepted);
  const server = await Server.start(programs, artifact);
  await each(accepted, async (test) => {
    const harness = ["assert.js", "sta.js", ...(test.isAsync ? ["doneprintHandle.js"] : []), ...test.includes];
    const said = await server.post(
      `${test.isAsync ? "async" : "sync"}&${test.name}`,
      harness.map((name) => suite.harness(name)).join("\n"),
    );
    const isRight = test.error === undefined ? said === "ok" : said.startsWith(`${test.error}: `);
    if (!isRight) failed(test, said);
  });
  server.stop();
}

/** Those of the tests that build together; tells `failed` of the others. */
async function withoutFaulty(tests, build, failed) {
  const { isContent, said } = await build(tests);
  if (isContent) return tests;
  const files = [...said.matchAll(/^ *--> (?:.*\/)?([^/\s]+\.js):/gm)].map((found) => found[1]);
  const isFaulty = (test) => files.some((file) => test.name.endsWith(`/${file}`) || test.source.includes(file));
  const rest = tests.filter((test) => !isFaulty(test));
  if (rest.length < tests.length) {
    for (const test of tests.filter(isFaulty)) failed(test, "does not build");
    return withoutFaulty(rest, build, failed);
  }
  if (tests.length === 1) {
    failed(tests[0], said.split("\n")[0]);
    return [];
  }
  // The error names no file: it is in one half, or in both.
  const half = tests.length >> 1;
  return [
    ...await withoutFaulty(tests.slice(0, half), build, failed),
    ...await withoutFaulty(tests.slice(half), build, failed),
  ];
}

function isRefused(test) {
  return test.phase !== undefined && test.phase !== "runtime";
}

/** Copies the files of a folder, without comments: there is a limit for the source of a handler. */
function copy(from, to) {
  fs.mkdirSync(to, { recursive: true });
  for (const entry of fs.readdirSync(from, { withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const text = fs.readFileSync(path.join(from, entry.name), "utf8");
    const bare = text.replace(/\/\*---[^]*?---\*\//, "").replace(/^\/\/.*\n/gm, "");
    fs.writeFileSync(path.join(to, entry.name), bare);
  }
}

function handlerOf(tests) {
  return `const MODULES: Record<string, () => Promise<unknown>> = {
${tests.map(({ name }) => `  "${name}": () => import("./${name}"),`).join("\n")}
};
const evaluate: (source: string) => unknown = globalThis.eval;

export async function handler(req: Request): Promise<Response> {
  const [kind, name] = req.query.split("&");
  let end: (result: string) => void = () => {};
  const ended = new Promise<string>((resolve) => { end = resolve; });
  Object.assign(globalThis, {
    print: (line: unknown) => end(line === "Test262:AsyncTestComplete" ? "ok" : String(line)),
    $262: { global: globalThis, evalScript: evaluate },
  });
  evaluate(await req.text());
  try {
    await MODULES[name]();
  } catch (thrown: any) {
    return new Response(\`\${thrown?.constructor?.name}: \${thrown?.message ?? thrown}\`);
  }
  return new Response(kind === "async" ? await ended : "ok");
}
`;
}
