//! Schedules: signals that nobody has to send, at the times of a cron expression in UTC.

use std::process::Command;

use serde_json::Value;

use crate::support::durable::Durable;
use crate::support::server::Server;
use crate::support::{eventually, programs, skipped};

const HANDLER: &str = r#"
import * as storage from "zigttp:storage";

export const schedules = [{ cron: "0 9 * * *", room: "/auction", name: "open" }];

export function onSignal(room: string, name: string, data: unknown, info: SignalInfo) {
  const at = new Date(info.scheduledTime).toISOString();
  console.log(`ran ${JSON.stringify({ ...info, room, name, at, data: typeof data })}`);
  if (info.attempt === 1 && storage.get(room, "throws") === true) throw new Error("on purpose");
  storage.put(room, "runs", (storage.get<number>(room, "runs") ?? 0) + 1);
}

export function handler(req: Request) {
  return Response.text(String(storage.get("/auction", "runs")));
}
"#;

/// A command that lets its program see another time, which goes on from there. `None` where there is none.
fn at(time: &str) -> Option<Command> {
    if Command::new("faketime").arg("--version").output().is_err() {
        skipped("there is no faketime to set a server's clock");
        return None;
    }
    let mut faketime = Command::new("faketime");
    // What lasts for a while lasts as long as ever.
    faketime.args(["-f", &format!("@{time}")]);
    faketime.envs([
        ("TZ", "UTC"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ("DONT_FAKE_MONOTONIC", "1"),
    ]);
    Some(faketime)
}

/// What the run of this number has been told.
fn run(server: &Server, number: usize) -> Value {
    let log = server.wait_for_log_count("ran {", number);
    let line = log.lines().filter_map(|line| line.split_once("ran ")).nth(number - 1);
    let (_, told) = line.expect("it has been logged");
    let end = told.rfind('}').expect("it is an object");
    serde_json::from_str(&told[..=end].replace("\\\"", "\"")).expect("it is JSON")
}

fn runs(server: &Server) -> String {
    server.get("/").1
}

#[test]
fn a_schedule_runs_at_its_time_and_never_before() {
    let Some(mut clock) = at("2026-12-01 08:59:58") else { return };
    let server = Server::start_under(&mut clock, &programs::compile(HANDLER), &[]);
    let told = run(&server, 1);
    for (name, expected) in [
        ("at", Value::from("2026-12-01T09:00:00.000Z")),
        ("kind", "timer".into()),
        ("room", "/auction".into()),
        ("name", "open".into()),
        ("data", "undefined".into()),
        ("attempt", 1.into()),
        ("missed", 0.into()),
    ] {
        assert_eq!(told[name], expected, "{told}");
    }
    assert_eq!(told.get("from"), None, "{told}");
    eventually("it is committed", || runs(&server) == "1");
}

#[test]
fn what_was_missed_while_the_server_was_down_runs_once_and_says_how_many() {
    let durable = Durable::of(HANDLER);
    let Some(mut clock) = at("2026-12-01 08:00:00") else { return };
    durable.serve_under(&mut clock, &[]).kill();
    // The runs of the 1st, 2nd and 3rd are missed.
    let server = durable.serve_under(&mut at("2026-12-03 20:00:00").expect("there is one"), &[]);
    let told = run(&server, 1);
    assert_eq!((&told["at"], &told["missed"]), (&"2026-12-01T09:00:00.000Z".into(), &2.into()));
    eventually("it is committed", || runs(&server) == "1");
    server.kill();
    // It ran, and a kill does not run it again; the next is on time.
    let server = durable.serve_under(&mut at("2026-12-04 08:59:58").expect("there is one"), &[]);
    let told = run(&server, 1);
    assert_eq!((&told["at"], &told["missed"]), (&"2026-12-04T09:00:00.000Z".into(), &0.into()));
    eventually("it is committed", || runs(&server) == "2");
}

#[test]
fn a_new_handler_s_schedules_take_over_from_now_on() {
    let durable = Durable::of(HANDLER);
    let Some(mut clock) = at("2026-12-01 08:00:00") else { return };
    durable.serve_under(&mut clock, &[]).kill();
    // It has none: what was planned is gone.
    let without = HANDLER.replace("export const schedules", "const unused");
    let without =
        durable.with_handler(&without.replace("console.log", "console.log(unused),console.log"));
    without.serve_under(&mut at("2026-12-02 08:00:00").expect("there is one"), &[]).kill();
    // Of times before a schedule was there none is missed.
    let other = without.with_handler(&HANDLER.replace("0 9 * * *", "30 9 * * *"));
    let server = other.serve_under(&mut at("2026-12-03 09:29:58").expect("there is one"), &[]);
    let told = run(&server, 1);
    assert_eq!((&told["at"], &told["missed"]), (&"2026-12-03T09:30:00.000Z".into(), &0.into()));
    eventually("it is committed", || runs(&server) == "1");
}

#[test]
fn a_run_that_fails_is_tried_again_as_other_signals_are() {
    let durable = Durable::of(HANDLER);
    let (code, text) = durable.storage(&["put", "/auction", "throws", "true"]);
    assert_eq!(code, 0, "{text}");
    let Some(mut clock) = at("2026-12-01 08:59:58") else { return };
    let server = durable.serve_under(&mut clock, &[]);
    let (first, second) = (run(&server, 1), run(&server, 2));
    assert_eq!((&first["attempt"], &second["attempt"]), (&1.into(), &2.into()));
    assert_eq!((&first["id"], &first["at"]), (&second["id"], &second["at"]));
    eventually("it is committed", || runs(&server) == "1");
}

/// A schedule is the handler's, whatever its events do.
#[test]
fn no_event_can_see_or_cancel_a_schedule() {
    let source = HANDLER.replace("import * as storage", "import { cancelSignal, signalAt, signalTime } from \"zigttp:durable\";\nimport * as storage").replace(
        "  storage.put(room, \"runs\"",
        "  console.log(`timers ${signalTime(room, name)} ${cancelSignal(room, name)}`);\n  \
         signalAt(room, name, Date.now() + 600_000);\n  storage.deleteAll(room);\n  storage.put(room, \"runs\"",
    );
    let durable = Durable::of(&source);
    let Some(mut clock) = at("2026-12-01 08:59:58") else { return };
    let server = durable.serve_under(&mut clock, &[]);
    server.wait_for_log("timers undefined false");
    eventually("it is committed", || runs(&server) == "1");
    server.kill();
    let mut next = at("2026-12-02 08:59:58").expect("there is one");
    let server = durable.serve_under(&mut next, &[]);
    // The timer of that name is overdue, and runs beside the schedule.
    let times = [run(&server, 1), run(&server, 2)].map(|told| told["at"].clone());
    assert!(times.contains(&"2026-12-02T09:00:00.000Z".into()), "{times:?}");
}
