import { connect, type Connection, expect, test } from "zigttp:test";

const said = (client: Connection) => client.received.map((message) => JSON.parse(message as string));
const mark = (cell: number) => JSON.stringify({ type: "mark", cell });

test("two are matched, and a third waits", async () => {
  const [ada, bob, eve] = [await connect("/play"), await connect("/play"), await connect("/play")];
  expect(said(ada).map(({ type }) => type)).toEqual(["waiting", "matched", "game"]);
  expect(said(bob)).toMatchObject([{ type: "game", you: "O" }]);
  expect(said(eve)).toEqual([{ type: "waiting" }]);
});

test("a row of three wins, and both are back in the lobby", async () => {
  const [ada, bob] = [await connect("/play"), await connect("/play")];
  for (const [player, cell] of [[ada, 0], [bob, 3], [ada, 1], [bob, 4], [ada, 2]] as const) {
    player.send(mark(cell));
    // Each move waits for the one before.
    expect(said(player).at(-1).type).toMatch(/marked|over/);
  }
  expect(said(bob).at(-1)).toEqual({ type: "over", winner: "X" });
});

test("who leaves a game loses it", async () => {
  const [ada, bob] = [await connect("/play"), await connect("/play")];
  ada.drop();
  expect(said(bob).at(-1)).toEqual({ type: "over", winner: "O" });
});
