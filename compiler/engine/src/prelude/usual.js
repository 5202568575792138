// What most events use of the language, made side by side and before all else. QuickJS makes a built-in
// function when it is first looked at, and an event that calls one writes its count of references: together
// they are on few pages.
(function (_native, internals) {
  "use strict";

  // A shape goes with the last object of its kind: these stay.
  const iterator = [].values();
  internals.samples = [iterator, {}, [], () => {}];
  const { next } = Object.getPrototypeOf(iterator);
  void [
    [].values, next, "".startsWith, "".slice, [].push, JSON.parse, JSON.stringify, "".split, "".trim, [].map,
    [].filter, [].join, [].slice, [].includes, [].indexOf, [].find, [].some, [].forEach, Object.keys,
    Object.entries, Map.prototype.get, Map.prototype.set, Map.prototype.has, Date.now, Math.floor, Math.random,
    Math.min, Math.max, String, Number, Array.isArray, "".includes, "".replace, "".toLowerCase,
    // What the handlers of the benchmark `everyday` use besides.
    "".indexOf, "".substring, "".padStart, "".padEnd, "".charCodeAt, "".toUpperCase, "".matchAll, [].sort, [].reduce,
    [].concat, Array.from, Set.prototype.has, Set.prototype.add, Map.prototype.delete, Object.values, Object.assign,
    Number.isInteger, (0).toFixed, parseInt, parseFloat, RegExp.prototype.exec, RegExp.prototype.test,
    RegExp.prototype[Symbol.replace], encodeURIComponent, decodeURIComponent, Date, new Date(0).getTime,
    new Date(0).toISOString, Math.round, Math.abs,
  ];
})
