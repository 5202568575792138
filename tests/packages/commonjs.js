// Packages of CommonJS: their default, and a module inside of one.
import _ from "lodash";
import groupBy from "lodash/groupBy.js";
import ms from "ms";

export function handler() {
  return Response.json({
    chunk: _.chunk([1, 2, 3, 4, 5], 2),
    debounce: typeof _.debounce,
    grouped: groupBy([1.2, 1.8, 2.1], Math.floor),
    ms: [ms("2 days"), ms(60000)],
    template: _.template("hello <%= user %>")({ user: "fred" }),
  });
}
