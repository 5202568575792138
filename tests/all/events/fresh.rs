//! Every event begins with the state of the snapshot, and nothing of an earlier event.

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::programs;
use crate::support::server::Server;

static HANDLER: LazyLock<PathBuf> = LazyLock::new(|| {
    programs::compile(
        r#"
// zigts-ignore-file ZTS310, ZTS331: the test looks for what events leave behind
import { send } from "zigttp:websocket";

let count = 0;
const seen = new Map<string, number>();
const built = Date.now();
const builtPerformance = performance.now();
const builtRandom = Math.random();

class Counter {
  static made = 0;
  #own = ++Counter.made;
  get own() { return this.#own; }
}

// Everything that could remember something: each is 1 every time if nothing does.
function tally() {
  count++;
  seen.set("events", (seen.get("events") ?? 0) + 1);
  const global = globalThis as any;
  global.events = (global.events ?? 0) + 1;
  (Array.prototype as any).events = ((Array.prototype as any).events ?? 0) + 1;
  (send as any).events = ((send as any).events ?? 0) + 1;
  const pattern = /e/g;
  pattern.lastIndex = 1;
  return [
    count, seen.get("events"), global.events, ([] as any).events, (send as any).events,
    new Counter().own,
  ].join();
}

export async function onMessage(ws: WebSocket, data: string) {
  const numbers = tally();
  switch (data) {
    case "tally": return void send(ws, numbers);
    case "throw": throw new Error("after counting");
    case "spin": for (;;);
    case "large": {
      const values = Array.from({ length: 100000 }, (_, index) => ({ index }));
      return void send(ws, String(values.length));
    }
    case "break": {
      // What later events need has to be free again.
      const global = globalThis as any;
      delete global.JSON;
      global.Map = undefined;
      Array.prototype.map = () => { throw new Error("broken"); };
      Object.freeze(Object.prototype);
      return void send(ws, typeof global.JSON);
    }
    case "whole": return void send(ws, JSON.stringify([...new Map([[1, 2]])].map(([key]) => key)));
    case "random": return void send(ws, [Math.random(), Math.random(), crypto.randomUUID()].join());
    case "constants": return void send(ws, [built, builtRandom].join());
    case "now": return void send(ws, String(Date.now()));
    case "clock": {
      const times = [Date.now(), performance.now(), new Date().getTime()];
      for (let left = 200_000; left > 0; left--);
      times.push(Date.now(), performance.now());
      return void send(ws, `${new Set(times).size} ${built} ${builtPerformance}`);
    }
    case "utc": {
      const date = new Date(2024, 0, 1, 12);
      return void send(ws, `${date.toISOString()} ${date.getTimezoneOffset()}`);
    }
    case "absent": {
      const global = globalThis as any;
      return void send(
        ws,
        ["setImmediate", "require", "XMLHttpRequest", "Deno", "Buffer", "std"]
          .filter((name) => name in global).join() || "none",
      );
    }
    case "timer": {
      setTimeout(() => send(ws, "it has fired"), 0);
      return void send(ws, "set");
    }
    case "console":
      console.debug("finest");
      console.log("plain %s %d", "text", 5, { a: [1] });
      console.info("informed");
      console.warn("warned");
      console.error("failed", new TypeError("of its kind").message);
      console.log("two\nlines, \u001b[31mred");
      return void send(ws, String(ws));
  }
}
"#,
    )
});

#[tokio::test]
async fn a_handler_that_counts_in_module_variables_sees_1_on_every_message() {
    const ONES: &str = "1,1,1,1,1,1";
    let server = Server::start(&HANDLER, &[]);
    let mut client = server.connect("/").await;
    let mut other = server.connect("/other").await;
    for _ in 0..20 {
        assert_eq!(client.ask("tally").await, ONES);
        assert_eq!(other.ask("tally").await, ONES);
    }
    client.send("throw").await;
    assert_eq!(client.ask("tally").await, ONES);
    client.send("spin").await;
    assert_eq!(client.closed().await.0, 1011);
    assert_eq!(other.ask("tally").await, ONES);
}

#[tokio::test]
async fn what_an_event_breaks_is_whole_in_the_next() {
    let server = Server::start(&HANDLER, &["--cpu-limit", "20s"]);
    let mut client = server.connect("/").await;
    for _ in 0..3 {
        assert_eq!(client.ask("break").await, "undefined");
        assert_eq!(client.ask("whole").await, "[1]");
        // More memory than the snapshot has.
        assert_eq!(client.ask("large").await, "100000");
        assert_eq!(client.ask("tally").await, "1,1,1,1,1,1");
    }
}

#[tokio::test]
async fn random_numbers_differ_within_an_event_and_between_events() {
    let server = Server::start(&HANDLER, &[]);
    let mut client = server.connect("/").await;
    let mut numbers = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let answer = client.ask("random").await;
        for number in answer.split(',').take(2) {
            assert!((0.0..1.0).contains(&number.parse().expect("a number")), "{answer}");
        }
        numbers.extend(answer.split(',').map(str::to_owned));
    }
    assert_eq!(numbers.len(), 60, "{numbers:?}");
}

#[tokio::test]
async fn constants_of_the_top_level_are_the_snapshots() {
    let server = Server::start(&HANDLER, &[]);
    let mut client = server.connect("/").await;
    let constants = client.ask("constants").await;
    assert_eq!(client.ask("constants").await, constants);
}

fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis()
}

#[tokio::test]
async fn the_time_of_an_event_is_that_at_which_it_began_and_stands_still() {
    let server = Server::start(&HANDLER, &[]);
    let mut client = server.connect("/").await;
    for _ in 0..5 {
        let before = now();
        let told: u128 = client.ask("now").await.parse().expect("a number of milliseconds");
        assert!((before..=now()).contains(&told), "{told} after {before}");
    }
    assert_eq!(client.ask("clock").await, "1 0 0", "at the top level both are 0");
}

#[tokio::test]
async fn dates_are_utc_wherever_the_host_is() {
    // The programs run with the time zone of New York.
    let server = Server::start(&HANDLER, &[]);
    let mut client = server.connect("/").await;
    assert_eq!(client.ask("utc").await, "2024-01-01T12:00:00.000Z 0");
}

#[tokio::test]
async fn there_is_nothing_of_the_host() {
    let server = Server::start(&HANDLER, &[]);
    let mut client = server.connect("/").await;
    assert_eq!(client.ask("absent").await, "none");
}

#[tokio::test]
async fn a_timer_that_nobody_waits_for_never_fires_and_a_line_says_so() {
    let server = Server::start(&HANDLER, &[]);
    let mut client = server.connect("/").await;
    assert_eq!(client.ask("timer").await, "set");
    assert_eq!(client.ask("absent").await, "none");
    let log = server.wait_for_log("signalAt");
    assert_eq!(log.matches("signalAt").count(), 1, "{log}");
}

#[tokio::test]
async fn console_lines_reach_the_log_with_level_and_connection() {
    // Without the lines of an event that is under way, which are told before if the machine is busy.
    let server = Server::start_with(
        &HANDLER,
        &[],
        &[("RUST_LOG", "info,handler=debug,handler_under_way=off")],
    );
    let mut client = server.connect("/").await;
    let id = client.ask("console").await;
    let log = server.wait_for_log("lines, ");
    for (level, text) in [
        ("DEBUG", "finest"),
        ("INFO", "plain text 5 { a: [ 1 ] }"),
        ("INFO", "informed"),
        ("WARN", "warned"),
        ("ERROR", "failed of its kind"),
    ] {
        let line = log.lines().find(|line| line.contains(text));
        let line = line.unwrap_or_else(|| panic!("{text:?} is not in\n{log}"));
        assert!(line.contains(&format!(" {level} ")), "{line}");
        assert!(line.contains(&format!("conn={id} ")), "{line}");
    }
    assert!(!log.contains('\u{1b}'), "control characters are escaped: {log}");
}
