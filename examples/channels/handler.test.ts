import { connect, type Connection, expect, test } from "zigttp:test";

const said = (client: Connection) => client.received.map((message) => JSON.parse(message as string));
const join = (channel: string, ack: number) => JSON.stringify(["join", { channel }, ack]);
const say = (channel: string, text: string, ack: number) => JSON.stringify(["say", { channel, text }, ack]);

test("what is said in a channel reaches its other members, and is acknowledged", async () => {
  const [ada, bob, eve] = [await connect("/socket?name=ada"), await connect("/socket?name=bob"), await connect("/socket?name=eve")];
  ada.send(join("news", 1));
  bob.send(join("news", 1));
  ada.send(say("news", "hello", 2));
  expect(said(bob)).toEqual([["ack", 1, { members: ["ada", "bob"] }], ["said", "news", "ada", "hello"]]);
  expect(said(ada).at(-1)).toEqual(["ack", 2, { heard: 1 }]);
  expect(said(eve)).toEqual([]);
});

test("who loses the connection has left", async () => {
  const [ada, bob] = [await connect("/socket?name=ada"), await connect("/socket?name=bob")];
  ada.send(join("news", 1));
  bob.send(join("news", 1));
  ada.drop();
  expect(said(bob).at(-1)).toEqual(["left", "news", "ada"]);
});

test("who is in no channel says nothing there", async () => {
  const ada = await connect("/socket?name=ada");
  ada.send(say("news", "hello", 1));
  expect(said(ada)).toEqual([["ack", 1, { error: "join the channel first" }]]);
});
