import { clock, connect, expect, test, world } from "zigttp:test";

const ROOM = "/arena/one";

test("dots move twenty times a second", async () => {
  const ada = await connect("/arena/one?name=ada");
  ada.send(JSON.stringify({ x: 500, y: 20 }));
  await clock.advance("5s");
  const ticks = ada.received.map((message) => JSON.parse(message as string)).filter(({ type }) => type === "tick");
  expect(ticks).toHaveLength(100);
  expect(ticks.at(-1).dots).toMatchObject([{ name: "ada", x: 500, y: 20 }]);
});

test("scores outlive a crash, and where the dots are does not", async () => {
  await connect("/arena/one?name=ada");
  await clock.advance("10s");
  expect(world.memory(ROOM).get("dot/ada")).toBeDefined();
  await world.crash();
  expect(world.memory(ROOM).get("dot/ada")).toBeUndefined();
  expect(world.storage(ROOM).get("scores")).toEqual([["ada", expect.any(Number)]]);
});

test("the timers stop when nobody is there", async () => {
  const ada = await connect("/arena/one?name=ada");
  expect(world.storage(ROOM).timers.map(({ name }) => name)).toEqual(expect.arrayContaining(["tick", "save"]));
  ada.close();
  expect(world.storage(ROOM).timers).toEqual([]);
});
