//! Schedules: signals that nobody has to send, at the times of a cron expression in UTC.

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

/// The environment of a server whose calendar shows this hour of December 2026, in UTC, when it starts. `None` where
/// there is no libfaketime.
fn at(day: u32, hour: f64) -> Option<[(&'static str, String); 4]> {
    let Some(library) = library() else {
        skipped("there is no libfaketime to set a server's clock");
        return None;
    };
    /// The first of December 2026 begins.
    const DECEMBER: f64 = 1_796_083_200.0;
    let time = DECEMBER + f64::from(day - 1) * 86_400.0 + hour * 3600.0;
    Some([
        ("LD_PRELOAD", library),
        ("FAKETIME", format!("@{time:.0}")),
        ("FAKETIME_FMT", "%s".to_owned()),
        // What lasts for a while lasts as long as ever.
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
    ])
}

fn library() -> Option<String> {
    let folders = std::fs::read_dir("/usr/lib").ok()?.flatten();
    let libraries = folders.map(|folder| folder.path().join("faketime/libfaketime.so.1"));
    libraries.into_iter().find(|library| library.exists())?.to_str().map(str::to_owned)
}

/// Shortly after nine.
const AFTER_NINE: f64 = 9.1;

/// Serves with another clock.
fn serve(durable: &Durable, day: u32, hour: f64) -> Option<Server> {
    let variables = at(day, hour)?;
    let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
    Some(durable.serve_with(&[], &variables))
}

/// What the run of this number has been told.
fn run(server: &Server, number: usize) -> Value {
    let log = server.wait_for_log_count("ran {", number);
    let line = log.lines().filter_map(|line| line.split_once("ran ")).nth(number - 1);
    let (_, told) = line.expect("it has been logged");
    let end = told.rfind('}').expect("it is an object");
    serde_json::from_str(&told[..=end].replace("\\\"", "\"")).expect("it is JSON")
}

/// Waits until a run is stored, or none is.
fn is_planned(durable: &Durable, is_there: bool) {
    eventually("it is planned", || {
        durable.storage(&["signals"]).1.contains("schedule") == is_there
    });
}

fn runs(server: &Server) -> String {
    server.get("/").1
}

#[test]
fn a_schedule_runs_at_its_time_and_never_before() {
    // A third of a minute is left for the start.
    let Some(clock) = at(1, 8.0 + 40.0 / 3600.0) else { return };
    let clock = clock.each_ref().map(|(name, value)| (*name, value.as_str()));
    let server = Server::start_with(
        &programs::compile(&HANDLER.replace("0 9 * * *", "* * * * *")),
        &[],
        &clock,
    );
    let told = run(&server, 1);
    for (name, expected) in [
        ("kind", Value::from("timer")),
        ("room", "/auction".into()),
        ("name", "open".into()),
        ("data", "undefined".into()),
        ("attempt", 1.into()),
        ("missed", 0.into()),
    ] {
        assert_eq!(told[name], expected, "{told}");
    }
    assert_eq!(told.get("from"), None, "{told}");
    let at = told["at"].as_str().expect("a text");
    assert!(at.starts_with("2026-12-01T08:0") && at.ends_with(":00.000Z"), "{at}");
    // The line of the log has the time at which it ran.
    let log = server.wait_for_log("ran {");
    let line = log.lines().find(|line| line.contains("ran {")).expect("it is logged");
    let (seconds, fraction) = line.split_once('.').expect("a time comes first");
    assert_eq!(seconds, &at[..19], "not before, and within a second: {fraction}");
    eventually("it is committed", || runs(&server) == "1");
}

#[test]
fn what_was_missed_while_the_server_was_down_runs_once_and_says_how_many() {
    let durable = Durable::of(HANDLER);
    let Some(server) = serve(&durable, 1, 8.0) else { return };
    is_planned(&durable, true);
    server.kill();
    // The runs of the 1st, 2nd and 3rd are missed.
    let server = serve(&durable, 3, 20.0).expect("there is a library");
    let told = run(&server, 1);
    assert_eq!((&told["at"], &told["missed"]), (&"2026-12-01T09:00:00.000Z".into(), &2.into()));
    eventually("it is committed", || runs(&server) == "1");
    server.kill();
    // It ran, and a kill does not run it again; the next is on time.
    let server = serve(&durable, 4, AFTER_NINE).expect("there is a library");
    let told = run(&server, 1);
    assert_eq!((&told["at"], &told["missed"]), (&"2026-12-04T09:00:00.000Z".into(), &0.into()));
    eventually("it is committed", || runs(&server) == "2");
}

#[test]
fn a_new_handler_s_schedules_take_over_from_now_on() {
    let durable = Durable::of(HANDLER);
    let Some(server) = serve(&durable, 1, 8.0) else { return };
    is_planned(&durable, true);
    server.kill();
    // It has none: what was planned is gone.
    let without = HANDLER.replace("export const schedules", "const unused");
    let without =
        durable.with_handler(&without.replace("console.log", "console.log(unused),console.log"));
    let server = serve(&without, 2, 8.0).expect("there is a library");
    is_planned(&without, false);
    server.kill();
    // Of times before a schedule was there none is missed.
    let other = without.with_handler(&HANDLER.replace("0 9 * * *", "30 9 * * *"));
    let server = serve(&other, 3, 8.0).expect("there is a library");
    is_planned(&other, true);
    server.kill();
    let server = serve(&other, 3, 10.0).expect("there is a library");
    let told = run(&server, 1);
    assert_eq!((&told["at"], &told["missed"]), (&"2026-12-03T09:30:00.000Z".into(), &0.into()));
    eventually("it is committed", || runs(&server) == "1");
}

#[test]
fn a_run_that_fails_is_tried_again_as_other_signals_are() {
    let durable = Durable::of(HANDLER);
    let Some(server) = serve(&durable, 1, 8.0) else { return };
    is_planned(&durable, true);
    server.kill();
    let (code, text) = durable.storage(&["put", "/auction", "throws", "true"]);
    assert_eq!(code, 0, "{text}");
    let server = serve(&durable, 1, AFTER_NINE).expect("there is a library");
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
         storage.deleteAll(room);\n  signalAt(room, name, Date.now() + 600_000);\n  storage.put(room, \"runs\"",
    );
    let durable = Durable::of(&source);
    let Some(server) = serve(&durable, 1, 8.0) else { return };
    is_planned(&durable, true);
    server.kill();
    let server = serve(&durable, 1, AFTER_NINE).expect("there is a library");
    server.wait_for_log("timers undefined false");
    eventually("it is committed", || runs(&server) == "1");
    server.kill();
    let server = serve(&durable, 2, AFTER_NINE).expect("there is a library");
    // The timer of that name is overdue, and runs beside the schedule.
    let times = [run(&server, 1), run(&server, 2)].map(|told| told["at"].clone());
    assert!(times.contains(&"2026-12-02T09:00:00.000Z".into()), "{times:?}");
}
