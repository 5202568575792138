// console: one line a call, by level, to the host's log.
(function (native, internals) {
  "use strict";

  const { inspect, define } = internals;
  const LEVELS = { debug: 0, log: 1, info: 1, warn: 2, error: 3 };
  const MAX_LINE = 64 * 1024;

  const number = (value) => (typeof value === "symbol" ? NaN : Number(value));
  const DIRECTIVES = {
    s: (value) => (typeof value === "string" ? value : inspect(value)),
    d: (value) => (typeof value === "bigint" ? `${value}n` : String(number(value))),
    i: (value) => (typeof value === "bigint" ? `${value}n` : String(Math.trunc(number(value)))),
    f: (value) => String(number(value)),
    j: (value) => {
      try {
        return String(JSON.stringify(value));
      } catch (error) {
        return `[${error.message}]`;
      }
    },
    o: inspect,
    O: inspect,
    // Style sheets have nothing to style here.
    c: () => "",
  };

  const line = (values) => {
    let rest = values;
    const words = [];
    if (typeof values[0] === "string" && values[0].includes("%") && values.length > 1) {
      let next = 1;
      words.push(values[0].replace(/%([sdifjoOc%])/g, (directive, letter) => {
        if (letter === "%") return "%";
        return next < values.length ? DIRECTIVES[letter](values[next++]) : directive;
      }));
      rest = values.slice(next);
    }
    for (const value of rest) words.push(typeof value === "string" ? value : inspect(value));
    const text = words.join(" ");
    return text.length <= MAX_LINE ? text
      : `${text.slice(0, MAX_LINE)}... ${text.length - MAX_LINE} more characters`;
  };

  const console = {};
  for (const [name, level] of Object.entries(LEVELS)) {
    console[name] = { [name](...values) { native.log(level, line(values).toWellFormed()); } }[name];
  }
  Object.defineProperty(console, Symbol.toStringTag, { value: "console", configurable: true });
  define("console", console);
})
