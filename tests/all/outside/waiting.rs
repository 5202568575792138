//! An event that waits holds no turn: it runs again from the start, and commits on the state that is there then.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::LazyLock;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::support::client::Client;
use crate::support::durable::Durable;
use crate::support::origin::{Exchange, Origin};
use crate::support::server::Server;
use crate::support::{admin, eventually, programs};

const SOURCE: &str = include_str!("../../fixtures/handlers/waiting.ts");

static HANDLER: LazyLock<PathBuf> = LazyLock::new(|| programs::compile(SOURCE));

fn serve(arguments: &[&str]) -> Server {
    Server::start(&HANDLER, &[&["--verify-restore", "1"], arguments].concat())
}

/// The same, with an address to ask how many events wait.
fn serve_watched(arguments: &[&str]) -> (Server, SocketAddr) {
    admin::start(&HANDLER, &[&["--verify-restore", "1"], arguments].concat())
}

/// Returns when an event waits.
fn until_one_waits(admin: SocketAddr) {
    eventually("an event waits", || admin::scrape(admin)["zigttp_waiting_events"] > 0.0);
}

async fn say(client: &mut Client, script: Value) {
    client.send(script.to_string()).await;
}

async fn ask(client: &mut Client, script: Value) -> String {
    client.ask(&script.to_string()).await
}

#[tokio::test]
async fn a_timer_is_waited_for_and_later_runs_see_the_same_time_and_random_numbers() {
    let server = serve(&[]);
    let mut client = server.connect("/room/a").await;
    assert_eq!(ask(&mut client, json!(["sleep", 40])).await, "before");
    let told: Value = serde_json::from_str(&client.text().await).expect("JSON");
    // The clock stands still but for a step to the time of the timer.
    assert_eq!(told["stepped"], json!([40, 40]));
    let log = server.wait_for_log("a run");
    let runs: Vec<&str> = log.lines().filter(|line| line.contains("a run")).collect();
    assert_eq!(runs.len(), 1, "only the last run's lines are logged: {runs:?}");
    for seen in told["before"].as_array().expect("a list") {
        // As text: to read a number and to write it again may change its last digit.
        let seen = seen.as_str().expect("text");
        assert!(runs[0].contains(seen), "{seen} is not in {}", runs[0]);
    }
}

#[tokio::test]
async fn a_room_asks_another_which_answers_in_its_turn_with_a_commit_of_its_own() {
    let server = serve(&[]);
    let (mut a, mut b) = (server.connect("/room/a").await, server.connect("/room/b").await);
    let answer = ask(&mut a, json!(["ask", "/room/b?x=1", "hi"])).await;
    assert_eq!(answer, "200 room:/room/b?x=1 1 POST /room/b x=1 hi");
    assert_eq!(b.text().await, "asked hi");
    // Its own, too, whose turn it does not hold.
    say(&mut a, json!(["ask", "/room/a", "self"])).await;
    assert_eq!(a.text().await, "asked self");
    assert_eq!(a.text().await, "200 room:/room/a 1 POST /room/a  self");
    // An event that belongs to no room asks likewise.
    assert_eq!(server.get("/elsewhere"), (200, "1 POST /room/other  /elsewhere".to_owned()));
    let failed = ask(&mut a, json!(["error", "room:/room/b?fail"])).await;
    assert_eq!(failed, "TypeError: fetch: room:/room/b?fail: its onRequest has failed");
}

#[tokio::test]
async fn the_room_goes_on_while_an_event_waits_and_that_commits_on_the_state_they_left() {
    let (server, admin) = serve_watched(&[]);
    let (mut waiter, mut other) =
        (server.connect("/room/a").await, server.connect("/room/a").await);
    say(&mut waiter, json!(["sleep", 2000])).await;
    until_one_waits(admin);
    for n in 1..=1000 {
        assert_eq!(ask(&mut other, json!(["add"])).await, format!("n {n}"));
    }
    // Nothing of the waiting event has happened before the others; on a busy machine a few come after it.
    let mut before = 0;
    loop {
        let told = waiter.text().await;
        if told == "before" {
            break;
        }
        before += 1;
        assert_eq!(told, format!("n {before}"));
    }
    assert!(before > 0);
    let told: Value = serde_json::from_str(&waiter.text().await).expect("JSON");
    assert_eq!((&told["n"], &told["stepped"]), (&json!(before), &json!([2000, 2000])));
}

#[tokio::test]
async fn later_messages_of_a_connection_come_after_its_event_that_waits() {
    let server = serve(&[]);
    let mut client = server.connect("/room/a").await;
    say(&mut client, json!(["ask", "/room/slow", "first"])).await;
    for n in 2..=5 {
        say(&mut client, json!([n])).await;
    }
    // Before its messages: it is answered while the event waits, as long as nothing stands before it.
    assert_eq!(client.text().await, "200 room:/room/slow 1 POST /room/slow  first");
    for n in 2..=5 {
        assert_eq!(client.text().await, format!("[{n}]"));
    }
}

#[tokio::test]
async fn pings_are_answered_while_an_event_waits() {
    let server = serve(&["--ping-interval", "200ms", "--pong-timeout", "1s"]);
    let mut client = server.connect("/room/a").await;
    say(&mut client, json!(["sleep", 2000])).await;
    // The server pings meanwhile, and would drop a client that does not answer.
    assert!(client.pinged().await);
    client.send(Message::Ping("mine".into())).await;
    assert_eq!(client.text().await, "before");
    client.text().await;
    assert_eq!(ask(&mut client, json!(["still there"])).await, "[\"still there\"]");
}

#[tokio::test]
async fn a_started_event_is_finished_though_its_client_goes_and_on_close_comes_after_it() {
    let server = serve(&[]);
    let (mut client, mut other) =
        (server.connect("/room/a").await, server.connect("/room/a").await);
    say(&mut client, json!(["ask", "/room/a", "last words"])).await;
    let frame = CloseFrame { code: CloseCode::from(4001), reason: "wait".into() };
    client.send(Message::Close(Some(frame))).await;
    assert_eq!(other.text().await, "asked last words");
    assert_eq!(other.text().await, "closed 4001 with 1 left");
}

#[tokio::test]
async fn a_connection_whose_on_close_waits_stays_listed_for_others() {
    let server = serve(&[]);
    let (mut client, mut other) =
        (server.connect("/room/a").await, server.connect("/room/a?open").await);
    assert_eq!(other.text().await, "opened 2");
    assert_eq!(client.text().await, "opened 2");
    client.close(4001, "wait").await;
    let third = server.connect("/room/a?open").await;
    assert_eq!(other.text().await, "opened 3");
    assert_eq!(other.text().await, "closed 4001 with 2 left");
    drop(third);
}

#[tokio::test]
async fn one_that_another_event_closes_while_it_waits_is_told_at_once() {
    let (server, admin) = serve_watched(&[]);
    let (mut waiter, mut other) =
        (server.connect("/room/a").await, server.connect("/room/a").await);
    say(&mut waiter, json!(["sleep", 20_000])).await;
    until_one_waits(admin);
    say(&mut other, json!(["close"])).await;
    assert_eq!(waiter.closed().await, (4000, "out".to_owned()));
}

#[tokio::test]
async fn one_that_is_moved_while_it_waits_goes_on_in_its_new_room() {
    let (server, admin) = serve_watched(&[]);
    let (mut waiter, mut other) =
        (server.connect("/room/a").await, server.connect("/room/a").await);
    let mut there = server.connect("/room/b").await;
    assert_eq!(ask(&mut there, json!(["add"])).await, "n 1");
    say(&mut waiter, json!(["sleep", 1500])).await;
    until_one_waits(admin);
    assert_eq!(ask(&mut other, json!(["move", "/room/b"])).await, "moved");
    assert_eq!(waiter.text().await, "before");
    let told: Value = serde_json::from_str(&waiter.text().await).expect("JSON");
    assert_eq!(told["n"], 1, "its last run is an event of the new room");
}

#[tokio::test]
async fn several_answers_are_waited_for_together_and_races_are_decided() {
    let server = serve(&[]);
    let mut client = server.connect("/room/a").await;
    let all = ask(&mut client, json!(["all"])).await;
    // They are made all at once, so they reach the room in any order.
    let bodies: Vec<&str> = all.split(',').filter_map(|answer| answer.rsplit(' ').next()).collect();
    assert_eq!(bodies, ["1", "2", "3"]);
    assert_eq!(ask(&mut client, json!(["race"])).await, "timer");
    let late = ask(&mut client, json!(["error", "late"])).await;
    assert_eq!(late, "TimeoutError: The operation timed out", "0 is a time too");
    let aborted = ask(&mut client, json!(["error", "abort"])).await;
    assert_eq!(aborted, "AbortError: The operation was aborted");
}

#[tokio::test]
async fn after_a_throw_nothing_commits_though_what_was_sent_is_sent() {
    let server = serve(&[]);
    let (mut client, mut other) =
        (server.connect("/room/a").await, server.connect("/room/other").await);
    say(&mut client, json!(["throw"])).await;
    assert_eq!(other.text().await, "asked thrown");
    server.wait_for_log("after the answer");
    assert_eq!(ask(&mut client, json!(["add"])).await, "n 1");
}

#[tokio::test]
async fn a_request_that_nobody_waits_for_is_sent_after_the_commit_and_not_after_a_throw() {
    let server = serve(&[]);
    let (mut client, mut other) =
        (server.connect("/room/a").await, server.connect("/room/other").await);
    say(&mut client, json!(["unawaited", "throw"])).await;
    server.wait_for_log("nothing is sent");
    assert_eq!(ask(&mut client, json!(["unawaited"])).await, "sent");
    assert_eq!(other.text().await, "asked unawaited");
    assert_eq!(ask(&mut other, json!(["add"])).await, "n 1", "it was asked once");
    // One that fails is told in the log, since nobody else hears of it.
    assert_eq!(ask(&mut client, json!(["unawaited", "denied"])).await, "sent");
    let log = server.wait_for_log("nothing waits for its answer");
    assert!(log.contains("--allow-fetch"), "{log}");
}

#[tokio::test]
async fn a_request_whose_body_has_changed_is_made_again_and_logged_with_its_place() {
    let origin = Origin::start().await;
    let server = serve(&[&origin.allowed()]);
    let (mut client, mut other) =
        (server.connect("/room/a").await, server.connect("/room/a").await);
    say(&mut client, json!(["repeat", origin.url("/")])).await;
    let first = origin.next().await;
    assert_eq!(first.body, b"n is undefined");
    assert_eq!(ask(&mut other, json!(["add"])).await, "n 1");
    assert_eq!(client.text().await, "n 1");
    answer(first, "first").await;
    let second = origin.next().await;
    assert_eq!(second.body, b"n is 1");
    answer(second, "second").await;
    assert_eq!(client.text().await, "repeat second");
    let log = server.wait_for_log("was made again");
    let line = format!("fetch: POST {} was made again", origin.url("/"));
    assert!(log.contains(&line), "{log}");
    assert!(log.contains("waiting.ts:") || log.contains("handler.ts:"), "{log}");
    // One with a key is bound to it.
    say(&mut client, json!(["key", origin.url("/")])).await;
    let only = origin.next().await;
    assert_eq!(only.body, b"n is 1");
    assert_eq!(ask(&mut other, json!(["add"])).await, "n 2");
    assert_eq!(client.text().await, "n 2");
    answer(only, "only").await;
    assert_eq!(client.text().await, "key only");
    assert_eq!(server.log().matches("was made again").count(), 1);
}

async fn answer(mut asked: Exchange, body: &str) {
    asked.respond("200 OK", "text/plain").await;
    asked.send(body).await;
    asked.finish().await;
}

#[tokio::test]
async fn an_upgrade_waits_and_decides_about_its_seat_in_the_turn_of_its_last_run() {
    let server = serve(&[]);
    let mut friend = server.connect("/room/a?upgrade=friend").await;
    assert_eq!(ask(&mut friend, json!(["hi"])).await, "[\"hi\"]");
    let refused = Client::try_connect(server.address, "/room/a?upgrade=foe").await;
    let refused = refused.err().expect("it is refused").to_string();
    assert!(refused.contains("403"), "{refused}");
}

#[tokio::test]
async fn a_signal_that_is_cancelled_while_it_waits_is_dropped() {
    let (server, admin) = serve_watched(&[]);
    let mut client = server.connect("/room/a").await;
    say(&mut client, json!(["timer", "slow timer", 1500])).await;
    // It is due, and waits.
    until_one_waits(admin);
    assert_eq!(ask(&mut client, json!(["cancel", "slow timer"])).await, "cancelled true");
    assert_eq!(ask(&mut client, json!(["signal", "slow", 10])).await, "signalled");
    assert_eq!(client.text().await, "slow 1");
    say(&mut client, json!(["timer", "quick", 0])).await;
    assert_eq!(client.text().await, "quick 1", "the cancelled one has not run");
}

#[tokio::test]
async fn while_a_signal_waits_others_go_on_and_those_of_its_name_come_after_it() {
    let server = serve(&[]);
    let mut client = server.connect("/room/a").await;
    for (name, time) in [("slow", 1500), ("slow", 1), ("other", 0)] {
        assert_eq!(ask(&mut client, json!(["signal", name, time])).await, "signalled");
    }
    for expected in ["other 1", "slow 1", "slow 1"] {
        assert_eq!(client.text().await, expected);
    }
}

#[tokio::test]
async fn an_event_makes_only_some_requests_and_learns_of_the_limit() {
    let server = serve(&["--max-event-fetches", "3"]);
    let mut client = server.connect("/room/a").await;
    let told: Value =
        serde_json::from_str(&ask(&mut client, json!(["many", 5])).await).expect("JSON");
    assert_eq!(told[2], 200);
    let limit = "fetch: an event makes 3 requests at most, over all its runs (--max-event-fetches)";
    assert_eq!((&told[3], &told[4]), (&json!(limit), &json!(limit)));
    let round = ask(&mut client, json!(["error", "room:/room/round"])).await;
    assert_eq!(round, "TypeError: fetch: room:/room/round: its onRequest has failed");
    server.wait_for_log("more than 8 rooms ask one another");
}

#[tokio::test]
async fn a_request_that_fails_is_logged_with_its_place_in_the_handler() {
    let server = serve(&[]);
    let mut client = server.connect("/room/a").await;
    say(&mut client, json!(["ask", "/room/b?fail", ""])).await;
    let log =
        server.wait_for_log_after(0, &["its onRequest has failed", "at onMessage (handler.ts:"]);
    let (_, trace) = log.split_once("its onRequest has failed").expect("it is there");
    assert!(trace.contains("at onMessage (handler.ts:"), "{log}");
}

#[tokio::test]
async fn a_request_that_changes_in_every_run_is_made_anew_up_to_the_limit() {
    let server = serve(&["--max-event-fetches", "4"]);
    let mut client = server.connect("/room/a").await;
    say(&mut client, json!(["chase"])).await;
    for body in ["undefined", "1", "2", "3"] {
        assert_eq!(client.text().await, format!("asked {body}"));
    }
    let limit = "fetch: an event makes 4 requests at most, over all its runs (--max-event-fetches)";
    assert_eq!(client.text().await, limit);
    server.wait_for_log_count("was made again", 3);
}

#[tokio::test]
async fn a_request_that_waits_when_the_drain_time_ends_gets_503() {
    let (server, admin) = serve_watched(&["--drain-timeout", "1s"]);
    let address = server.address;
    let waiting = tokio::task::spawn_blocking(move || {
        let mut stream = std::net::TcpStream::connect(address).expect("the server listens");
        stream.write_all(b"GET /slow HTTP/1.1\r\nHost: test\r\n\r\n").expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers and closes");
        answer
    });
    until_one_waits(admin);
    server.signal("TERM");
    let answer = waiting.await.expect("it does not panic");
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    server.wait_for_log("giving up events that wait for the outside");
    assert!(server.wait().success());
}

#[tokio::test]
async fn beyond_the_limits_of_what_waits_a_handler_learns_which_flag_it_is() {
    let (server, admin) = serve_watched(&["--max-waiting-events", "1"]);
    let (mut a, mut b) = (server.connect("/room/a").await, server.connect("/room/b").await);
    say(&mut a, json!(["sleep", 30_000])).await;
    until_one_waits(admin);
    let told = ask(&mut b, json!(["error", "room:/room/other"])).await;
    assert!(told.contains("--max-waiting-events"), "{told}");
    // One that waits for a timer alone is refused like one that asks.
    say(&mut b, json!(["sleep", 20])).await;
    server.wait_for_log("too much waits for answers");
    assert_eq!(ask(&mut b, json!(["on"])).await, "[\"on\"]");
    let server = serve(&["--max-waiting-bytes", "64KiB"]);
    let large = "x".repeat(70_000);
    let mut c = server.connect("/room/c").await;
    let told =
        ask(&mut c, json!(["error", "room:/room/b", { "method": "POST", "body": large }])).await;
    assert!(told.starts_with("TypeError") && told.contains("--max-waiting-bytes"), "{told}");
}

#[tokio::test]
async fn requests_that_nobody_waits_for_have_the_same_bounds() {
    let server = serve(&["--max-waiting-bytes", "64KiB"]);
    let mut client = server.connect("/room/chain").await;
    assert_eq!(ask(&mut client, json!(["unawaited", "large"])).await, "sent");
    let log = server.wait_for_log("nothing waits for its answer");
    assert!(log.contains("--max-waiting-bytes"), "{log}");
    // A room that asks itself comes to an end.
    let (status, _) = server.get("/room/chain");
    assert_eq!(status, 200);
    let log = server.wait_for_log("more than 8 rooms ask one another");
    assert_eq!(client.text().await, "asked ");
    for _ in 0..8 {
        assert_eq!(client.text().await, "asked next");
    }
    assert_eq!(ask(&mut client, json!(["on"])).await, "[\"on\"]", "{log}");
}

#[tokio::test]
async fn what_can_never_settle_fails_and_a_timer_that_nobody_waits_for_is_dropped() {
    let server = serve(&[]);
    let mut client = server.connect("/room/a").await;
    say(&mut client, json!(["stuck"])).await;
    server.wait_for_log("onMessage waits for a promise that nothing is left to settle");
    say(&mut client, json!(["late"])).await;
    let log = server.wait_for_log("signalAt");
    assert!(log.contains("setTimeout"), "{log}");
    say(&mut client, json!(["sleep", 3_600_000])).await;
    server.wait_for_log("waits for a timer that is due in more than 60 seconds");
    assert_eq!(ask(&mut client, json!(["on"])).await, "[\"on\"]");
}

#[tokio::test]
async fn an_event_that_waits_commits_with_what_it_stores() {
    let durable = Durable::of(SOURCE);
    let server = durable.serve(&[]);
    let mut client = server.connect("/room/a").await;
    assert_eq!(ask(&mut client, json!(["keep", 1])).await, "kept");
    let names = durable.names();
    assert_eq!(durable.value(names[0].trim_end_matches(".att")), "{\"kept\":1}");
}

#[tokio::test]
async fn an_event_ends_on_the_handler_that_it_began_with() {
    let folder = programs::folder();
    let handler = folder.path().join("handler.wasm");
    std::fs::copy(&*HANDLER, &handler).expect("a new file");
    let (server, admin) = admin::start(&handler, &[]);
    let (mut client, mut other) =
        (server.connect("/room/a").await, server.connect("/room/a").await);
    say(&mut client, json!(["sleep", 3000])).await;
    until_one_waits(admin);
    let new = programs::compile(
        "import { send } from \"zigttp:websocket\";\n\
         export const routes = [\"/room/:name\"];\n\
         export function onMessage(ws: WebSocket, data: string, room: string) { send(ws, \"new \" + data); }\n\
         export function onRequest(req: Request, room: string) { return Response.text(\"new\"); }",
    );
    std::fs::copy(new, &handler).expect("it is replaced");
    server.signal("HUP");
    server.wait_for_log("serving the new");
    assert_eq!(ask(&mut other, json!("x")).await, "new \"x\"");
    assert_eq!(client.text().await, "before");
    client.text().await;
    assert_eq!(ask(&mut client, json!("y")).await, "new \"y\"");
}

#[tokio::test]
async fn at_shutdown_what_waits_is_waited_for_within_the_drain_time() {
    let (server, admin) = serve_watched(&[]);
    let mut client = server.connect("/room/a").await;
    say(&mut client, json!(["sleep", 1500])).await;
    until_one_waits(admin);
    server.signal("TERM");
    assert_eq!(client.text().await, "before");
    client.text().await;
    assert_eq!(client.closed().await.0, 1001);
    server.wait_for_log("waiting for events and streams that wait for the outside");
    assert!(server.wait().success());
}
