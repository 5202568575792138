//! Worlds that a test prepares: members, stored values, signals, a time, random numbers.

use super::{fails, passes};

const HANDLER: &str = r#"
import * as durable from "zigttp:durable";
import * as memory from "zigttp:memory";
import * as storage from "zigttp:storage";
import * as ws from "zigttp:websocket";
export const routes = ["/room/:name"];
export function onUpgrade() { return { from: "upgrade" }; }
export function onOpen(own: WebSocket) { ws.send(own, "opened"); }
export function onMessage(own: WebSocket, data: string, room: string) {
  if (data === "chance") return void ws.send(own, `${Math.random()} ${crypto.randomUUID()}`);
  if (data === "every") return durable.signalEvery(room, "tick", 50);
  const told = [
    JSON.stringify(ws.deserializeAttachment(own) ?? null), ws.getRooms(own), ws.connectionId(own),
    ws.getWebSockets("user:1").length, storage.get(room, "a") ?? null, memory.get(room, "b") ?? null, Date.now(),
  ];
  ws.send(own, JSON.stringify(told));
}
export function onClose(own: WebSocket, code: number, reason: string, room: string) { storage.put(room, "closed", code); }
export function onSignal(room: string, name: string, data: unknown, info: { kind: string }) {
  if (name !== "tick") storage.put(room, name, [data as any, info.kind]);
}
"#;

#[test]
fn a_member_is_there_without_any_event_and_stored_values_too() {
    passes(
        HANDLER,
        r#"
test("prepared", async () => {
  clock.set("2026-03-29T00:30:00Z");
  world.storage("/room/x").put("a", { deep: [1, null] });
  world.memory("/room/x").put("b", new Uint8Array([7]));
  world.storage("/room/x").put("brief", 1, { ttl: 1000 });
  const ann = world.member("/room/x", { attachment: { name: "ann" }, rooms: ["user:1"], parameters: { name: "x" }, id: 77 });
  const bob = world.member("/room/x");
  expect(world.effects).toEqual([]);
  ann.send("what");
  const [attachment, rooms, id, members, a, b, now] = JSON.parse(ann.received[0] as string);
  expect([attachment, rooms, id, members]).toEqual(["{\"name\":\"ann\"}", ["/room/x", "user:1"], "77", 1]);
  expect([a, b]).toEqual([{ deep: [1, null] }, { 0: 7 }]);
  expect(now).toBe(Date.UTC(2026, 2, 29, 0, 30));
  expect(world.memory("/room/x").get("b")).toEqual(new Uint8Array([7]));
  expect(bob.received).toEqual([]);
  expect(ann.attachment).toEqual({ name: "ann" });
  await clock.advance("1s");
  expect(world.storage("/room/x").get("brief")).toBeUndefined();
  ann.close(4000);
  expect(world.storage("/room/x").get("closed")).toBe(4000);
  const back = await bob.reconnect();
  expect(back.received).toEqual(["opened"]);
});
test("a signal of an operator", () => {
  world.signal("/room/x", "told", { by: "me" });
  expect(world.storage("/room/x").get("told")).toEqual([{ by: "me" }, "signal"]);
});
test("the same chance", () => {
  const ann = world.member("/room/x");
  for (let turn = 0; turn < 2; turn++) {
    world.random("0102030405060708" + "ab".repeat(16));
    ann.send("chance");
  }
  ann.send("chance");
  const [one, two, three] = ann.received;
  expect(two).toBe(one);
  expect(three).not.toBe(one);
  expect(one).toContain("abababab-abab-4bab-abab-abababababab");
});
"#,
    );
}

#[test]
fn what_a_world_cannot_hold_is_told() {
    fails(
        HANDLER,
        r#"
test("late", async () => { await connect("/room/x"); clock.set(0); });
test("no time", () => { clock.set("tomorrow"); });
test("twice", () => { world.member("/room/x", { id: 5 }); world.member("/room/x", { id: 5 }); });
test("no value", () => { world.storage("/room/x").put("a", () => 1); });
test("no key", () => { world.storage("/room/x").put("", 1); });
test("no room", () => { world.member(""); });
test("no numbers", () => { world.random("12"); });
"#,
        &[
            "clock.set comes first in a test",
            "clock.set: tomorrow is no time since 1970",
            "there is a connection 5 already",
            "takes a value: a string, bytes, or what JSON can say",
            "a key has 0 bytes",
            "the name of a room has 0 bytes",
            "world.random takes 16 hexadecimal digits",
        ],
    );
}

#[test]
fn a_clock_that_runs_too_many_events_says_which() {
    fails(
        HANDLER,
        r#"
test("for ever", async () => {
  const ann = world.member("/room/x");
  ann.send("every");
  await clock.advance("2d");
});
"#,
        &[
            "clock.advance: 20000 events have run when 1000000 of 172800000 ms had passed: onSignal \"tick\" of /room/x 20000 times",
        ],
    );
}
