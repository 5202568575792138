// Runs a file of web-platform-tests in an event. `wpt.mjs` posts the scripts that make the file up, the
// harness of web-platform-tests first, and the data that they fetch; the response has a line for each test.
// zigts-ignore-file ZTS310: a file is run within one event

interface Run {
  harness: string;
  /** The scripts, in the order in which a browser would run them, as one. */
  source: string;
  /** What `fetch` finds, by the path that a script names. */
  data: { [path: string]: string };
  /** The query of the page, which says what part of the file to run. */
  search: string;
}

/** What a browser would run later: here at once, in the order of their times. */
interface Timer {
  at: number;
  callback: () => void;
}

// Turns of the job queue that the tests of a file may take until one waits.
const TURNS = 20_000;

// What files name at their top, though only some of their tests are of it: those fail one by one.
const MISSING = ["ImageData", "MessageChannel", "ReadableStream", "XMLHttpRequest"];
// Each of these thousands is waited for, one after the other: so often the event would run again from the start.
const LEFT_OUT = /with 100000 iterations/;
// What relative URLs of a page are relative to; here they are none.
const PAGE = "http://web-platform.test/page";

export async function handler(req: Request): Promise<Response> {
  const { harness, source, data, search }: Run = await req.json();
  const timers: Timer[] = [];
  const setTimer = globalThis.setTimeout;
  let hasWaited = false;
  const globals = globalThis as any;
  for (const name of MISSING) globals[name] = class { append() {} cancel() {} getReader() {} };
  // Where files look for SharedArrayBuffer.
  globals.WebAssembly = { Memory: class { buffer = new SharedArrayBuffer(0); } };
  globals.self = globalThis;
  // zigts-ignore ZTS310: as above
  globals.location = { href: PAGE, pathname: "/page", search };
  globals.GLOBAL = { isWindow: () => false, isWorker: () => false, isShadowRealm: () => false };
  globals.fetch = async (path: string) => {
    const text = data[path];
    if (text === undefined) throw new TypeError(`nothing to fetch at ${path}`);
    return { ok: true, text: async () => text, json: async () => JSON.parse(text) };
  };
  globals.setTimeout = (callback: () => void, delay = 0) => {
    const at = (timers.at(-1)?.at ?? 0) + delay;
    timers.push({ at, callback });
  };
  globals.clearTimeout = () => {};
  globals.Request = new Proxy(Request, {
    construct(target, [input, ...rest], newTarget) {
      const url = typeof input === "string" ? URL.parse(input, PAGE)?.href ?? input : input;
      return Reflect.construct(target, [url, ...rest], newTarget);
    },
  });

  let computing = 0;
  for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(SubtleCrypto.prototype))) {
    if (name === "constructor" || typeof property.value !== "function") continue;
    const value = new Proxy(property.value, {
      apply(method, subtle, rest) {
        const asked = Reflect.apply(method, subtle, rest);
        if (!(asked instanceof Promise)) return asked;
        computing += 1;
        const done = () => { computing -= 1; };
        asked.then(done, done);
        return asked;
      },
    });
    Object.defineProperty(SubtleCrypto.prototype, name, { ...property, value });
  }

  let results: { name: string; status: number; message: string | null }[] = [];
  let end: string | null | undefined;
  // Indirect, so that declarations become globals.
  const evaluate = globals.eval as (source: string) => unknown;
  evaluate(harness);
  globals.add_completion_callback((tests: typeof results) => {
    results = tests;
    end = null;
  });
  const promiseTest = globals.promise_test;
  globals.promise_test = (run: unknown, name: string, ...rest: unknown[]) => {
    if (!LEFT_OUT.test(name)) promiseTest(run, name, ...rest);
  };
  try {
    evaluate(source);
  } catch (error) {
    end = `${error}`;
  }
  while (end === undefined) {
    for (let turn = 0; turn < TURNS && end === undefined; turn++) await undefined;
    if (end !== undefined) break;
    // It waits for a long computation: this run ends here, and the next one finds the answer.
    // zigts-ignore ZTS371: as it says
    if (computing > 0) await new Promise(() => {});
    const timer = timers.shift();
    if (timer !== undefined) {
      timer.callback();
    } else if (!hasWaited) {
      // For the time-outs of signals, which are the engine's own timers.
      hasWaited = true;
      await new Promise((resolve) => setTimer(resolve, 100));
    } else {
      // A test waits for what never comes. The harness ends it.
      globals.timeout();
      end ??= "it waits for what never comes";
    }
  }
  return Response.json({
    failure: end,
    tests: results.map(({ name, status, message }) => ({ name, status, message })),
  });
}
