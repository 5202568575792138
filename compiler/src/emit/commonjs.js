// `require` for modules of CommonJS: https://nodejs.org/api/modules.html
const definitions = new Map();
const provided = new Map();
const modules = new Map();

/** Makes a module known by the function around its text. */
export function define(name, definition) {
  definitions.set(name, definition);
}

/** Makes an ECMAScript module known, by a function that returns what `require` gives for it. */
export function provide(name, value) {
  provided.set(name, value);
}

/** `module.exports` of a module, which is run the first time. */
export function require(name) {
  const known = modules.get(name);
  if (known !== undefined) return known.exports;
  const value = provided.get(name);
  if (value !== undefined) return value();
  const definition = definitions.get(name);
  if (definition === undefined) {
    const error = new Error(`Cannot find module '${name}'`);
    error.code = "MODULE_NOT_FOUND";
    throw error;
  }
  const folder = name.slice(0, Math.max(0, name.lastIndexOf("/")));
  const module = { id: name, filename: name, path: folder, exports: {}, loaded: false, children: [], paths: [] };
  modules.set(name, module);
  try {
    definition.call(module.exports, module.exports, require, module, name, folder);
  } catch (error) {
    modules.delete(name);
    throw error;
  }
  module.loaded = true;
  return module.exports;
}

/** What a name that is imported stands for; a getter that throws is no reason to load nothing. */
export function property(exports, name) {
  try {
    return exports?.[name];
  } catch {
    return undefined;
  }
}

require.resolve = (name) => name;
require.cache = Object.create(null);
require.main = undefined;
