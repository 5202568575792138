import { connect, expect, test } from "zigttp:test";

test.each(["/echo", "/room/one"])("%s sends a message back", async (path) => {
  const client = await connect(path);
  client.send("hello");
  expect(client.received).toEqual(["hello"]);
});

test("the chat remembers names", async () => {
  const client = await connect("/chat/one");
  client.send("Ada");
  client.send("hi");
  expect(client.received).toEqual(["hello Ada", "Ada: hi"]);
});
