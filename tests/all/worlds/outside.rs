//! What the handler asks of others, which the test answers.

use super::passes;

const ASKING: &str = r#"
import { stream, cancelStream, type StreamPiece } from "zigttp:durable";
import { env } from "zigttp:env";
import { broadcast, send } from "zigttp:websocket";
export const routes = ["/room/:name"];
export async function onUpgrade(req: Request) {
  const who = new URLSearchParams(req.query).get("who");
  if (who === null) return;
  const response = await fetch("https://example.com/who", { method: "POST", body: who, headers: { "x-key": env("KEY") ?? "none" } });
  if (!response.ok) return new Response(null, { status: 401 });
  return await response.json();
}
export async function onMessage(ws: WebSocket, text: string, room: string) {
  if (text === "stream") return stream(room, "answer", "https://example.com/stream");
  if (text === "cancel") return void cancelStream(room, "answer");
  try {
    const response = await fetch("https://example.com/" + text);
    send(ws, `${response.status} ${response.headers.get("x-a")} ${await response.text()}`);
  } catch (error) {
    send(ws, `${error}`);
  }
}
export function onStream(room: string, name: string, piece: StreamPiece) {
  broadcast(room, JSON.stringify(piece.kind === "bytes" ? [...new Uint8Array(piece.bytes)] : piece.kind === "end" ? ["end", piece.error] : piece.kind === "lines" ? piece.lines : [piece.kind]));
}
"#;

#[test]
fn requests_of_the_handler_are_answered_by_the_test() {
    passes(
        ASKING,
        r#"
test("at once, with what is asked", async () => {
  const asked: string[] = [];
  world.env({ KEY: "secret" });
  world.fetch((request) => {
    asked.push(`${request.method} ${request.url} ${request.headers.get("x-key")}`);
    return request.method === "POST" ? Response.json({ name: "Ann" }) : new Response("hi", { status: 202, headers: { "x-a": "b" } });
  });
  const ann = await connect("/room/x?who=ann");
  expect(ann.attachment).toEqual({ name: "Ann" });
  ann.send("page");
  expect(ann.received).toEqual(["202 b hi"]);
  expect(asked).toEqual(["POST https://example.com/who secret", "GET https://example.com/page null"]);
});
test("a refusal by an answer", async () => {
  world.fetch(() => new Response(null, { status: 404 }));
  await expect(connect("/room/x?who=eve")).rejects.toMatchObject({ response: { status: 401 } });
});
test("later, by a promise", async () => {
  let answer!: (response: Response) => void;
  world.fetch(async (request) => request.method === "POST"
    ? Response.json(await request.text())
    : await new Promise<Response>((resolve) => { answer = resolve; }));
  const ann = await connect("/room/x?who=ann");
  expect(ann.attachment).toBe("ann");
  ann.send("slow");
  ann.send("behind it");
  await world.idle();
  expect(ann.received).toEqual([]);
  answer(Response.text("at last"));
  await world.idle();
  answer(Response.text("and this"));
  await world.idle();
  expect(ann.received).toEqual(["200 null at last", "200 null and this"]);
});
test("never: a request has a minute", async () => {
  world.fetch(() => new Promise<Response>(() => {}));
  const ann = await connect("/room/x");
  ann.send("page");
  await clock.advance("59s");
  expect(ann.received).toEqual([]);
  await clock.advance("1s");
  expect(ann.received).toHaveLength(1);
});
test("failing, and not at all", async () => {
  const ann = await connect("/room/x");
  ann.send("page");
  expect(ann.received[0]).toContain("world.fetch");
  world.fetch(() => { throw new Error("no network today"); });
  ann.send("page");
  expect(ann.received[1]).toContain("no network today");
});
"#,
    );
}

#[test]
fn streams_of_the_handler_are_fed_by_the_test() {
    passes(
        ASKING,
        r#"
const headers = { "content-type": "text/plain" };
test("piece by piece", async () => {
  const ann = await connect("/room/x");
  ann.send("stream");
  world.stream("answer", ["one\ntw"], { headers, end: false });
  await clock.advance(20);
  expect(ann.received).toEqual(['["start"]', '["one"]']);
  world.stream("answer", ["o\n"]);
  await clock.advance(20);
  expect(ann.received.slice(2)).toEqual(['["two"]', '["end",null]']);
});
test("before it is asked for", async () => {
  world.stream("answer", [new Uint8Array([1, 2])], { headers: { "content-type": "application/octet-stream" } });
  const ann = await connect("/room/x");
  ann.send("stream");
  await clock.advance(100);
  expect(ann.received).toEqual(['["start"]', "[1,2]", '["end",null]']);
});
test("cancelled, interrupted, or never answered", async () => {
  const ann = await connect("/room/x");
  ann.send("stream");
  ann.send("cancel");
  expect(ann.received).toEqual(['["end","cancelled"]']);
  ann.send("stream");
  await world.idle();
  await world.crash();
  const bob = await connect("/room/x");
  bob.send("stream");
  await clock.advance("121s");
  expect(bob.received).toEqual(['["end","timeout"]']);
});
"#,
    );
}

#[test]
fn what_events_do_and_say_can_be_looked_at() {
    passes(
        r#"
import { signal, signalAt } from "zigttp:durable";
import * as storage from "zigttp:storage";
import { close, join, send, serializeAttachment } from "zigttp:websocket";
export const routes = ["/room/:name"];
export function onMessage(ws: WebSocket, text: string, room: string) {
  console.log("got", text);
  if (text === "fail") throw new TypeError("as asked");
  storage.put(room, "key", { text, bytes: 1 });
  storage.put(room, "binary", new Uint16Array([1, 2]));
  signalAt(room, "later", Date.now() + 1000, "data");
  serializeAttachment(ws, "attached");
  join(ws, "user:ann");
  send(ws, text);
  close(ws, 4000, "done");
}
export function onSignal() {}
"#,
        r#"
test("effects and logs", async () => {
  const ann = await connect("/room/x");
  ann.send("fail");
  ann.send("hi");
  expect(world.logs).toMatchObject([
    { level: "info", event: "onMessage", text: "got fail" },
    { level: "error", event: "onMessage", text: expect.stringMatching(/^TypeError: as asked\n.*handler\.ts:8:/) },
    { level: "info", text: "got hi" },
  ]);
  const [failed, event] = world.effects;
  expect(failed).toMatchObject({ event: "onMessage", room: "/room/x", failed: expect.stringContaining("as asked"), effects: [] });
  expect(event).toEqual({
    event: "onMessage",
    room: "/room/x",
    connection: ann.id,
    effects: [
      { what: "put", in: "storage", key: "binary", value: new Uint16Array([1, 2]) },
      { what: "put", in: "storage", key: "key", value: { text: "hi", bytes: 1 } },
      { what: "timer", name: "later", at: clock.now() + 1000, period: null, data: "data" },
      { what: "serializeAttachment", connection: ann.id, value: "attached" },
      { what: "join", connection: ann.id, room: "user:ann" },
      { what: "send", to: ann.id, data: "hi" },
      { what: "close", connection: ann.id, code: 4000, reason: "done" },
    ],
  });
  expect(world.storage("/room/x").get("binary")).toEqual(new Uint16Array([1, 2]));
  expect(world.storage("/room/x").list({ prefix: "k", reverse: true })).toEqual([["key", { text: "hi", bytes: 1 }]]);
});
"#,
    );
}
