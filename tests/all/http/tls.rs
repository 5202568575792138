//! TLS: https and wss are http and ws, and a certificate is replaced without a restart.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use tokio_tungstenite::tungstenite::Message;

use crate::support::programs::FLOOD;
use crate::support::{PATIENCE, eventually, patiently, programs, tls};

const HANDLER: &str = r#"
import { close, deserializeAttachment, getWebSockets, send, serializeAttachment } from "zigttp:websocket";

export function onMessage(ws: WebSocket, data: string | ArrayBuffer, room: string) {
  const [verb, rest] = typeof data === "string" ? data.split(":") : [];
  if (verb === "keep") serializeAttachment(ws, rest);
  if (verb === "close") close(ws, Number(rest), "as you like");
  if (verb === "grow") send(ws, "x".repeat(Number(rest)));
  else if (verb === "all") for (const peer of getWebSockets(room)) send(peer, `${deserializeAttachment(ws)}: ${rest}`);
  else send(ws, data);
}
export function onClose(ws: WebSocket, code: number, reason: string) {
  console.log("closed", code, reason);
}
export function handler(req: Request) {
  return Response.text(`${req.method} ${req.url}`);
}
"#;

#[tokio::test]
async fn a_handler_is_served_over_https_and_sees_that_it_is() {
    let server = tls::serve(HANDLER, &[]);
    let answer = tls::get(&server, "/a?b").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let url = format!("GET https://localhost:{}/a?b", server.address.port());
    assert!(answer.ends_with(&url), "{answer}");
}

#[tokio::test]
async fn a_room_talks_over_wss() {
    let server = tls::serve(HANDLER, &[]);
    let mut ada = tls::open(&server, "/room").await;
    let mut bob = tls::open(&server, "/room").await;
    assert_eq!(ada.ask("hello").await, "hello");
    ada.send(vec![0, 159, 146, 150]).await;
    assert_eq!(ada.bytes().await, [0, 159, 146, 150]);
    ada.ask("keep:Ada").await;
    bob.ask("here").await;
    for number in 0..100 {
        ada.send(format!("all:{number}")).await;
    }
    for number in 0..100 {
        assert_eq!(bob.text().await, format!("Ada: {number}"));
        assert_eq!(ada.text().await, format!("Ada: {number}"));
    }
}

#[tokio::test]
async fn messages_of_a_mebibyte_pass_both_ways() {
    let server = tls::serve(HANDLER, &["--max-queue", "8MiB"]);
    let mut client = tls::open(&server, "/").await;
    let bytes: Vec<u8> = (0..1 << 20).map(|index: u32| (index % 251) as u8).collect();
    for _ in 0..3 {
        client.send(bytes.clone()).await;
        assert!(client.bytes().await == bytes, "it comes back as it went");
    }
    // More than the transport takes at once, and nothing is read before all is requested.
    for _ in 0..6 {
        client.send("grow:1000000").await;
    }
    for _ in 0..6 {
        assert_eq!(client.text().await.len(), 1_000_000);
    }
    assert_eq!(client.ask("and then").await, "and then");
}

#[tokio::test]
async fn closes_have_their_codes_in_both_directions() {
    let server = tls::serve(HANDLER, &[]);
    let client = tls::open(&server, "/").await;
    assert_eq!(client.close(4000, "done").await, 4000);
    server.wait_for_log("closed 4000 done");
    let mut client = tls::open(&server, "/").await;
    client.send("close:4001").await;
    assert_eq!(client.closed().await, (4001, "as you like".to_owned()));
    server.wait_for_log("closed 4001 as you like");
    let mut client = tls::open(&server, "/").await;
    assert_eq!(client.ask("here").await, "here");
    client.drop_transport();
    server.wait_for_log("closed 1006");
}

#[tokio::test]
async fn a_consumer_that_never_reads_is_closed_with_1008_and_slows_nobody_else() {
    let bounds =
        ["--max-queue", "256KiB", "--slow-consumer-timeout", "300ms", "--close-timeout", "300ms"];
    let server = tls::serve(FLOOD, &bounds);
    let _slow = tls::open(&server, "/room").await;
    let mut fast = tls::open(&server, "/room").await;
    let mut was_refused = false;
    while !server.log().contains("closed 1008 slow consumer") {
        was_refused |= fast.ask("flood").await == "refused 1";
    }
    assert!(was_refused, "send answers false for a full queue before its owner is closed");
    assert_eq!(fast.ask("flood").await, "refused 0", "it is no longer in the room");
}

#[tokio::test]
async fn a_silent_client_is_pinged() {
    let server = tls::serve(HANDLER, &["--ping-interval", "100ms"]);
    let mut client = tls::open(&server, "/").await;
    for _ in 0..3 {
        assert!(client.pinged().await);
    }
}

#[tokio::test]
async fn a_server_that_stops_closes_with_1001_and_waits_for_no_handshake() {
    let server = tls::serve(HANDLER, &[]);
    let mut client = tls::open(&server, "/").await;
    assert_eq!(client.ask("here").await, "here");
    let mut undecided = TcpStream::connect(server.address).expect("the server listens");
    // The header of a record with a ClientHello that does not come.
    undecided.write_all(&[0x16, 3, 1, 0, 200]).expect("the server reads");
    server.signal("TERM");
    assert_eq!(client.closed().await.0, 1001);
    let log = server.wait_for_log("stopped");
    assert!(!log.contains("drain time-out"), "{log}");
    assert!(server.wait().success());
}

#[tokio::test]
async fn whoever_speaks_no_tls_is_turned_away_in_order() {
    let server = tls::serve(HANDLER, &[]);
    let mut plain = TcpStream::connect(server.address).expect("the server listens");
    plain.set_read_timeout(Some(PATIENCE)).expect("a time-out that is not zero");
    plain.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("the server reads");
    let mut answer = Vec::new();
    plain.read_to_end(&mut answer).expect("an end, and no reset");
    // An alert (RFC 8446, 6).
    assert_eq!(answer.first(), Some(&0x15), "{answer:?}");
    assert!(tls::get(&server, "/").await.contains("200 OK"), "others are served");
}

#[tokio::test]
async fn a_handshake_has_as_long_as_a_request_head() {
    let server = tls::serve(HANDLER, &["--header-timeout", "200ms"]);
    let mut silent = TcpStream::connect(server.address).expect("the server listens");
    silent.set_read_timeout(Some(PATIENCE)).expect("a time-out that is not zero");
    assert_eq!(silent.read(&mut [0]).expect("an end, and no reset"), 0);
    // So does the first request after it.
    let mut shaken = tls::connect(&server, "first").await.expect("a handshake");
    let read = tokio::io::AsyncReadExt::read(&mut shaken, &mut [0]).await;
    assert!(!matches!(read, Ok(1..)), "{read:?}");
}

#[tokio::test]
async fn a_handshake_holds_a_place_among_the_transports() {
    let server = tls::serve(HANDLER, &["--max-transports", "1", "--header-timeout", "2s"]);
    let mut undecided = TcpStream::connect(server.address).expect("the server listens");
    undecided.set_read_timeout(Some(PATIENCE)).expect("a time-out that is not zero");
    assert!(tls::connect(&server, "first").await.is_err(), "the place is taken");
    assert_eq!(undecided.read(&mut [0]).expect("an end, and no reset"), 0);
    patiently("the end of its place", async {
        while tls::connect(&server, "first").await.is_err() {}
    })
    .await;
}

#[tokio::test]
async fn sighup_serves_the_new_pair_to_new_connections_and_keeps_the_old_ones() {
    let folder = programs::folder();
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let install = |pair| {
        fs::copy(tls::certificate(pair), &certificate).expect("a fixture");
        fs::copy(tls::key(pair), &key).expect("a fixture");
    };
    install("first");
    let server = tls::start(&programs::compile(HANDLER), &certificate, &key, &[]);
    let mut old = tls::open(&server, "/").await;
    install("second");
    server.signal("HUP");
    server.wait_for_log("serving the certificate in ");
    assert!(tls::connect(&server, "first").await.is_err(), "the old certificate is not served");
    assert!(tls::connect(&server, "second").await.is_ok(), "the new one is");
    assert_eq!(old.ask("still here").await, "still here");

    fs::copy(tls::key("first"), &key).expect("a fixture");
    server.signal("HUP");
    server.wait_for_log("the key is not that of the first certificate");
    fs::write(&certificate, "-----BEGIN CERTIFICATE-----\n????").expect("it is writable");
    server.signal("HUP");
    server.wait_for_log("the certificate file is not valid PEM");
    fs::remove_file(&key).expect("it is there");
    server.signal("HUP");
    let log = server.wait_for_log("cannot read the key");
    assert_eq!(log.matches("the old certificate stays in use").count(), 3, "{log}");
    assert!(tls::connect(&server, "second").await.is_ok(), "the last good one goes on");
    assert_eq!(old.ask("still here").await, "still here");
    old.send(Message::Ping(Vec::new().into())).await;
    assert_eq!(old.close(1000, "").await, 1000);
}

#[test]
fn a_pair_that_cannot_be_served_is_one_line_and_exit_code_2() {
    let handler = programs::compile(HANDLER);
    let refusal = |arguments: &[&Path]| {
        let output = programs::program("zigttp")
            .arg("run")
            .arg(&handler)
            .args(["--port", "0"])
            .args(arguments)
            .output()
            .expect("zigttp starts");
        let error = String::from_utf8(output.stderr).expect("it is text");
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
        error
    };
    let (cert_flag, key_flag) = (Path::new("--tls-cert"), Path::new("--tls-key"));
    let (certificate, key) = (tls::certificate("first"), tls::key("first"));
    let pair = |certificate: &Path, key: &Path| refusal(&[cert_flag, certificate, key_flag, key]);
    assert!(refusal(&[cert_flag, &certificate]).contains("give --tls-key too"));
    assert!(refusal(&[key_flag, &key]).contains("give --tls-cert too"));
    let mismatch = pair(&certificate, &tls::key("second"));
    assert!(mismatch.contains("the key is not that of the first certificate"), "{mismatch}");
    assert!(pair(&key, &key).contains("holds no certificate"));
    assert!(pair(&certificate, &certificate).contains("no unencrypted private key"));
    assert!(pair(Path::new("/nowhere"), &key).contains("cannot read the certificate /nowhere"));
    assert!(pair(&certificate, Path::new("/nowhere")).contains("cannot read the key /nowhere"));
}

#[tokio::test]
async fn idle_clients_and_broken_handshakes_leave_nothing_behind() {
    let server = tls::serve(HANDLER, &[]);
    let open_files = || {
        let folder = format!("/proc/{}/fd", server.pid());
        fs::read_dir(folder).expect("Linux lists them").count()
    };
    let mut first = tls::open(&server, "/").await;
    let before = open_files();
    for _ in 0..50 {
        let mut broken = TcpStream::connect(server.address).expect("the server listens");
        broken.write_all(&[0x16, 3, 1, 0, 200, 1]).expect("the server reads");
        tls::open(&server, "/").await.drop_transport();
    }
    assert_eq!(first.ask("still").await, "still");
    eventually("the end of all that was dropped", || open_files() <= before);
}
