//! How failures of a handler are reported, and that a handler can catch the error of a recursion.

use std::path::PathBuf;
use std::sync::LazyLock;

use crate::support::client::Client;
use crate::support::programs;
use crate::support::server::Server;

/// Types and blank lines, which the compiled JavaScript does not have, come before everything.
const POSITIONS: &str = r#"import { send } from "zigttp:websocket";

interface Order {
  item: string;
  count: number;
}

type Price = (order: Order) => number;

const price: Price = (order: Order): number => {
  const known: Record<string, number> = {};
  return known[order.item] ?? missing<string>("price");
};

function missing<T>(what: string): T {
  throw new RangeError("no price");
}

export function onOpen(ws: WebSocket, url: string): void {
  if (url === "/open") price({ item: "a", count: 1 });
}

export async function onMessage(ws: WebSocket, data: string): Promise<void> {
  await null;
  if (data === "fail") price({ item: "b", count: 2 });
  send(ws, data);
}

export function onClose(ws: WebSocket, code: number): void {
  price({ item: "c", count: code });
}

export function handler(req: Request): Response {
  if (req.path === "/nothing") return [].pop() as any;
  price({ item: "d", count: 4 });
  return Response.text("never");
}
"#;

static RECURSION: LazyLock<PathBuf> = LazyLock::new(|| {
    programs::compile(
        r#"
import { send } from "zigttp:websocket";

const nested = (depth: number): any => {
  let value: any = [];
  for (let level = 0; level < depth; level++) value = [value];
  return value;
};

const recurse = (...values: any[]): any => 1 + recurse(...values, 1);
const toJSON = (): any => JSON.stringify({ toJSON });
class Deep { get more(): any { return new Deep().more; } }
class Loop { constructor() { return new Loop(); } }
const text = { toString: (): string => `${text}` };
const proxy: any = new Proxy({}, { get: (_target, key) => proxy[key] });
const sort = (): any => [2, 1].sort(() => sort());
const map = (): any => [1].map(map);
const replace = (): any => "a".replace("a", replace);
const reduce = (): any => [1, 2].reduce(reduce as any);
function* generate(): any { yield* generate(); }
const iterate = (): any => [...generate()];
const bound = (): any => bound.bind(null)();
const apply = (): any => Reflect.apply(apply, null, []);
const revive = (): any => JSON.parse("[1]", revive);

const WAYS: Record<string, () => unknown> = {
  recurse, sort, map, replace, reduce, iterate, bound, apply, revive, toJSON,
  toJSON,
  getter: () => new Deep().more,
  constructor: () => new Loop(),
  toString: () => String(text),
  proxy: () => proxy.x,
  parse: () => JSON.parse("[".repeat(100000)),
  flat: () => nested(20000).flat(Infinity),
  join: () => String(nested(20000)),
  clone: () => structuredClone(nested(20000)),
  inspect: () => { console.log(nested(20000)); throw new RangeError("is cut"); },
  regexp: () => new RegExp("(".repeat(100000) + ")".repeat(100000)),
  function: () => new Function("(".repeat(100000)),
};

export function onMessage(ws: WebSocket, data: string) {
  const depth = (frames: number, ...rest: unknown[]): number =>
    frames === 1 ? 1 : 1 + depth(frames - 1, ...rest);
  if (data.startsWith("depth ")) return void send(ws, String(depth(Number(data.slice(6)))));
  let answer;
  try {
    WAYS[data]();
    answer = "nothing was thrown";
  } catch (error) {
    answer = error instanceof Error ? "caught" : `threw ${error}`;
  }
  // The rest of the event runs as usual.
  send(ws, `${answer} ${depth(100)}`);
}
"#,
    )
});

/// Long enough for a deep recursion on a slow machine.
const LONG: [&str; 2] = ["--cpu-limit", "20s"];

/// `line:column` of a text in a source, counted from 1.
fn position(source: &str, text: &str) -> String {
    let start = source.find(text).unwrap_or_else(|| panic!("{text:?} is in the source"));
    let line_start = source[..start].rfind('\n').map_or(0, |end| end + 1);
    let line = source[..start].matches('\n').count() + 1;
    format!("{line}:{}", source[line_start..start].chars().count() + 1)
}

/// The lines that a failure's stack has for `price`, whatever called it.
fn stack_of_price(caller: &str, call: &str) -> String {
    format!(
        "    at missing (handler.ts:{})\n    at price (handler.ts:{})\n    at {caller} (handler.ts:{})",
        position(POSITIONS, "RangeError("),
        position(POSITIONS, "missing<string>("),
        position(POSITIONS, call),
    )
}

#[tokio::test]
async fn a_throw_logs_message_and_stack_with_typescript_positions_and_keeps_the_connection() {
    let server = Server::of(POSITIONS);
    let mut client = server.connect("/").await;
    client.send("fail").await;
    let log = server.wait_for_log(&stack_of_price("onMessage", "price({ item: \"b\""));
    assert!(log.contains("RangeError: no price\n"), "{log}");
    assert_eq!(client.ask("still here").await, "still here");
}

#[tokio::test]
async fn a_throw_in_every_event_is_logged_with_its_event_and_connection() {
    let server = Server::of(POSITIONS);
    let mut client = server.connect("/open").await;
    let log = server.wait_for_log(&stack_of_price("onOpen", "price({ item: \"a\""));
    assert!(log.contains("event=\"open\""), "{log}");
    assert!(log.contains("conn=1"), "{log}");
    assert!(log.contains("room=/open"), "{log}");
    assert_eq!(client.ask("still here").await, "still here");
    client.close(1000, "").await;
    let log = server.wait_for_log(&stack_of_price("onClose", "price({ item: \"c\""));
    assert!(log.contains("event=\"close\""), "{log}");

    assert_eq!(server.get("/"), (500, "internal server error\n".to_owned()));
    let log = server.wait_for_log(&stack_of_price("handler", "price({ item: \"d\""));
    assert!(log.contains("event=\"request\""), "{log}");
}

#[tokio::test]
async fn a_call_is_shown_where_its_callee_stands_whatever_its_arguments_are() {
    let source = r#"import { send } from "zigttp:websocket";
const fail = (...what: unknown[]): never => {
  throw new RangeError("no price for " + what);
};
export function onMessage(ws: WebSocket, data: string) {
  const amount: number = data.length;
  const shop = { fail };
  if (amount === 1) fail(
    amount,
  );
  if (amount === 2) shop.fail(
    ...[
      amount],
  );
  send(ws, data);
}
"#;
    let server = Server::of(source);
    let mut client = server.connect("/").await;
    for (data, call) in [("a", "fail(\n    amount"), ("ab", "fail(\n    ...")] {
        client.send(data).await;
        server.wait_for_log(&format!(
            "RangeError: no price for {}\n    at fail (handler.ts:{})\n    at onMessage (handler.ts:{})",
            data.len(),
            position(source, "RangeError("),
            position(source, call),
        ));
    }
}

#[test]
fn a_handler_that_returns_no_response_is_told_so() {
    let server = Server::of(POSITIONS);
    assert_eq!(server.get("/nothing").0, 500);
    server.wait_for_log("TypeError: handler must return a Response, not undefined");
}

/// Ways to fail, and what the log says about each.
const FAILURES: [(&str, &[&str]); 12] = [
    ("error", &["TypeError: ", "at error (failures.ts:"]),
    ("string", &["Uncaught \"just text\""]),
    ("object", &["Uncaught { code: 5 }"]),
    ("cause", &["Error: outer\n", "caused by: TypeError: inner\n", "at cause (failures.ts:"]),
    ("hostile", &["an error that cannot be described was thrown"]),
    ("rejected", &["RangeError: late\n", "at rejected (failures.ts:"]),
    ("floating", &["Error: nobody waits\n", "at floating (failures.ts:"]),
    ("listener", &["Error: in a listener\n", "at listener (failures.ts:"]),
    ("microtask", &["Error: in a job\n"]),
    ("pending", &["promise"]),
    ("recursion", &["RangeError: ", "at recursion (failures.ts:"]),
    ("nesting", &["at nesting (failures.ts:"]),
];

fn failures(arguments: &[&str]) -> Server {
    Server::start(&programs::compile_file("tests/fixtures/handlers/failures.ts"), arguments)
}

#[tokio::test]
async fn whatever_is_thrown_is_logged_and_sends_nothing_and_keeps_the_connection() {
    let server = failures(&LONG);
    let mut client = server.connect("/").await;
    for (way, messages) in FAILURES {
        let before = server.log().len();
        client.send(way).await;
        assert_eq!(client.ask("ok").await, "ok", "after {way}");
        server.wait_for_log_after(before, messages);
    }
}

#[tokio::test]
async fn what_is_handled_by_the_end_of_an_event_is_no_failure() {
    let server = failures(&LONG);
    let mut client = server.connect("/").await;
    for way in ["handled", "garbage", "ok"] {
        assert_eq!(client.ask(way).await, way);
    }
    assert!(!server.log().contains("ERROR"), "{}", server.log());
}

#[tokio::test]
async fn budgets_that_are_exceeded_close_with_1011() {
    for (way, message, arguments) in [
        ("endless", "the event used up its CPU time", &[][..]),
        ("memory", "the event used up its memory", &LONG),
        ("caught_memory", "the event used up its memory", &LONG),
    ] {
        let server = failures(arguments);
        let mut client = server.connect("/").await;
        client.send(way).await;
        assert_eq!(client.closed().await.0, 1011, "{way}");
        server.wait_for_log(message);
    }
}

async fn recursion() -> (Server, Client) {
    let server = Server::start(&RECURSION, &LONG);
    let client = server.connect("/").await;
    (server, client)
}

#[tokio::test]
async fn runaway_recursion_is_an_error_the_handler_can_catch() {
    let (server, mut client) = recursion().await;
    for way in [
        "recurse",
        "sort",
        "map",
        "replace",
        "reduce",
        "iterate",
        "bound",
        "apply",
        "revive",
        "toJSON",
        "getter",
        "constructor",
        "toString",
        "proxy",
        "parse",
        "flat",
        "join",
        "clone",
        "inspect",
        "regexp",
        "function",
    ] {
        client.send(way).await;
        match client.next().await.into_text() {
            Ok(answer) if answer.as_str() == "caught 100" => {}
            answer => panic!("{way}: {answer:?}\n{}", server.log()),
        }
    }
}

#[tokio::test]
async fn a_thousand_frames_deep_is_fine() {
    let (_server, mut client) = recursion().await;
    assert_eq!(client.ask("depth 500").await, "500");
    assert_eq!(client.ask("depth 1000").await, "1000");
}
