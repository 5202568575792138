// The clock of a test: it stands still but when the test advances it.

import { answers, call } from "./host.ts";

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const PART = /(\d+(?:\.\d+)?)(ms|s|m|h|d)/y;

/** Milliseconds of `"1h30m"`, `"250ms"` or a number. */
function milliseconds(duration: unknown): number {
  if (typeof duration === "number") {
    if (!(duration >= 0) || duration === Infinity) throw new RangeError(`clock.advance: ${duration} is no duration`);
    return Math.round(duration);
  }
  if (typeof duration !== "string") throw new TypeError("clock.advance takes milliseconds, or a text such as \"30s\" or \"1h30m\"");
  let [sum, at] = [0, 0];
  while (at < duration.length) {
    PART.lastIndex = at;
    const part = PART.exec(duration);
    if (part === null) throw new TypeError(`clock.advance: "${duration}" is no duration such as "30s" or "1h30m"`);
    sum += Number(part[1]) * UNITS[part[2]];
    at = PART.lastIndex;
  }
  if (duration === "") throw new TypeError("clock.advance: \"\" is no duration such as \"30s\" or \"1h30m\"");
  return Math.round(sum);
}

/** Ten years take seconds to pass; `clock.set` goes further at once. */
const LONGEST = 3653 * UNITS.d;

let isRunning = false;

/** From now on there is a world with a clock. */
export function start(): void {
  isRunning = true;
}

const now = (): number => (isRunning ? call<number>("now") : 0);

export const clock = {
  now,
  set(time: number | string | Date): void {
    const at = new Date(time).getTime();
    if (!(at >= 0)) throw new RangeError(`clock.set: ${String(time)} is no time since 1970`);
    call("setClock", { at });
  },
  async advance(duration: string | number): Promise<void> {
    const by = milliseconds(duration);
    if (by > LONGEST) throw new RangeError(`clock.advance: ${String(duration)} is longer than ten years`);
    call("settle");
    await answers();
    const until = now() + by;
    for (;;) {
      const reached = call<boolean>("advance", { until });
      await answers();
      if (reached) return;
    }
  },
};

// The test's own `Date` goes by the same clock as the handler's.
globalThis.Date = new Proxy(Date, {
  construct: (target, values, newTarget) => Reflect.construct(target, values.length === 0 ? [now()] : values, newTarget),
  apply: () => new Date().toString(),
  get: (target, name, receiver) => (name === "now" ? now : Reflect.get(target, name, receiver)),
});
