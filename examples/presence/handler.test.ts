import { connect, type Connection, expect, test } from "zigttp:test";

async function join(name: string): Promise<Connection> {
  const client = await connect("/room/office");
  client.send(JSON.stringify({ type: "join", name }));
  return client;
}

const said = (client: Connection) => client.received.map((message) => JSON.parse(message as string));

test("who joins is told who is here, and the others are told of them", async () => {
  const ada = await join("Ada");
  const bob = await join("Bob");
  expect(said(bob)[0]).toMatchObject({ type: "here", people: [{ name: "Ada" }, { name: "Bob" }] });
  expect(said(ada).at(-1)).toMatchObject({ type: "person", person: { name: "Bob" } });
});

test("who loses the connection has left", async () => {
  const ada = await join("Ada");
  const bob = await join("Bob");
  bob.drop();
  expect(said(ada).at(-1)).toMatchObject({ type: "left" });
});

test("what is no message closes the connection", async () => {
  const client = await connect("/room/office");
  client.send("nonsense");
  expect(client.closed).toMatchObject({ code: 1008 });
});
