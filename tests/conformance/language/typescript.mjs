// Compares the compiler with `tsc` over a folder of TypeScript modules.
//
//   node tests/conformance/language/typescript.mjs FOLDER [EXPECTED]
//
// Three answers for each module: that of `tsc` (errors of grammar, not of types), that of the checker,
// and that of the engine, which compiles what the checker accepts. What the checker refuses though
// `tsc` does not, and what the engine refuses though the checker does not, is a disagreement. They are
// compared with the file EXPECTED; SUITE_RECORD=1 writes it. What the checker accepts and `tsc` does not is
// only counted, and listed with SUITE_ALL=1.
//
// A file may hold several modules, each after a line `// @filename: name`, as in TypeScript's own tests.

import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join, relative } from "node:path";
import { compare, verdictsOf } from "./suite.mjs";

const ts = createRequire(join(process.env.TYPESCRIPT_FOLDER ?? process.cwd(), "x.js"))("typescript");
const [folder, expectedFile] = process.argv.slice(2);

// Errors beyond 1000-1999 that ECMAScript has as well: they are of grammar, not of types.
const GRAMMAR = new Set([
  2300, 2364, 2357, 2406, 2407, 2451, 2491, 2492, 2528, 2567, 2588, 2657, 2779, 2813, 2814, 2440, 2395, 2434,
  2391, 2393, 2463, 2480, 2481, 2528, 2542, 2657, 2737, 2754, 2777, 2778, 2780, 2781, 17012, 17013, 17014, 17009, 17011, 18004,
  18006, 18007, 18009, 18010, 18011, 18012, 18013, 18014, 18016, 18019, 18022, 18024, 18026, 18028, 18029,
  18030, 18036, 18037, 18038, 18041, 18054, 18055, 18056, 5076, 2377, 2332, 2331, 2337, 2335, 2336, 2660,
  2369, 2371, 2392, 2404, 2414, 2427, 2452, 2462, 2483, 2499, 2500, 2523, 2524, 2206, 2207, 6188, 6189, 17006, 17007, 17019, 17020,
  4112, 4113, 5084, 5085, 5086, 5087, 5088, 2466, 2465, 2838, 2839, 2852, 2853, 2854, 2864, 2865, 2866,
]);

function* files(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* files(path);
    else if (/\.(ts|mts|js|mjs)$/.test(entry.name) && !/\.d\.m?ts$/.test(entry.name)) yield path;
  }
}

// The modules of a file, by name.
function modulesOf(path) {
  const text = readFileSync(path, "utf8");
  const parts = text.split(/^[ \t]*\/\/[ \t]*@filename[ \t]*:[ \t]*(.*?)[ \t]*\r?$/im);
  if (parts.length === 1) return [[basename(path), text]];
  const modules = [];
  for (let index = 1; index < parts.length; index += 2) {
    modules.push([parts[index].replace(/^(\.?\/)+/, ""), parts[index + 1]]);
  }
  return modules;
}

function option(text, name) {
  return text.match(new RegExp(`^[ \\t]*//[ \\t]*@${name}[ \\t]*:[ \\t]*(\\S+)`, "im"))?.[1].split(",")[0];
}

function errorsOfTsc(name, text, legacy) {
  const options = {
    target: ts.ScriptTarget.ESNext,
    module: ts.ModuleKind.ESNext,
    moduleDetection: ts.ModuleDetectionKind.Force,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    experimentalDecorators: legacy,
    allowJs: true,
    checkJs: true,
    noLib: true,
    noResolve: true,
    noEmit: true,
    alwaysStrict: true,
  };
  const source = ts.createSourceFile(name, text, {
    languageVersion: ts.ScriptTarget.ESNext,
    // As all of a handler, a module even without an import.
    setExternalModuleIndicator: (file) => { file.externalModuleIndicator = file; },
  }, true);
  const host = {
    fileExists: (file) => file === name,
    readFile: () => undefined,
    getSourceFile: (file) => (file === name ? source : undefined),
    getDefaultLibFileName: () => "lib.d.ts",
    useCaseSensitiveFileNames: () => true,
    getCanonicalFileName: (file) => file,
    getCurrentDirectory: () => "/",
    getNewLine: () => "\n",
    writeFile() {},
  };
  const program = ts.createProgram([name], options, host);
  const found = [...program.getSyntacticDiagnostics(source)];
  try {
    found.push(...program.getSemanticDiagnostics(source));
  } catch (error) {
    return [];
  }
  return found
    .filter((it) => it.category === ts.DiagnosticCategory.Error)
    .filter((it) => (it.code >= 1000 && it.code < 2000) || (it.code >= 8000 && it.code < 8100) || GRAMMAR.has(it.code))
    .map((it) => `TS${it.code} ${ts.flattenDiagnosticMessageText(it.messageText, " ")}`);
}

const tasks = [];
const tsc = new Map();
for (const path of [...files(folder)].sort()) {
  const text = readFileSync(path, "utf8");
  const legacy = option(text, "experimentalDecorators") === "true";
  const modules = modulesOf(path).filter(([name]) => /\.(ts|mts|js|mjs)$/.test(name) && !/\.d\.m?ts$/.test(name));
  for (const module of modules) {
    const [name, text] = module;
    const shown = modules.length > 1 ? `${relative(folder, path)} ${name}` : relative(folder, path);
    // Without the other modules: an import of one that is missing is no error here.
    tasks.push({ name: shown, modules: [module], runs: false, legacy_decorators: legacy });
    tsc.set(shown, errorsOfTsc(`/${name}`, text, legacy));
  }
}

const verdicts = verdictsOf(tasks);
const areas = new Map();
const disagreements = [];
// Imports lead nowhere here: what the engine says about them comes after it has compiled the module.
const isLinking = (error) => /could not load|Could not find export|circular reference|resolving module/i.test(error);
for (const { name } of tasks) {
  const verdict = verdicts.get(name);
  const folder = name.includes("/") ? name.split("/")[0] : ".";
  const area = areas.get(folder) ?? { modules: 0, accepted: 0, refused: 0, engine: 0, lenient: 0 };
  areas.set(folder, area);
  area.modules += 1;
  const errors = tsc.get(name);
  if (!verdict) {
    disagreements.push(`${name}: no verdict`);
    continue;
  }
  if (errors.length === 0) {
    area.accepted += 1;
    if (verdict.checker.length > 0) {
      area.refused += 1;
      disagreements.push(`${name}: the checker refuses: ${verdict.checker[0]}`);
    }
  } else if (verdict.checker.length === 0) {
    area.lenient += 1;
    if (process.env.SUITE_ALL) console.log(`  ${name}: tsc alone refuses: ${errors[0]}`);
  }
  if (verdict.engine && !isLinking(verdict.engine)) {
    area.engine += 1;
    disagreements.push(`${name}: the engine refuses: ${verdict.engine}`);
  }
}
console.log("area | modules | tsc accepts | refused by the checker | refused by the engine alone | refused by tsc alone");
for (const [name, it] of [...areas].sort()) {
  console.log(`${name} | ${it.modules} | ${it.accepted} | ${it.refused} | ${it.engine} | ${it.lenient}`);
}
process.exitCode = expectedFile === undefined || compare(disagreements, expectedFile) ? 0 : 1;
if (expectedFile === undefined) disagreements.forEach((line) => console.log(line));
