// Evaluates one test of test262 as a script, in an event of its own: the body has two scripts, what comes before and
// the test with its harness, and the answer is "ok" or what it threw. `scripts.mjs` asks for each.
//
// zigts-ignore-file ZTS310: what changes is for the test of this event

// What tests replace is not used after the test has run.
const evaluate: (source: string) => unknown = globalThis.eval;
const text = (response: string) => new Response(response);
const describe = (thrown: any) => {
  try {
    const name = typeof thrown === "object" && thrown !== null ? thrown.constructor.name : typeof thrown;
    return `${name}: ${thrown?.message ?? String(thrown)}`;
  } catch {
    return "what cannot be described";
  }
};

// Answering takes some of these too, and tests change them.
const { defineProperty, deleteProperty, getOwnPropertyDescriptor, getPrototypeOf, ownKeys } = Reflect;
const kept = [
  Object.prototype, Array.prototype, getPrototypeOf([].values()), Promise.prototype, Promise, String.prototype,
  RegExp.prototype, Function.prototype, globalThis,
].map((object: object) => ({ object, properties: Object.getOwnPropertyDescriptors(object) as any, keys: ownKeys(object) }));
const restore = () => {
  for (let at = 0; at < kept.length; at++) {
    const { object, properties, keys } = kept[at];
    // Jobs of the test still run, which look at what it has declared.
    const present = object === globalThis ? [] : ownKeys(object);
    for (let index = 0; index < present.length; index++) {
      if (getOwnPropertyDescriptor(properties, present[index]) === undefined) deleteProperty(object, present[index]);
    }
    for (let index = 0; index < keys.length; index++) {
      defineProperty(object, keys[index], properties[keys[index]]);
    }
  }
};

export async function handler(req: Request): Promise<Response> {
  const isAsync = req.query === "async";
  const [before, source] = await req.json();
  let end: (result: string) => void = () => {};
  const ended = new Promise<string>((resolve) => { end = resolve; });
  Object.assign(globalThis, {
    print(line: unknown) {
      if (line === "Test262:AsyncTestComplete") end("ok");
      else end(String(line));
    },
    $262: {
      global: globalThis,
      evalScript: evaluate,
      detachArrayBuffer: (buffer: ArrayBuffer) => void buffer.transfer(),
      gc() {},
      AbstractModuleSource: undefined,
    },
  });
  try {
    evaluate(before);
    evaluate(source);
  } catch (thrown) {
    const said = describe(thrown);
    restore();
    return text(said);
  }
  const said = isAsync ? await ended : "ok";
  restore();
  return text(said);
}
