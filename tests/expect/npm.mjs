// The lines of `cases.js` by the packages of npm.

import { expect } from "expect";
import { format, plugins } from "pretty-format";
import { laterVerdicts, printed, verdicts } from "./cases.js";

const options = { escapeRegex: true, escapeString: false, printBasicPrototype: false, printFunctionName: false };
const print = (value) => format(value, { ...options, plugins: [plugins.AsymmetricMatcher] });
const lines = [...verdicts(expect), ...(await laterVerdicts(expect)), ...printed(print, expect)];
process.stdout.write(JSON.stringify(lines));
