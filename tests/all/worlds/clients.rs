//! Clients of a handler under test.

use super::passes;

const CHAT: &str = r#"
import { bufferedAmount, close, deserializeAttachment, getWebSockets, move, join, send, serializeAttachment } from "zigttp:websocket";
export const routes = ["/room/:name", { path: "/api/:name", room: "/room/:name", upgrade: false }];
export const protocols = ["chat.v2", "chat.v1"];
export function onUpgrade(req: Request) {
  if (req.headers.get("x-banned")) return Response.json({ why: "banned" }, { status: 403 });
  const user = /user=(\w+)/.exec(req.headers.get("cookie") ?? "")?.[1];
  return req.resumable ?? (user === undefined ? undefined : { user });
}
export function onOpen(ws: WebSocket, url: string, room: string) {
  send(ws, `open ${url} ${JSON.stringify(deserializeAttachment(ws) ?? null)}`);
}
export function onMessage(ws: WebSocket, data: string | ArrayBuffer, room: string) {
  if (typeof data !== "string") return void send(ws, data);
  if (data === "close me") return close(ws, 4001, "as asked");
  if (data === "fill") {
    let taken = 0;
    while (send(ws, "x".repeat(100_000))) taken++;
    for (const peer of getWebSockets(room)) if (peer !== ws) send(peer, `taken ${taken}`);
    return;
  }
  for (const peer of getWebSockets(room)) send(peer, data);
}
export function onClose(ws: WebSocket, code: number, reason: string, room: string) {
  for (const peer of getWebSockets(room)) if (peer !== ws) send(peer, `closed ${code} ${reason}`);
}
export async function onRequest(req: Request, room: string) {
  return Response.json({ room, method: req.method, body: await req.text(), type: req.headers.get("content-type"), query: req.query });
}
export function handler(req: Request) {
  return new Response(new Uint8Array([1, 2, 255]), { status: 201, headers: { "x-path": req.path } });
}
"#;

#[test]
fn a_client_is_told_what_the_handler_sends_and_how_it_closes() {
    passes(
        CHAT,
        r#"
test("messages, text and bytes", async () => {
  const ann = await connect("/room/x?a=b", { headers: { cookie: "user=ann" } });
  const bob = await connect("/room/x");
  ann.send("hi");
  ann.send(new Uint8Array([7, 8]));
  expect(ann.received[0]).toBe('open /room/x?a=b {"user":"ann"}');
  expect(ann.received[1]).toBe("hi");
  expect([...new Uint8Array(ann.received[2] as ArrayBuffer)]).toEqual([7, 8]);
  expect(bob.received).toEqual(["open /room/x null", "hi"]);
  expect(ann.closed).toBeUndefined();
});
test("the handler closes", async () => {
  const ann = await connect("/room/x");
  const bob = await connect("/room/x");
  ann.send("close me");
  expect(ann.closed).toEqual({ code: 4001, reason: "as asked" });
  ann.send("nobody hears this");
  expect(bob.received.slice(1)).toEqual(["closed 4001 as asked"]);
});
test("the client closes, or drops", async () => {
  const [ann, bob, eve] = [await connect("/room/x"), await connect("/room/x"), await connect("/room/x")];
  ann.close(3007, "bye");
  bob.drop();
  expect(ann.closed).toEqual({ code: 3007, reason: "bye" });
  expect(bob.closed).toEqual({ code: 1006, reason: "" });
  expect(eve.received.slice(1)).toEqual(["closed 3007 bye", "closed 1006 "]);
  expect(() => eve.close(1005)).toThrow(RangeError);
});
test("a refusal has its response", async () => {
  const error = await connect("/room/x", { headers: { "x-banned": "yes" } }).catch((error) => error);
  expect(error).toBeInstanceOf(Refused);
  expect(error.response.status).toBe(403);
  expect(await error.response.json()).toEqual({ why: "banned" });
});
test("a subprotocol is agreed on", async () => {
  const ann = await connect("/room/x", { protocols: ["chat.v1", "chat.v2"] });
  expect(ann.protocol).toBe("chat.v1");
  expect((await connect("/room/x")).protocol).toBe("");
});
"#,
    );
}

#[test]
fn a_client_that_does_not_read_fills_its_queue_and_is_closed_as_a_slow_consumer() {
    passes(
        CHAT,
        r#"
test("slow", async () => {
  const ann = await connect("/room/x");
  const bob = await connect("/room/x");
  ann.slow();
  ann.send("fill");
  expect(bob.received.at(-1)).toMatch(/^taken 1\d$/);
  expect(ann.received).toHaveLength(1);
  await clock.advance("4s");
  expect(ann.closed).toBeUndefined();
  await clock.advance("10s");
  expect(bob.received.at(-1)).toBe("closed 1008 slow consumer");
});
test("slow for a while", async () => {
  const ann = await connect("/room/x");
  ann.slow();
  ann.send("fill");
  await clock.advance("1s");
  ann.slow(false);
  expect(ann.received.length).toBeGreaterThan(10);
  await clock.advance("1m");
  expect(ann.closed).toBeUndefined();
});
"#,
    );
}

#[test]
fn requests_reach_the_room_of_their_route_or_the_handler() {
    passes(
        CHAT,
        r#"
test("a room's", async () => {
  const response = await request("POST", "/api/x?y=z", { body: "é" });
  expect(await response.json()).toEqual({ room: "/room/x", method: "POST", body: "é", type: "text/plain;charset=UTF-8", query: "y=z" });
});
test("the handler's", async () => {
  const response = await request("GET", "/other");
  expect(response.status).toBe(201);
  expect(response.headers.get("x-path")).toBe("/other");
  expect([...new Uint8Array(await response.arrayBuffer())]).toEqual([1, 2, 255]);
});
"#,
    );
}

#[test]
fn a_client_that_comes_back_resumes_what_it_has_left() {
    passes(
        CHAT,
        r#"
test("after a dropped connection, for two minutes", async () => {
  const ann = await connect("/room/x", { headers: { cookie: "user=ann" } });
  ann.drop();
  await clock.advance("1m");
  const again = await ann.reconnect({});
  expect(again.received).toEqual(['open /room/x {"user":"ann"}']);
  again.drop();
  await clock.advance("3m");
  const late = await again.reconnect({});
  expect(late.received).toEqual(["open /room/x null"]);
});
test("not after a close", async () => {
  const ann = await connect("/room/x", { headers: { cookie: "user=ann" } });
  ann.close();
  expect((await ann.reconnect({})).received).toEqual(["open /room/x null"]);
});
test("somebody else does not", async () => {
  const ann = await connect("/room/x", { headers: { cookie: "user=ann" } });
  ann.drop();
  expect((await connect("/room/x")).received).toEqual(["open /room/x null"]);
});
"#,
    );
}
