import { connect, expect, test } from "zigttp:test";

test("text comes back as text, and bytes as bytes", async () => {
  const client = await connect("/echo");
  client.send("hello");
  client.send(new Uint8Array([1, 2, 3]));
  expect(client.received).toEqual(["hello", new Uint8Array([1, 2, 3]).buffer]);
});

test("only /echo opens a WebSocket", async () => {
  await expect(connect("/other")).rejects.toThrow("404");
});
