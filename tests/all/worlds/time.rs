//! The clock of a test, and crashes.

use super::passes;

const TIMERS: &str = r#"
import { signalAt, signalEvery, signal } from "zigttp:durable";
import * as memory from "zigttp:memory";
import * as storage from "zigttp:storage";
import { broadcast, deserializeAttachment, join, send, serializeAttachment, getRooms } from "zigttp:websocket";
export const routes = ["/room/:name"];
export const schedules = [{ cron: "0 9 * * *", room: "/room/daily", name: "morning" }];
export function onOpen(ws: WebSocket, url: string, room: string) {
  send(ws, `rooms ${getRooms(ws).join(" ")} ${JSON.stringify(deserializeAttachment(ws) ?? null)}`);
}
export async function onMessage(ws: WebSocket, text: string, room: string) {
  const [what, given] = text.split(" ");
  const now = Date.now();
  if (what === "at") signalAt(room, `at ${given}`, now + Number(given));
  if (what === "every") signalEvery(room, "every", Number(given));
  if (what === "fail") signalAt(room, "fail", now + 1000);
  if (what === "tell") signal(given, "told", room);
  if (what === "keep") {
    serializeAttachment(ws, { given });
    join(ws, "user:" + given);
    storage.put(room, "kept", given);
    memory.put(room, "kept", given);
  }
  if (what === "brief") storage.put(room, "brief", 1, { ttl: 1000 });
  if (what === "wait") { await new Promise((resolve) => setTimeout(resolve, 2000)); send(ws, "waited"); }
}
export function onSignal(room: string, name: string, data: unknown, info: { attempt: number }) {
  if (name === "fail" && info.attempt < 3) throw new Error("not yet");
  const at = Date.now() - 1767225600000;
  storage.put(room, `ran/${String(storage.usage(room).keys).padStart(4, "0")}`, [name, at, info.attempt]);
  broadcast(room, `${name} ${at}`);
}
export function onClose(ws: WebSocket, code: number, reason: string, room: string) {
  storage.put(room, "closed", code);
}
"#;

#[test]
fn time_stands_still_and_what_is_due_runs_in_the_order_of_its_time() {
    passes(
        TIMERS,
        r#"
test("timers", async () => {
  const began = clock.now();
  expect(new Date(began).toISOString()).toBe("2026-01-01T00:00:00.000Z");
  const ann = await connect("/room/x");
  for (const at of [3000, 1000, 2000, 1000_000]) ann.send(`at ${at}`);
  expect(Date.now()).toBe(began);
  expect(world.storage("/room/x").timers.map(({ at }) => at - began)).toEqual([1000, 2000, 3000, 1000_000]);
  await clock.advance("999ms");
  expect(ann.received).toHaveLength(1);
  await clock.advance(1);
  expect(ann.received.slice(1)).toEqual(["at 1000 1000"]);
  await clock.advance("1m");
  expect(ann.received.slice(2)).toEqual(["at 2000 2000", "at 3000 3000"]);
  expect(Date.now()).toBe(began + 61_000);
});
test("periods", async () => {
  const ann = await connect("/room/x");
  ann.send("every 50");
  await clock.advance("1s");
  expect(ann.received).toHaveLength(21);
  expect(ann.received.at(-1)).toBe("every 1000");
});
test("schedules", async () => {
  const daily = await connect("/room/daily");
  await clock.advance("2d");
  expect(daily.received.slice(1)).toEqual(["morning 32400000", "morning 118800000"]);
});
test("attempts, times to live and waits", async () => {
  const ann = await connect("/room/x");
  ann.send("fail");
  await clock.advance("1s");
  expect(world.logs).toMatchObject([{ level: "error", event: "onSignal", text: expect.stringContaining("not yet") }]);
  await clock.advance("10s");
  expect(world.storage("/room/x").list({ prefix: "ran/" }).map(([, value]) => value[2])).toEqual([3]);
  ann.send("brief");
  expect(world.storage("/room/x").get("brief")).toBe(1);
  await clock.advance(1000);
  expect(world.storage("/room/x").get("brief")).toBeUndefined();
  ann.send("wait");
  expect(ann.received.at(-1)).not.toBe("waited");
  await clock.advance("2s");
  expect(ann.received.at(-1)).toBe("waited");
});
test("a duration is one", async () => {
  await clock.advance("1h30m");
  expect(clock.now()).toBe(1767225600000 + 5_400_000);
  await expect(clock.advance("soon")).rejects.toThrow("no duration");
  await expect(clock.advance(-1)).rejects.toThrow(RangeError);
});
"#,
    );
}

#[test]
fn a_crash_leaves_what_a_durable_server_would_find() {
    passes(
        TIMERS,
        r#"
test("crash", async () => {
  const ann = await connect("/room/x");
  ann.send("keep ann");
  ann.send("at 5000");
  expect(world.memory("/room/x").get("kept")).toBe("ann");
  await clock.advance("1s");
  await world.crash();
  expect(ann.closed).toEqual({ code: 1006, reason: "" });
  expect(world.storage("/room/x").get("closed")).toBeUndefined();
  expect(world.storage("/room/x").get("kept")).toBe("ann");
  expect(world.memory("/room/x").get("kept")).toBeUndefined();
  const again = await ann.reconnect();
  expect(again.received).toEqual(['rooms /room/x user:ann {"given":"ann"}']);
  expect(again.id).not.toBe(ann.id);
  const other = await connect("/room/x");
  expect(other.received).toEqual(["rooms /room/x null"]);
  await clock.advance("4s");
  expect(again.received.at(-1)).toBe("at 5000 5000");
});
test("twice, with signals that have not arrived", async () => {
  const ann = await connect("/room/x");
  ann.send("fail");
  await clock.advance("1s");
  await world.crash();
  await world.crash();
  await clock.advance("1m");
  expect(world.storage("/room/x").list({ prefix: "ran/" })).toHaveLength(1);
});
"#,
    );
}

#[test]
fn more_than_ten_years_at_once_are_refused() {
    passes(
        TIMERS,
        r#"
test("in one call", async () => {
  await expect(clock.advance("1000000d")).rejects.toThrow("clock.advance: 1000000d is longer than ten years");
});
"#,
    );
}
