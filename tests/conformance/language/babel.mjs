// Runs those tests of Babel that are programs which check their own results.
//
//   node tests/conformance/language/babel.mjs FOLDER [EXPECTED]
//
// FOLDER is Babel's folder `packages`. Each `exec.js` is compiled as a handler's module and its top-level
// code run in the engine. What fails is compared with the file EXPECTED; SUITE_RECORD=1 writes it.

import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { compare, verdictsOf } from "./suite.mjs";

const [folder, expectedFile] = process.argv.slice(2);

// Proposals that neither TypeScript nor the engine has, and what is about Babel's own output.
const PROPOSALS = /pipeline|do-expressions|partial-application|discard-binding|destructuring-private|function-bind|function-sent|optional-chaining-assign|import-defer|throw-expressions|record|source-phase|-modules-|transform-jscript|runtime|assumption|regexp-modifiers|loose|allowArrayLike|legacy-object|privateFieldsAs|commonjs/;
const VERSIONS = /\/(2018-09|2021-12|2022-03|2023-01|2023-05)/;

// The part of Jest that the tests use.
const EXPECT = `
const isAsymmetric = (value) => value !== null && typeof value === "object" && "asymmetricMatch" in value;
function isEqual(a, b, strict = false) {
  if (isAsymmetric(b)) return b.asymmetricMatch(a);
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (a instanceof Error && b instanceof Error) return a.message === b.message;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  if (a instanceof Map || a instanceof Set) return b instanceof a.constructor && isEqual([...a], [...b]);
  const keys = (value) => Reflect.ownKeys(value).filter((key) =>
    Object.getOwnPropertyDescriptor(value, key).enumerable && (strict || value[key] !== undefined));
  const [left, right] = [keys(a), keys(b)];
  return (!Array.isArray(a) || a.length === b.length) && left.length === right.length
    && left.every((key) => isEqual(a[key], b[key], strict));
}
function contains(value, part) {
  if (typeof part !== "object" || part === null) return isEqual(value, part);
  return typeof value === "object" && value !== null
    && Reflect.ownKeys(part).every((key) => contains(value[key], part[key]));
}
function show(value) {
  try { return typeof value === "function" ? "function " + value.name : JSON.stringify(value) ?? String(value); }
  catch { return Object.prototype.toString.call(value); }
}
function failsAs(error, wanted) {
  if (wanted === undefined) return true;
  if (typeof wanted === "string") return String(error.message).includes(wanted);
  if (wanted instanceof RegExp) return wanted.test(error.message);
  if (typeof wanted === "function") return error instanceof wanted;
  return error.message === wanted.message;
}
function matchers(value, wants) {
  const check = (is, what) => {
    if (is !== wants) throw new Error("expected " + show(value) + (wants ? " " : " not ") + what);
  };
  const type = (it) => (it === null ? "null" : typeof it);
  return {
    toBe: (other) => check(Object.is(value, other), "to be " + show(other)),
    toEqual: (other) => check(isEqual(value, other), "to equal " + show(other)),
    toStrictEqual: (other) => check(isEqual(value, other, true), "to equal " + show(other)),
    toMatchObject: (other) => check(contains(value, other), "to match " + show(other)),
    toMatch: (other) => check(typeof other === "string" ? value.includes(other) : other.test(value), "to match " + other),
    toBeUndefined: () => check(value === undefined, "to be undefined"),
    toBeDefined: () => check(value !== undefined, "to be defined"),
    toBeNull: () => check(value === null, "to be null"),
    toBeNaN: () => check(Number.isNaN(value), "to be NaN"),
    toBeTruthy: () => check(!!value, "to be true"),
    toBeFalsy: () => check(!value, "to be false"),
    toBeGreaterThan: (other) => check(value > other, "to be above " + other),
    toBeLessThan: (other) => check(value < other, "to be below " + other),
    toBeInstanceOf: (other) => check(value instanceof other, "to be a " + other.name),
    toContain: (other) => check(value.includes(other), "to contain " + show(other)),
    toContainEqual: (other) => check(value.some((it) => isEqual(it, other)), "to contain " + show(other)),
    toHaveLength: (other) => check(value.length === other, "to have the length " + other),
    toHaveProperty: (name, ...rest) => {
      let at = value;
      const has = (Array.isArray(name) ? name : String(name).split(".")).every((key) =>
        at != null && Reflect.has(Object(at), key) && ((at = at[key]), true));
      check(has && (rest.length === 0 || isEqual(at, rest[0])), "to have " + show(name));
    },
    toThrow: (wanted) => {
      let thrown;
      try { value(); thrown = false; } catch (error) { thrown = { error }; }
      check(!!thrown && failsAs(thrown.error, wanted), "to throw " + (thrown ? "and not " + thrown.error : ""));
    },
    toHaveBeenCalled: () => check(value.mock.calls.length > 0, "to be called"),
    toHaveBeenCalledTimes: (times) => check(value.mock.calls.length === times, "to be called " + times + " times"),
    toHaveBeenCalledWith: (...given) => check(value.mock.calls.some((it) => isEqual(it, given)), "to be called with " + show(given)),
  };
}
function expect(value) {
  const it = matchers(value, true);
  it.toThrowError = it.toThrow;
  it.not = matchers(value, false);
  it.not.toThrowError = it.not.toThrow;
  const settle = (wants, fails) => new Proxy({}, { get: (_, name) => async (...rest) => {
    let settled;
    try { settled = { value: await value }; } catch (error) { settled = { error }; }
    if (fails !== "error" in settled) throw new Error("settled the other way");
    if (fails && name === "toThrow") return matchers(() => { throw settled.error; }, wants)[name](...rest);
    return matchers(fails ? settled.error : settled.value, wants)[name](...rest);
  } });
  it.resolves = settle(true, false);
  it.rejects = settle(true, true);
  return it;
}
expect.any = (type) => ({ asymmetricMatch: (it) => Object(it) instanceof type });
expect.anything = () => ({ asymmetricMatch: (it) => it != null });
expect.objectContaining = (part) => ({ asymmetricMatch: (it) => contains(it, part) });
expect.arrayContaining = (part) => ({ asymmetricMatch: (it) => part.every((one) => it.some((other) => isEqual(other, one))) });
expect.stringContaining = (part) => ({ asymmetricMatch: (it) => it.includes(part) });
const jest = { fn(run = () => {}) {
  const mock = { calls: [] };
  return Object.assign(function (...given) { mock.calls.push(given); return run.apply(this, given); }, { mock });
} };
const assert = Object.assign((is, what) => { if (!is) throw new Error(what ?? "assertion failed"); }, {
  equal: (a, b) => expect(a).toBe(b), strictEqual: (a, b) => expect(a).toBe(b),
  deepEqual: (a, b) => expect(a).toEqual(b), throws: (run, wanted) => expect(run).toThrow(wanted),
});
// Programs of sloppy mode assign to names that they do not declare.
Object.assign(globalThis, { desc: undefined, originalB: undefined, test: undefined, c: undefined });
Object.assign(globalThis, { expect, jest, assert, global: globalThis, setTimeout: (run) => void Promise.resolve().then(run) });
`;

function* files(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* files(path);
    else if (/^exec\.(js|mjs|ts)$/.test(entry.name)) yield path;
    // Of resource management: a folder of programs.
    else if (/\/exec-(a?sync)[^/]*$/.test(folder) && entry.name.endsWith(".js")) yield path;
  }
}

// What the options of the folders around say, the innermost last.
function optionsOf(path) {
  let options = {};
  const folders = [];
  for (let at = dirname(path); at.includes("fixtures"); at = dirname(at)) folders.unshift(at);
  for (const at of folders) {
    const file = join(at, "options.json");
    if (existsSync(file)) options = { ...options, ...JSON.parse(readFileSync(file, "utf8")) };
  }
  return options;
}

const tasks = [];
for (const name of readdirSync(folder).filter((it) => /^babel-plugin-/.test(it)).sort()) {
  const fixtures = join(folder, name, "test", "fixtures");
  if (PROPOSALS.test(name) || !existsSync(fixtures)) continue;
  for (const path of [...files(fixtures)].sort()) {
    const shown = relative(folder, path).replace("/test/fixtures/", "/").replace(/^babel-plugin-(transform|proposal)-/, "");
    if (PROPOSALS.test(shown) || VERSIONS.test(`/${shown}`)) continue;
    const options = optionsOf(path);
    const text = readFileSync(path, "utf8");
    if (options.throws || options.BABEL_8_BREAKING === false || /\btransform(Async|Sync)?\(|require\(/.test(text)) continue;
    const isModule = /^\s*(import\b(?!\s*[.(])|export\b)/m.test(text);
    const body = isModule ? text : `await (async function () {\n${text}\n})();\n`;
    const extension = path.endsWith(".ts") ? "ts" : "js";
    tasks.push({
      name: shown,
      modules: [[`exec.${extension}`, `import "./expect.js";\n${body}`], ["expect.js", EXPECT]],
      runs: true,
      legacy_decorators: /legacy/.test(shown),
    });
  }
}

const verdicts = verdictsOf(tasks);
const areas = new Map();
const failed = [];
for (const { name } of tasks) {
  const area = areas.get(name.split("/")[0]) ?? { programs: 0, passed: 0 };
  areas.set(name.split("/")[0], area);
  area.programs += 1;
  const verdict = verdicts.get(name);
  const reason = verdict ? verdict.checker[0] ?? verdict.engine : "no verdict";
  if (reason === null) area.passed += 1;
  else failed.push(`${name}: ${reason.replaceAll("\n", " ")}`);
}
console.log("area | programs | pass");
for (const [name, it] of areas) console.log(`${name} | ${it.programs} | ${it.passed}`);
process.exitCode = expectedFile === undefined || compare(failed, expectedFile) ? 0 : 1;
if (expectedFile === undefined) failed.forEach((line) => console.log(line));
