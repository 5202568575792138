// Scripts: each is evaluated by an indirect `eval` of `handler.ts`, in an event of its own, as the suite says: with its
// harness before it and twice, sloppy and strict, unless it asks for one of them. That is a script but for the
// declarations at its top: they can be deleted, and in strict code they are its own.

import path from "node:path";
import { fileURLToPath } from "node:url";
import { each, Server, zigts } from "./server.mjs";

/** Runs tests, and tells `failed` of each that fails what it did. */
export async function runScripts(suite, tests, programs, folder, failed) {
  const artifact = path.join(folder, "scripts.wasm");
  const handler = fileURLToPath(new URL("handler.ts", import.meta.url));
  const { isContent, said } = await zigts(programs, "build", handler, "-o", artifact);
  if (!isContent) throw new Error(said);
  const server = await Server.start(programs, artifact);
  await each(tests, async (test) => {
    const modes = test.flags.has("onlyStrict") ? [true]
      : test.flags.has("noStrict") || test.flags.has("raw") ? [false] : [false, true];
    for (const strict of modes) {
      const said = await run(suite, test, strict, server);
      if (said !== "ok") return failed(test, `${strict ? "strict: " : ""}${said}`);
    }
  });
  server.stop();
}

async function run(suite, test, strict, server) {
  // The one function that the others look for as a global.
  const before = test.isAsync ? suite.harness("doneprintHandle.js") : "";
  const harness = test.flags.has("raw") ? [] : ["assert.js", "sta.js", ...test.includes];
  const script = [
    ...(strict ? ['"use strict";'] : []), ...harness.map((name) => suite.harness(name)), test.source,
  ].join("\n");
  const said = await server.post(test.isAsync ? "async" : "", JSON.stringify([before, script]));
  if (test.error === undefined) return said;
  return said.startsWith(`${test.error}: `) ? "ok" : `${test.error} was expected: ${said}`;
}
