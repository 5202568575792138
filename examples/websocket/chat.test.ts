import { connect, expect, request, test, world } from "zigttp:test";

test("the first message is a name, and later ones are said to the room", async () => {
  const ann = await connect("/room/kitchen");
  const bob = await connect("/room/kitchen");
  const eve = await connect("/room/garden");
  ann.send("Ann");
  ann.send("hi");
  expect(ann.received).toEqual(["hello Ann, this is kitchen", "Ann: hi"]);
  expect(bob.received).toEqual(["Ann: hi"]);
  expect(eve.received).toEqual([]);
});

test("who comes back after a crash still has the name", async () => {
  const ann = await connect("/room/kitchen");
  ann.send("Ann");
  await world.crash();
  expect(ann.closed).toEqual({ code: 1006, reason: "" });
  const again = await ann.reconnect();
  expect(again.received).toEqual(["welcome back, Ann"]);
});

test("a heartbeat is answered without an event", async () => {
  const ann = await connect("/room/kitchen");
  const before = world.effects.length;
  ann.send("heartbeat");
  expect(ann.received).toEqual(["alive"]);
  expect(world.effects).toHaveLength(before);
});

test("there is a page", async () => {
  expect((await request("GET", "/")).headers.get("content-type")).toContain("text/html");
  expect((await request("GET", "/nowhere")).status).toBe(404);
});
