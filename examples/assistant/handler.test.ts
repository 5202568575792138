import { beforeEach, clock, connect, type Connection, expect, test, world } from "zigttp:test";

const said = (client: Connection) => client.received.map((message) => JSON.parse(message as string));
const words = (text: string) => `data: ${JSON.stringify({ choices: [{ delta: { content: text } }] })}\n\n`;
const headers = { "content-type": "text/event-stream" };

beforeEach(() => world.env({ OPENAI_API_KEY: "a-key" }));

test("the answer comes to everybody as it is written", async () => {
  const [ada, bob] = [await connect("/chat/one"), await connect("/chat/one")];
  ada.send(JSON.stringify({ type: "ask", text: "How much is 2 and 2?" }));
  world.stream("answer", [words("It is ")], { headers, end: false });
  await clock.advance("1s");
  expect(said(bob).at(-1)).toEqual({ type: "words", text: "It is " });
  world.stream("answer", [words("4."), "data: [DONE]\n\n"]);
  await clock.advance("1s");
  expect(said(bob).slice(-2)).toEqual([{ type: "words", text: "4." }, { type: "answered", error: null }]);
  expect(world.storage("/chat/one").list({ prefix: "message/" }).at(-1)![1]).toEqual({
    role: "assistant",
    content: "It is 4.",
  });
});

test("a crash interrupts the answer", async () => {
  const ada = await connect("/chat/one");
  ada.send(JSON.stringify({ type: "ask", text: "Are you there?" }));
  world.stream("answer", [words("I")], { headers, end: false });
  await clock.advance("1s");
  await world.crash();
  const again = await connect("/chat/one");
  await clock.advance("1s");
  again.send(JSON.stringify({ type: "ask", text: "And now?" }));
  expect(said(again).at(-1)).toMatchObject({ type: "question" });
});
