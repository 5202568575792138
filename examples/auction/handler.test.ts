import { beforeEach, clock, connect, expect, request, test, world } from "zigttp:test";

const bid = (name: string, amount: number) => JSON.stringify({ name, amount });

beforeEach(async () => {
  const offer = { item: "Lamp", price: 100, seconds: 60 };
  const opened = await request("PUT", "/auction/lamp", { body: JSON.stringify(offer) });
  expect(opened.status).toBe(201);
});

test("of two equal bids the first counts", async () => {
  const ada = await connect("/auction/lamp");
  const bob = await connect("/auction/lamp");
  ada.send(bid("Ada", 120));
  bob.send(bid("Bob", 120));
  expect(JSON.parse(bob.received.at(-1) as string)).toEqual({ refused: "a bid has to be 121 at least" });
  expect(world.storage("/auction/lamp").get("lot")).toMatchObject({ price: 120, leader: "Ada" });
});

test("a late bid moves the end", async () => {
  await clock.advance("55s");
  const response = await request("POST", "/auction/lamp", { body: bid("Ada", 100) });
  expect(await response.json()).toMatchObject({ left: 10_000 });
});

test("it ends by itself, and the results hear of it, over a crash", async () => {
  await request("POST", "/auction/lamp", { body: bid("Ada", 100) });
  await world.crash();
  await clock.advance("60s");
  const results = await request("GET", "/results");
  expect(await results.json()).toMatchObject({ results: [{ item: "Lamp", price: 100, winner: "Ada" }] });
  const late = await request("POST", "/auction/lamp", { body: bid("Bob", 200) });
  expect(late.status).toBe(409);
});
