//! A disk that is full or broken: events that store fail whole, reads go on, operators are told, and all is well
//! again when the disk is.

use std::net::SocketAddr;
use std::time::Duration;

use rustix::io::Errno;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::power_loss::{at_random, mount};
use super::whole::{HANDLER, last_event, number_of, settled};
use super::{call, run};
use crate::support::client::Client;
use crate::support::durable::{DISTRIBUTOR, Durable, id_of, kills};
use crate::support::server::Server;
use crate::support::{admin, eventually};

/// Waits until `/readyz` says so; returns its line.
fn wait_for_readiness(address: SocketAddr, is_ready: bool) -> String {
    let mut last = String::new();
    eventually("the readiness", || {
        let (status, line) = admin::get(address, "/readyz");
        last = line;
        (status == 200) == is_ready
    });
    assert_eq!(last.lines().count(), 1, "{last}");
    last
}

/// Two members of one room.
struct Members {
    first: Client,
    second: Client,
    ids: [String; 2],
}

impl Members {
    async fn join(server: &Server) -> Members {
        let (mut first, mut second) =
            (server.connect("/room").await, server.connect("/room").await);
        let mut ids = Vec::new();
        for member in [&mut first, &mut second] {
            let state: serde_json::Value =
                serde_json::from_str(&member.ask("?").await).expect("JSON");
            ids.push(state["id"].as_str().expect("an id").to_owned());
        }
        Members { first, second, ids: ids.try_into().expect("two") }
    }

    /// Has an event run. Returns its number if it was confirmed; if not, its connection was closed with 1011.
    async fn try_next(&mut self) -> Option<u64> {
        self.first.send("next").await;
        match self.first.next().await {
            Message::Text(n) => Some(n.parse().expect("a number")),
            Message::Close(frame) => {
                assert_eq!(u16::from(frame.expect("a code").code), 1011);
                None
            }
            other => panic!("expected a number or the end, got {other:?}"),
        }
    }
}

/// Lets the n-th change of an event fail, with all after it: for each n if `ZIGTTP_KILLS` is set, else for some.
async fn fail_each_change(error: Errno, fsync: &str) {
    let is_whole = kills().1 == Duration::MAX;
    let durable = Durable::of(HANDLER);
    let Some(disk) = mount(&durable, 1) else { return };
    let (server, admin) = admin::start_durable(&durable, &["--fsync", fsync]);
    let mut members = Members::join(&server).await;
    let mut n = members.try_next().await.expect("the disk is well");
    let mut after = 1;
    let mut failures = 0;
    loop {
        disk.fail_writes(after, error);
        let confirmed = members.try_next().await;
        let expected = confirmed.unwrap_or(n);
        assert!(confirmed.is_none_or(|confirmed| confirmed == n + 1));
        // Reads go on, of what is in memory.
        assert_eq!(last_event(&mut members.second).await.0, expected, "{error}, change {after}");
        if confirmed.is_none() {
            failures += 1;
            let (status, line) = admin::get(admin, "/readyz");
            assert_eq!(status, 503, "{line}");
            assert!(line.starts_with("the store cannot be written: "), "{line}");
            assert_eq!(line.lines().count(), 1, "{line}");
            assert_eq!(admin::scrape(admin)["zigttp_store_failing"], 1.0);
        }
        let failed = disk.heal();
        n = expected;
        if is_whole || at_random(4) == 0 {
            // No event tells the server that the disk is well.
            assert_eq!(wait_for_readiness(admin, true), "ready\n");
            assert_eq!(admin::scrape(admin)["zigttp_store_failing"], 0.0);
        }
        if confirmed.is_none() {
            // The closed member has left with what it had.
            members = Members::join(&server).await;
            n = members.try_next().await.expect("the disk is well");
            assert_eq!(n, expected + 1);
        }
        assert_eq!(settled(&mut members.second).await, n, "{error}, change {after}");
        if failed == 0 {
            break;
        }
        after += if is_whole { 1 } else { 1 + at_random(2) };
    }
    assert!(failures > 0, "no event has failed");
    wait_for_readiness(admin, true);
    assert!(admin::scrape(admin)["zigttp_state_failures_total{module=\"storage\"}"] > 0.0);
    server.wait_for_log("the store cannot be written: ");
    server.wait_for_log("can be written again");
    server.kill();
    if fsync == "always" {
        disk.cut_power();
    }
    let server = durable.serve(&[]);
    let mut client = server.connect("/room").await;
    assert_eq!(settled(&mut client).await, n);
    for id in &members.ids {
        assert_eq!(durable.find_value(id).map(|value| number_of(&value)), Some(n));
    }
}

#[tokio::test]
async fn on_a_full_disk_an_event_fails_whole_at_each_write_and_the_server_recovers_by_itself() {
    fail_each_change(Errno::NOSPC, "never").await;
}

#[tokio::test]
async fn on_a_broken_disk_an_event_fails_whole_at_each_write_and_the_server_recovers_by_itself() {
    fail_each_change(Errno::IO, "always").await;
}

/// Its file is written without the database.
#[tokio::test]
async fn on_a_broken_disk_an_attachment_is_as_before_at_each_write_that_fails() {
    let durable = Durable::of(DISTRIBUTOR);
    let Some(disk) = mount(&durable, 1) else { return };
    let (server, admin) = admin::start_durable(&durable, &["--fsync", "always"]);
    let mut client = server.connect("/").await;
    let id = id_of(&mut client).await;
    assert_eq!(client.ask("0").await, "kept");
    let mut stored = "0".to_owned();
    for after in 1.. {
        let mut writer = server.connect("/writer").await;
        disk.fail_writes(after, Errno::IO);
        writer.send(format!("{id} {after}")).await;
        match writer.next().await {
            Message::Text(_kept) => stored = after.to_string(),
            Message::Close(_) => {
                let line = wait_for_readiness(admin, false);
                let why = "the attachments in `ws`: Input/output error (os error 5)";
                assert_eq!(line, format!("the store cannot be written: {why}\n"));
            }
            other => panic!("expected a text or the end, got {other:?}"),
        }
        let failed = disk.heal();
        assert_eq!(client.ask("?").await, format!("{id} {stored}"), "change {after}");
        if failed == 0 {
            assert_eq!(stored, after.to_string());
            break;
        }
        wait_for_readiness(admin, true);
        assert_eq!(durable.value(&id), stored, "change {after}");
    }
    // The server tries each second whether it can write again.
    eventually("no temporary file is left", || durable.temporaries().is_empty());
}

/// Stores what a request brings, and returns what is stored.
const COUNTER: &str = r#"
import * as storage from "zigttp:storage";
export const routes = ["/:room"];
export function onRequest(req: Request, room: string) {
  if (req.method === "POST") storage.put(room, "n", (storage.get<number>(room, "n") ?? 0) + 1);
  return new Response(String(storage.get(room, "n")));
}
"#;

fn post(server: &Server, path: &str) -> (String, String) {
    let (head, body) = server.request(&format!(
        "POST {path} HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    ));
    (head.split(' ').nth(1).expect("a status").to_owned(), body)
}

#[test]
fn on_a_broken_disk_a_request_that_stores_gets_500_and_rooms_are_read_from_the_disk() {
    let durable = Durable::of(COUNTER);
    let Some(disk) = mount(&durable, 1) else { return };
    let server = durable.serve(&[]);
    for room in ["/a", "/b"] {
        assert_eq!(post(&server, room), ("200".to_owned(), "1".to_owned()));
    }
    server.signal("TERM");
    assert!(server.wait().success());

    let (server, admin) = admin::start_durable(&durable, &[]);
    disk.fail_writes(1, Errno::IO);
    assert_eq!(post(&server, "/a").0, "500");
    assert_eq!(server.get("/a"), (200, "1".to_owned()));
    assert_eq!(server.get("/b"), (200, "1".to_owned()), "it is read from the disk");
    let line = wait_for_readiness(admin, false);
    assert_eq!(line, "the store cannot be written: `store/state.db`: disk I/O error\n");
    disk.heal();
    wait_for_readiness(admin, true);
    assert_eq!(post(&server, "/a"), ("200".to_owned(), "2".to_owned()));
}

#[test]
fn a_server_does_not_start_on_a_disk_that_takes_nothing_and_says_why() {
    let durable = Durable::of(COUNTER);
    let Some(disk) = mount(&durable, 1) else { return };
    for (error, why) in
        [(Errno::NOSPC, "No space left on device"), (Errno::IO, "Input/output error")]
    {
        disk.fail_writes(1, error);
        let text = durable.refused();
        assert_eq!(text.trim().lines().count(), 1, "{text}");
        assert!(text.contains(why), "{text}");
        disk.heal();
    }
    durable.serve(&[]);
}

fn put(key: &str, bytes: usize) -> serde_json::Value {
    json!([call("put", &[key.into(), "x".repeat(bytes).into()])])
}

/// Has an event run that cannot be stored; returns the reason in the log.
async fn refused(server: &Server, calls: serde_json::Value) -> String {
    let mut client = server.connect("/room/a").await;
    let start = server.log().len();
    client.send(json!({ "calls": calls }).to_string()).await;
    assert_eq!(client.closed().await.0, 1011);
    let log = server.wait_for_log_after(start, &["event=\"message\""]);
    log[start..].lines().find(|line| line.contains("event=")).expect("it was awaited").to_owned()
}

#[tokio::test]
async fn below_store_min_free_events_that_store_fail_deletions_go_on_and_readiness_comes_back() {
    let durable = Durable::of(include_str!("../../fixtures/handlers/state.ts"));
    let Some(disk) = mount(&durable, 1) else { return };
    let (server, admin) = admin::start_durable(&durable, &["--store-min-free", "10MiB"]);
    let mut client = server.connect("/room/a").await;
    run(&mut client, put("old", 1000)).await;
    run(&mut client, put("other", 1000)).await;
    assert_eq!(wait_for_readiness(admin, true), "ready\n");

    drop(server);
    disk.set_free_bytes(1 << 20);
    let (server, admin) = admin::start_durable(&durable, &["--store-min-free", "10MiB"]);
    let line = refused(&server, put("new", 1000)).await;
    let why = "the disk of `store/state.db` has 1048576 bytes left, and must keep 10485760";
    assert!(line.contains(why), "{line}");
    let mut client = server.connect("/room/a").await;
    run(&mut client, json!([call("delete", &["old".into()])])).await;
    let line = wait_for_readiness(admin, false);
    assert_eq!(line, format!("the store cannot be written: {why}\n"));
    assert_eq!(run(&mut client, json!([call("get", &["new".into()])])).await, json!(["undefined"]));

    disk.set_free_bytes(1 << 40);
    wait_for_readiness(admin, true);
    run(&mut client, put("new", 1000)).await;
}

#[tokio::test]
async fn over_store_max_bytes_events_that_store_fail_deletions_go_on_and_readiness_comes_back() {
    let durable = Durable::of(include_str!("../../fixtures/handlers/state.ts"));
    let (server, admin) = admin::start_durable(&durable, &["--store-max-bytes", "1MiB"]);
    let mut client = server.connect("/room/a").await;
    for number in 0..9 {
        run(&mut client, put(&format!("key{number}"), 100_000)).await;
    }
    let line = refused(&server, put("new", 100_000)).await;
    let why = "`store/state.db` may have 1048576 bytes, and has no space for";
    assert!(line.contains(why), "{line}");
    let line = wait_for_readiness(admin, false);
    assert!(line.starts_with(&format!("the store cannot be written: {why}")), "{line}");
    assert_eq!(admin::get(admin, "/readyz").0, 503, "an event that fits does not end it");

    for number in 0..2 {
        run(&mut client, json!([call("delete", &[format!("key{number}").into()])])).await;
    }
    wait_for_readiness(admin, true);
    run(&mut client, put("new", 100_000)).await;
}
