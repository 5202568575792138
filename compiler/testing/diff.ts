// What differs between two texts, by lines.

/** Lines around a change that are shown as well. */
const CONTEXT = 5;

/** Most changed lines that are compared exactly, of both texts together; beyond it one block replaces the other. */
const MAX_CHANGES = 500;

/** Most lines of a difference. */
const MAX_LINES = 200;

/** A line, and whether it is in the expected text alone, in the received one alone, or in both. */
type Line = ["-" | "+" | " ", string];

/** Lines that begin with `- ` if they were expected, with `+ ` if they were received, else with two spaces. */
export function diff(expected: string, received: string): string {
  const lines = compare(expected.split("\n"), received.split("\n"));
  const count = (sign: string) => lines.filter(([it]) => it === sign).length;
  const heading = [`- Expected  - ${count("-")}`, `+ Received  + ${count("+")}`, ""];
  return [...heading, ...shown(lines)].join("\n");
}

function compare(expected: string[], received: string[]): Line[] {
  let start = 0;
  const shortest = Math.min(expected.length, received.length);
  while (start < shortest && expected[start] === received[start]) start++;
  let end = 0;
  while (end < shortest - start && expected.at(-1 - end) === received.at(-1 - end)) end++;
  const both = (line: string): Line => [" ", line];
  return [
    ...expected.slice(0, start).map(both),
    ...changed(expected.slice(start, expected.length - end), received.slice(start, received.length - end)),
    ...expected.slice(expected.length - end).map(both),
  ];
}

/** The shortest way from one to the other, by Myers' algorithm ("An O(ND) Difference Algorithm", 1986). */
function changed(a: string[], b: string[]): Line[] {
  const replaced: Line[] = [...a.map((line): Line => ["-", line]), ...b.map((line): Line => ["+", line])];
  if (a.length === 0 || b.length === 0) return replaced;
  // For each number of changes, how far in `a` each diagonal has come.
  const reached: Map<number, number>[] = [];
  let furthest = new Map([[1, 0]]);
  for (let changes = 0; changes <= Math.min(a.length + b.length, MAX_CHANGES); changes++) {
    reached.push(new Map(furthest));
    for (let diagonal = -changes; diagonal <= changes; diagonal += 2) {
      const [above, left] = [furthest.get(diagonal + 1) ?? -1, furthest.get(diagonal - 1) ?? -1];
      let x = diagonal === -changes || (diagonal !== changes && left < above) ? above : left + 1;
      while (x < a.length && x - diagonal < b.length && a[x] === b[x - diagonal]) x++;
      furthest.set(diagonal, x);
      if (x >= a.length && x - diagonal >= b.length) return walkBack(a, b, reached);
    }
  }
  return replaced;
}

function walkBack(a: string[], b: string[], reached: Map<number, number>[]): Line[] {
  const lines: Line[] = [];
  let [x, y] = [a.length, b.length];
  for (let changes = reached.length - 1; changes >= 0; changes--) {
    const furthest = reached[changes];
    const diagonal = x - y;
    const [above, left] = [furthest.get(diagonal + 1) ?? -1, furthest.get(diagonal - 1) ?? -1];
    const isAdded = diagonal === -changes || (diagonal !== changes && left < above);
    const before = isAdded ? above : left;
    const beforeY = before - (diagonal + (isAdded ? 1 : -1));
    while (x > before && y > beforeY && x > 0 && y > 0) {
      lines.push([" ", a[--x]]);
      y--;
    }
    if (changes > 0) lines.push(isAdded ? ["+", b[--y]] : ["-", a[--x]]);
  }
  // What was expected stands before what was received in its place.
  const ordered: Line[] = [];
  let block: Line[] = [];
  const flush = () => {
    ordered.push(...block.filter(([sign]) => sign === "-"), ...block.filter(([sign]) => sign === "+"));
    block = [];
  };
  for (const line of lines.reverse()) {
    if (line[0] === " ") flush();
    (line[0] === " " ? ordered : block).push(line);
  }
  flush();
  return ordered;
}

function shown(lines: Line[]): string[] {
  const isNear = new Set<number>();
  for (const [index, [sign]] of lines.entries()) {
    if (sign === " ") continue;
    for (let near = index - CONTEXT; near <= index + CONTEXT; near++) isNear.add(near);
  }
  const texts: string[] = [];
  let [expected, received, isAfterGap] = [1, 1, false];
  for (const [index, [sign, line]] of lines.entries()) {
    if (texts.length >= MAX_LINES) {
      texts.push(`  … ${lines.length - index} more lines`);
      break;
    }
    if (isNear.has(index)) {
      if (isAfterGap) texts.push(`@@ line ${expected} of what was expected, ${received} of what was received @@`);
      isAfterGap = false;
      texts.push(`${sign} ${line}`);
    } else {
      isAfterGap = true;
    }
    if (sign !== "+") expected++;
    if (sign !== "-") received++;
  }
  return texts;
}
