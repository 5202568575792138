// Settings as properties: of `env` (module `zigttp:env`), and of `process.env`, where packages look for them.
(function (native, internals) {
  "use strict";

  const { env } = native;
  const { apply, get, has } = Reflect;
  const refuse = (what) => {
    throw new TypeError(what);
  };
  const readOnly = () => refuse("settings are the operator's: a handler cannot change them");

  // Behind the properties of functions, so that `env.call` stays what it is.
  const behind = new Proxy(Function.prototype, {
    get: (target, name, receiver) =>
      typeof name === "symbol" || has(target, name) ? get(target, name, receiver) : env(name),
    has: (target, name) =>
      has(target, name) || (typeof name === "string" && env(name) !== undefined),
    set: readOnly,
  });
  internals.env = Object.setPrototypeOf(env, behind);

  // `NODE_ENV` is what the compiler makes of it where it stands in the source.
  const setting = (name) => (name === "NODE_ENV" ? "production" : env(name));
  const hasOwn = Object.prototype.hasOwnProperty;
  const settings = new Proxy({}, {
    get(target, name, receiver) {
      if (typeof name === "symbol") return get(target, name, receiver);
      return setting(name) ?? get(target, name, receiver);
    },
    has: (target, name) => has(target, name) || (typeof name === "string" && setting(name) !== undefined),
    getOwnPropertyDescriptor(target, name) {
      const value = typeof name === "string" && !apply(hasOwn, target, [name]) ? setting(name) : undefined;
      return value === undefined ? undefined : { value, writable: true, enumerable: true, configurable: true };
    },
    ownKeys: () => refuse("process.env cannot be listed: read each setting by its name"),
    set: readOnly,
    defineProperty: readOnly,
    deleteProperty: readOnly,
  });

  // It has nothing else, so that no package takes this for Node.js. While a handler is built there is none, as
  // there are no settings: a package that asks first goes the way that it has for browsers.
  const process = { env: settings };
  Object.defineProperty(globalThis, "process", {
    get: () => (native.isBuilding() ? undefined : process),
    set(value) {
      Object.defineProperty(globalThis, "process", { value, writable: true, enumerable: true, configurable: true });
    },
    enumerable: false,
    configurable: true,
  });
})
