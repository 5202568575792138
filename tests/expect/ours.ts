// The lines of `cases.js` by the library of zigttp:test.

import { expect } from "../../compiler/testing/expect.ts";
import { print } from "../../compiler/testing/print.ts";
import { laterVerdicts, printed, verdicts } from "./cases.js";

export async function handler() {
  const snapshot = (value: unknown) => print(value, { isSnapshot: true });
  return Response.json([...verdicts(expect), ...(await laterVerdicts(expect)), ...printed(snapshot, expect)]);
}
