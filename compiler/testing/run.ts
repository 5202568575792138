// The event of a test's artifact: it tells which tests there are, or runs one of them.

import { plan, run } from "./registry.ts";
import { setSnapshots, type SnapshotMode } from "./snapshots.ts";
import { start } from "./clock.ts";
import { wellFormed } from "./well_formed.ts";

interface Order {
  /** Which test to run; without it they are listed. */
  index?: number;
  snapshots?: Record<string, string>;
  mode?: SnapshotMode;
}

export async function handler(request: Request): Promise<Response> {
  const { index, snapshots = {}, mode = "new" } = (await request.json()) as Order;
  if (index === undefined) return new Response(wellFormed(plan()));
  start();
  setSnapshots(snapshots, mode);
  return new Response(wellFormed(await run(index)));
}
