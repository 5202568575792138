// Compares what the library says of the cases of `cases.js` with what npm's packages say, which `npm.mjs` has written down.

import { expect, test } from "zigttp:test";
import { all, laterVerdicts, verdicts } from "./cases.js";
import expected from "./expected.json";

test.each(expected.parts.map((lines, part) => ({ lines, part })))("part $part says the same", ({ lines, part }) => {
  expect(verdicts(expect, part, expected.parts.length)).toEqual(lines);
});

test("of promises it says the same", async () => {
  expect(await laterVerdicts(expect)).toEqual(expected.later);
});

test("prints", () => {
  for (const [name, make] of all(expect)) expect(make()).toMatchSnapshot(name);
});
