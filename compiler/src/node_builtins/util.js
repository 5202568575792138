// What of Node.js's `util` is honest here. What console shows values with stands before this text.
const { TextEncoder, TextDecoder } = globalThis;

/** A value as console shows it; options are not heeded. */
export const inspect = (value) => internals.inspect(value);
inspect.custom = Symbol.for("nodejs.util.inspect.custom");

/** Makes one class inherit from another, as `class extends` does. */
export const inherits = (constructor, parent) => {
  Object.defineProperty(constructor, "super_", { value: parent, writable: true, configurable: true });
  Object.setPrototypeOf(constructor.prototype, parent.prototype);
};

/** A function that returns a promise, from one that takes a callback. */
export const promisify =
  (original) =>
  (...args) =>
    new Promise((resolve, reject) => {
      original(...args, (error, value) => (error ? reject(error) : resolve(value)));
    });

export { TextEncoder, TextDecoder };
export default { TextEncoder, TextDecoder, inspect, inherits, promisify };
