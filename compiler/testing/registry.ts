// The tests of a file: `test`, `describe`, and what runs before and after each test.
//
// The top level of the file registers tests. Each of them then runs in a copy of that state, with a world of its own.

import { begin as beginExpecting, checkCount, count } from "./expect.ts";
import { failure, type Failure } from "./failure.ts";
import { begin as beginSnapshots, used, type SnapshotUse } from "./snapshots.ts";
import { rowsOfArray, rowsOfTemplate, type Row } from "./titles.ts";

type Body = (...values: any[]) => unknown;
type Mode = "run" | "skip" | "only" | "todo";

/** A `describe`, or the file itself. */
interface Group {
  title: string;
  mode: Mode;
  parent: Group | undefined;
  before: Body[];
  after: Body[];
}

interface Test {
  title: string;
  mode: Mode;
  group: Group;
  body: Body | undefined;
  stack: string;
}

/** A test, as the program that runs it sees it. */
export interface PlannedTest {
  /** Its own title last. */
  titles: string[];
  mode: "run" | "skip" | "todo";
  /** Where it is written. */
  stack: string;
}

/** What running a test has shown. */
export interface Result {
  state: "passed" | "failed";
  failures: Failure[];
  snapshots: SnapshotUse[];
  assertions: number;
}

/** Most tests of a file. */
const MAX_TESTS = 10_000;

const file: Group = { title: "", mode: "run", parent: undefined, before: [], after: [] };
const tests: Test[] = [];
let current = file;
let isRunning = false;

function register(mode: Mode, what: string, title: unknown, body: unknown): void {
  if (isRunning) throw new Error(`${what} was called while a test runs: tests are registered by the top level of a file`);
  const isTodo = mode === "todo" && body === undefined;
  if (!isTodo && typeof body !== "function") throw new TypeError(`${what} takes a title and a function`);
  if (tests.length >= MAX_TESTS) throw new Error(`a file has at most ${MAX_TESTS} tests`);
  tests.push({ title: titleOf(title), mode, group: current, body: body as Body, stack: new Error().stack ?? "" });
}

function describeAs(mode: Mode, what: string, title: unknown, body: unknown): void {
  if (isRunning) throw new Error(`${what} was called while a test runs: tests are registered by the top level of a file`);
  if (typeof body !== "function") throw new TypeError(`${what} takes a title and a function`);
  const outer = current;
  current = { title: titleOf(title), mode, parent: outer, before: [], after: [] };
  try {
    const returned = body();
    if (typeof returned?.then === "function") throw new TypeError("the function of describe registers tests and cannot be async");
  } finally {
    current = outer;
  }
}

function titleOf(title: unknown): string {
  if (typeof title === "function") return title.name;
  if (typeof title !== "string") throw new TypeError("a title is a string");
  return title;
}

/** `each` of a function that takes a title and another function. */
function eachOf(add: (title: string, body: Body) => void) {
  return (table: any, ...cells: unknown[]) =>
    (title: string, body: Body) => {
      if (typeof body !== "function") throw new TypeError("each takes a table, and then a title and a function");
      const isTemplate = Array.isArray(table) && "raw" in table;
      if (!Array.isArray(table)) throw new TypeError("each takes an array or a table in a template");
      const rows: Row[] = isTemplate
        ? rowsOfTemplate(table as unknown as TemplateStringsArray, cells, title)
        : rowsOfArray(table, title);
      for (const row of rows) add(row.title, () => body(...row.values));
    };
}

function registrar(what: string, add: (mode: Mode, what: string, title: unknown, body: unknown) => void) {
  const inMode = (mode: Mode, name: string) => {
    const call = (title: unknown, body?: unknown) => add(mode, name, title, body);
    return Object.assign(call, { each: eachOf((title, body) => add(mode, name, title, body)) });
  };
  return Object.assign(inMode("run", what), {
    only: inMode("only", `${what}.only`),
    skip: inMode("skip", `${what}.skip`),
  });
}

export const test = Object.assign(registrar("test", register), {
  todo: (title: unknown) => register("todo", "test.todo", title, undefined),
});
export const it = test;
export const describe = registrar("describe", describeAs);

function hook(what: string, body: unknown): Body {
  if (isRunning) throw new Error(`${what} was called while a test runs`);
  if (typeof body !== "function") throw new TypeError(`${what} takes a function`);
  return body as Body;
}

export function beforeEach(body: unknown): void {
  current.before.push(hook("beforeEach", body));
}

export function afterEach(body: unknown): void {
  current.after.push(hook("afterEach", body));
}

const notOnce = (what: string, instead: string) => (): never => {
  throw new Error(`there is no ${what}: each test has a world and an instance of its own, so nothing is shared; use ${instead}`);
};
export const beforeAll = notOnce("beforeAll", "beforeEach");
export const afterAll = notOnce("afterAll", "afterEach");

/** The groups that a test is in, the outermost first. */
function groupsOf(group: Group | undefined): Group[] {
  return group === undefined || group === file ? [] : [...groupsOf(group.parent), group];
}

function modesOf(test: Test): Mode[] {
  return [...groupsOf(test.group).map((group) => group.mode), test.mode];
}

/** Every test, in the order of the file. */
export function plan(): PlannedTest[] {
  const hasOnly = tests.some((test) => modesOf(test).includes("only"));
  return tests.map((test) => {
    const modes = modesOf(test);
    const isLeftOut = modes.includes("skip") || (hasOnly && !modes.includes("only"));
    const mode = test.mode === "todo" ? "todo" : isLeftOut ? "skip" : "run";
    return { titles: titlesOf(test), mode, stack: test.stack };
  });
}

function titlesOf(test: Test): string[] {
  return [...groupsOf(test.group).map((group) => group.title), test.title];
}

/** The title for snapshots: of tests with the same title, later ones have their number in it. */
function uniqueTitle(index: number): string {
  const title = titlesOf(tests[index]).join(" > ");
  const same = tests.slice(0, index).filter((test) => titlesOf(test).join(" > ") === title).length;
  return same === 0 ? title : `${title} (${same + 1})`;
}

/** Runs a test, and what belongs before and after it, the innermost group's last and first. */
export async function run(index: number): Promise<Result> {
  const test = tests[index];
  const groups = [file, ...groupsOf(test.group)];
  const failures: Failure[] = [];
  isRunning = true;
  beginExpecting();
  beginSnapshots(() => uniqueTitle(index));
  const attempt = async (bodies: Body[]) => {
    try {
      for (const body of bodies) await body();
    } catch (thrown) {
      failures.push(failure(thrown));
    }
  };
  await attempt([...groups.flatMap((group) => group.before), test.body ?? (() => {}), checkCount]);
  // Each of them runs whatever the others do: they put away what was set up.
  for (const body of groups.flatMap((group) => group.after).reverse()) await attempt([body]);
  isRunning = false;
  return { state: failures.length === 0 ? "passed" : "failed", failures, snapshots: used(), assertions: count() };
}
