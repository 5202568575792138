// Hands modules to the compiler's unit test `suite`, and reads what it says of each.
//
// A task is { name, modules: [[name, text], ...], runs, legacy_decorators }; the answer to it is
// { name, checker: [error, ...], engine: error or null }.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export function verdictsOf(tasks) {
  const folder = mkdtempSync(join(tmpdir(), "suite-"));
  try {
    const env = {
      ...process.env,
      ZIGTS_SUITE_TASKS: join(folder, "tasks"),
      ZIGTS_SUITE_VERDICTS: join(folder, "verdicts"),
    };
    writeFileSync(env.ZIGTS_SUITE_TASKS, tasks.map((task) => JSON.stringify(task) + "\n").join(""));
    // ZIGTS_SUITE_BINARY names the test's binary, where that has been built already.
    const [command, ...options] = process.env.ZIGTS_SUITE_BINARY
      ? [process.env.ZIGTS_SUITE_BINARY]
      : ["cargo", "test", "--workspace", "--locked", "--quiet", "--lib", "--"];
    const ran = spawnSync(command, [...options, "suite::"], { env, stdio: ["ignore", "ignore", "inherit"] });
    const verdicts = readFileSync(env.ZIGTS_SUITE_VERDICTS, "utf8").split("\n").filter(Boolean);
    if (ran.status !== 0) {
      console.error(`the test ends with ${ran.status ?? ran.signal} after ${verdicts.length} of ${tasks.length} modules`);
    }
    return new Map(verdicts.map((line) => JSON.parse(line)).map((verdict) => [verdict.name, verdict]));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

// Prints what differs between the disagreements found and those in the file; says whether any do.
export function compare(found, file) {
  if (process.env.SUITE_RECORD) {
    writeFileSync(file, [...found].sort().map((line) => line + "\n").join(""));
    return true;
  }
  let expected = [];
  try {
    expected = readFileSync(file, "utf8").split("\n").filter((line) => line && !line.startsWith("#"));
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
  const known = new Set(expected);
  const now = new Set(found);
  const more = found.filter((line) => !known.has(line));
  const fewer = expected.filter((line) => !now.has(line));
  for (const line of more) console.log(`+ ${line}`);
  for (const line of fewer) console.log(`- ${line}`);
  return more.length + fewer.length === 0;
}
