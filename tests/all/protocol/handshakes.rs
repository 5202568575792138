//! Opening handshakes on the wire: spellings, violations, and clients that do not complete them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::LazyLock;

use crate::support::raw::{RawClient, TEXT, frame};
use crate::support::server::Server;
use crate::support::{PATIENCE, admin, eventually, programs};

static HANDLER: LazyLock<PathBuf> =
    LazyLock::new(|| programs::compile_file("tests/conformance/echo.ts"));

const GOOD: [&str; 5] = [
    "Host: test",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

/// A valid handshake with some of its lines replaced or, if empty, left out.
fn handshake(first_line: &str, changes: &[&str]) -> String {
    let name = |line: &str| line.split(':').next().unwrap_or_default().to_owned();
    let mut request = format!("{first_line}\r\n");
    for line in GOOD.iter().filter(|line| !changes.iter().any(|change| name(change) == name(line)))
    {
        request += &format!("{line}\r\n");
    }
    for line in changes.iter().filter(|line| !line.ends_with(": ")) {
        request += &format!("{line}\r\n");
    }
    request + "\r\n"
}

fn open(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address).expect("the server listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out that is not zero");
    stream
}

/// Sends this; returns status and body of the response.
fn answer(server: &Server, request: &str) -> (u16, String) {
    let mut stream = open(server);
    stream.write_all(request.as_bytes()).expect("the server reads");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap_or_else(|error| panic!("{request}: {error}"));
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).expect("a head is text").to_lowercase();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let len = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; len.map_or(0, |len| len.parse().expect("a number"))];
    stream.read_exact(&mut body).expect("the body comes whole");
    (status.unwrap_or_else(|| panic!("{head}")), String::from_utf8(body).expect("a text"))
}

#[test]
fn tokens_are_found_in_any_case_and_place_of_their_lists() {
    let server = Server::start(&HANDLER, &[]);
    for changes in [
        &["Upgrade: WebSocket"][..],
        &["Upgrade: h2c, websocket"],
        &["Connection: keep-alive, UPGRADE"],
        &["Connection: upgrade,keep-alive"],
        &["Connection: keep-alive", "Connection: Upgrade"],
        &["Upgrade: other", "Upgrade: websocket"],
        // The last digit of a key carries two bits; its other bits are ignored.
        &["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR=="],
        &["Content-Length: 0"],
    ] {
        assert_eq!(answer(&server, &handshake("GET / HTTP/1.1", changes)).0, 101, "{changes:?}");
    }
}

#[test]
fn a_faulty_handshake_is_told_what_is_wrong_with_it() {
    let server = Server::start(&HANDLER, &[]);
    const GET: &str = "GET / HTTP/1.1";
    for (first_line, changes, status, words) in [
        ("POST / HTTP/1.1", &[][..], 400, "is a GET request"),
        ("GET / HTTP/1.0", &[], 400, "needs HTTP/1.1"),
        (GET, &["Host: "], 400, "needs a Host header"),
        (GET, &["Connection: "], 400, "needs \"Connection: Upgrade\""),
        (GET, &["Connection: upgraded"], 400, "needs \"Connection: Upgrade\""),
        (GET, &["Sec-WebSocket-Version: "], 426, "speaks version 13"),
        (GET, &["Sec-WebSocket-Version: 12"], 426, "speaks version 13"),
        (GET, &["Sec-WebSocket-Key: "], 400, "needs one Sec-WebSocket-Key"),
        (GET, &[GOOD[4], GOOD[4]], 400, "needs one Sec-WebSocket-Key"),
        (GET, &["Sec-WebSocket-Key: c2hvcnQ="], 400, "is not 16 bytes in base64"),
        (GET, &["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ="], 400, "is not 16 bytes in base64"),
        (GET, &["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZTE="], 400, "is not 16 bytes in base64"),
        (GET, &["Sec-WebSocket-Key: dGhlIHNhb*BsZSBub25jZQ=="], 400, "is not 16 bytes in base64"),
        (GET, &["Content-Length: 5"], 400, "has no body"),
        (GET, &["Transfer-Encoding: chunked"], 400, "has no body"),
    ] {
        let (got, body) = answer(&server, &handshake(first_line, changes));
        assert_eq!(got, status, "{first_line} {changes:?} {body}");
        assert!(body.contains(words), "{first_line} {changes:?} {body}");
    }
}

#[test]
fn frames_in_the_same_segment_as_the_handshake_are_read() {
    let server = Server::start(&HANDLER, &[]);
    let mut bytes = handshake("GET / HTTP/1.1", &[]).into_bytes();
    bytes.extend(frame(TEXT, b"first"));
    bytes.extend(frame(TEXT, b"second"));
    let (half, rest) = bytes.split_at(bytes.len() - 3);
    let mut stream = open(&server);
    stream.write_all(half).expect("the server reads");
    let mut read = vec![0; 4096];
    let mut len = 0;
    let has = |read: &[u8], text: &[u8]| read.windows(text.len()).any(|window| window == text);
    while !has(&read[..len], b"\x81\x05first") {
        let count = stream.read(&mut read[len..]).expect("the server answers");
        assert!(count > 0, "{:?}", String::from_utf8_lossy(&read[..len]));
        len += count;
    }
    stream.write_all(rest).expect("the server reads");
    let mut second = [0; 8];
    stream.read_exact(&mut second).expect("the second message was kept as far as it had come");
    assert_eq!(&second, b"\x81\x06second");
}

/// Open files of the server's process.
fn files(server: &Server) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", server.pid())).expect("the server runs").count()
}

#[test]
fn handshakes_that_are_dropped_half_way_leave_nothing_behind() {
    let (server, admin) = admin::start(&HANDLER, &[]);
    let request = handshake("GET / HTTP/1.1", &[]);
    let before = files(&server);
    for number in 0..200 {
        let len = request.len() * number / 200;
        let mut stream = open(&server);
        stream.write_all(&request.as_bytes()[..len]).expect("the server reads");
    }
    // Complete, and closed before the response.
    for _ in 0..50 {
        open(&server).write_all(request.as_bytes()).expect("the server reads");
    }
    eventually("the end of all transports", || files(&server) <= before);
    eventually("the end of all connections", || {
        let metrics = admin::scrape(admin);
        let states = ["live", "parked", "dormant"];
        let count = |state| metrics[&format!("zigttp_connections{{state=\"{state}\"}}")];
        states.into_iter().map(count).sum::<f64>() == 0.0 && metrics["zigttp_rooms"] == 0.0
    });
    let mut client = RawClient::connect(server.address, "/");
    client.frame(TEXT, b"served");
    assert_eq!(client.text(), "served");
}

#[test]
fn a_head_that_trickles_is_given_up_after_its_time_and_delays_nobody() {
    let server = Server::start(&HANDLER, &["--header-timeout", "500ms"]);
    let mut slow: Vec<TcpStream> = (0..50).map(|_| open(&server)).collect();
    for stream in &mut slow {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: test\r\nX-Endless: ").expect("it reads");
    }
    let mut sent = 0;
    // A byte of each for every client that is served; far fewer than a head may have.
    eventually("an end of the slow heads", || {
        sent += 1;
        assert!(sent < 10_000, "so many bytes were taken");
        let mut client = RawClient::connect(server.address, "/");
        client.frame(TEXT, b"served");
        assert_eq!(client.text(), "served");
        slow.iter_mut().any(|stream| stream.write_all(b"x").is_err())
    });
}
