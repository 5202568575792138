import { clock, connect, type Connection, expect, test } from "zigttp:test";

const PATH = "/api/room/lobby/websocket";
const said = (client: Connection) => client.received.map((message) => JSON.parse(message as string));

async function join(name: string): Promise<Connection> {
  const client = await connect(PATH);
  client.send(JSON.stringify({ name }));
  return client;
}

test("who joins is told who is there and what was said", async () => {
  const ada = await join("Ada");
  ada.send(JSON.stringify({ message: "hello" }));
  const bob = await join("Bob");
  expect(said(bob)).toMatchObject([{ joined: "Ada" }, { name: "Ada", message: "hello" }, { joined: "Bob" }, { ready: true }]);
});

test("who leaves hands the history on", async () => {
  const ada = await join("Ada");
  await join("Bob");
  ada.send(JSON.stringify({ message: "hello" }));
  ada.close();
  const eve = await join("Eve");
  expect(said(eve)).toContainEqual(expect.objectContaining({ name: "Ada", message: "hello" }));
});

test("who writes too fast has to wait", async () => {
  const ada = await join("Ada");
  for (let message = 0; message < 6; message++) ada.send(JSON.stringify({ message: `${message}` }));
  expect(said(ada).at(-1)).toHaveProperty("error");
  await clock.advance("5s");
  ada.send(JSON.stringify({ message: "slowly" }));
  expect(said(ada).at(-1)).toMatchObject({ message: "slowly" });
});
