// Timers. One that the handler waits for is waited for like an answer of `fetch`. An event ends when its handler
// does: what is still pending then is dropped, with a line of the host that says so.
(function (native, internals) {
  "use strict";

  const { define } = internals;

  // What goes on when a question is settled, by its number.
  const waiting = internals.waiting = new Map();

  // The exception of an answer that says why there is none.
  internals.exceptionOf = ({ error, message }) =>
    error === "TypeError" ? new TypeError(message) : new DOMException(message, error);

  // Goes on with the earliest question that is settled. Returns its number, or why there is none.
  internals.goOn = () => {
    const question = native.nextSettled();
    if (question >= 0) {
      const goOn = waiting.get(question);
      waiting.delete(question);
      goOn();
    }
    return question;
  };

  // The time of an event stands still, so that its later runs see the same: `now` is that of `Date`.
  const clock = {
    now() {
      return Date.now();
    },
    timeOrigin: 0,
    toJSON() {
      return { timeOrigin: 0 };
    },
  };
  Object.defineProperty(clock, Symbol.toStringTag, { value: "Performance", configurable: true });
  define("performance", clock);

  const isFunction = (callback, name) => {
    if (typeof callback !== "function") throw new TypeError(`${name}: the callback is no function`);
  };

  define("setTimeout", function setTimeout(callback, delay = 0, ...rest) {
    isFunction(callback, "setTimeout");
    delay = +delay;
    const question = native.setTimer(delay > 0 ? delay : 0);
    waiting.set(question, () => callback(...rest));
    // Never 0, which libraries take for none.
    return question + 1;
  });

  define("clearTimeout", function clearTimeout(timer = undefined) {
    if (waiting.delete(timer - 1)) native.giveUp(timer - 1);
  });

  // For libraries that set one to do something now and then, which nothing does after an event.
  let hasWarned = false;
  let last = 0;
  define("setInterval", function setInterval(callback) {
    isFunction(callback, "setInterval");
    if (!hasWarned) {
      hasWarned = true;
      native.log(2, "setInterval: nothing runs after an event, so this timer is dropped; set one of the room with signalEvery");
    }
    last += 1;
    return last;
  });
  define("clearInterval", function clearInterval() {});
})
