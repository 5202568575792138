// The tests of a checkout of test262: which there are, and what their front matter says.

import fs from "node:fs";
import path from "node:path";

/** Features whose tests are left out, and why. */
const WITHOUT = {
  "Atomics": "an event has one thread",
  "Atomics.pause": "an event has one thread",
  "Atomics.waitAsync": "an event has one thread",
  "IsHTMLDDA": "of browsers",
  "ShadowRealm": "a proposal that the engine has not",
  "Temporal": "not in the engine",
  "await-dictionary": "a proposal that the engine has not",
  "cross-realm": "an event has one realm",
  "decorators": "zigts compiles them away, and scripts are not compiled",
  "import-bytes": "a proposal about modules",
  "import-defer": "a proposal about modules",
  "import-text": "a proposal about modules",
  "source-phase-imports": "a proposal about modules",
  "tail-call-optimization": "not in the engine",
};

export class Suite {
  #harness = new Map();

  constructor(checkout) {
    this.checkout = checkout;
  }

  /** The text of a file of the harness. */
  harness(name) {
    if (!this.#harness.has(name)) {
      this.#harness.set(name, fs.readFileSync(path.join(this.checkout, "harness", name), "utf8"));
    }
    return this.#harness.get(name);
  }

  /** Where a test is, of which names begin at the folder of all. */
  path(name) {
    return path.join(this.checkout, "test", name);
  }

  /** All tests below a folder, or a test by its own name. */
  *tests(name) {
    if (name.endsWith(".js")) {
      yield this.#read(name);
      return;
    }
    for (const entry of fs.readdirSync(this.path(name), { withFileTypes: true })) {
      const below = `${name}/${entry.name}`;
      if (entry.isDirectory()) yield* this.tests(below);
      else if (below.endsWith(".js") && !below.includes("_FIXTURE")) yield this.#read(below);
    }
  }

  #read(name) {
    const source = fs.readFileSync(this.path(name), "utf8");
    const yaml = /\/\*---\r?\n?([^]*?)---\*\//.exec(source)?.[1].replace(/\r\n?/g, "\n") ?? "";
    const list = (key) => {
      const found = new RegExp(`^ *${key}: *(?:\\[([^\\]]*)\\]|((?:\\n +- .*)+))`, "m").exec(yaml);
      const items = (found?.[1] ?? found?.[2] ?? "").split(/[\n,]/);
      return items.map((item) => item.replace(/^ *- /, "").trim()).filter(Boolean);
    };
    const flags = new Set(list("flags"));
    const isScript = !flags.has("module");
    const isNegative = /^negative:/m.test(yaml);
    return {
      name,
      source,
      flags,
      isScript,
      isAsync: flags.has("async"),
      includes: list("includes"),
      /** The error that it must throw, and when. */
      error: isNegative ? /^ +type: *(\w+)/m.exec(yaml)?.[1] : undefined,
      phase: isNegative ? /^ +phase: *(\w+)/m.exec(yaml)?.[1] : undefined,
      leftOut: list("features").find((feature) => Object.hasOwn(WITHOUT, feature)) ??
        (flags.has("CanBlockIsTrue") ? "Atomics" : undefined) ??
        (isScript && source.includes("_FIXTURE") ? "imports of a script" : undefined),
    };
  }
}
