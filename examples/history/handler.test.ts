import { connect, expect, test, world } from "zigttp:test";

const say = (text: string) => JSON.stringify({ type: "say", text });

test("who comes later gets the last lines", async () => {
  const ada = await connect("/room/tea?name=Ada");
  for (let line = 1; line <= 25; line++) ada.send(say(`line ${line}`));
  const bob = await connect("/room/tea?name=Bob");
  const { lines, hasEarlier } = JSON.parse(bob.received[0] as string);
  expect(lines).toHaveLength(20);
  expect(lines.at(-1)).toMatchObject({ id: 25, name: "Ada", text: "line 25" });
  expect(hasEarlier).toBe(true);
});

test("a room keeps a hundred lines, also over a crash", async () => {
  const ada = await connect("/room/tea?name=Ada");
  for (let line = 1; line <= 101; line++) ada.send(say(`line ${line}`));
  await world.crash();
  const kept = world.storage("/room/tea").list({ prefix: "line/" });
  expect(kept).toHaveLength(100);
  expect(kept[0][1]).toMatchObject({ id: 2 });
});

test("who does not say a name is refused", async () => {
  await expect(connect("/room/tea")).rejects.toMatchObject({ response: { status: 400 } });
});
