// Timers, for libraries that set one to do something later. An event ends when its handler does, so what
// is still pending is dropped, with a line that says so.
(function (native, internals) {
  "use strict";

  let last = 0;
  let hasWarned = false;

  const set = (name) => ({
    [name](callback) {
      if (typeof callback !== "function") throw new TypeError(`${name}: the callback is no function`);
      if (!hasWarned) {
        hasWarned = true;
        const what = `${name}: nothing runs after an event, so this timer is dropped; set one of the room with signalAt`;
        native.log(2, what);
      }
      last += 1;
      return last;
    },
  })[name];
  const clear = (name) => ({ [name]() {} })[name];

  for (const name of ["setTimeout", "setInterval"]) internals.define(name, set(name));
  for (const name of ["clearTimeout", "clearInterval"]) internals.define(name, clear(name));
})
