//! permessage-deflate (RFC 7692), with raw frames.

use std::path::PathBuf;
use std::sync::LazyLock;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

use crate::support::raw::{PING, PONG, RawClient, TEXT, frame};
use crate::support::server::Server;
use crate::support::{admin, programs};

/// First bytes of the frame of a compressed message, and of its first fragment.
const COMPRESSED_TEXT: u8 = 0xc1;
const COMPRESSED_BINARY: u8 = 0xc2;
const COMPRESSED_START: u8 = 0x41;

pub(crate) const OFFER: &str =
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";

/// Greets, so that a test knows who is in the room; sends each message to all of the room; has an
/// auto-response.
static HANDLER: LazyLock<PathBuf> = LazyLock::new(|| {
    programs::compile(
        r#"
import { send, getWebSockets, setAutoResponse } from "zigttp:websocket";
export function onOpen(ws: WebSocket) { send(ws, "welcome"); }
export function onMessage(ws: WebSocket, data: string | ArrayBuffer, room: string) {
  if (data === "answer by yourself") setAutoResponse(ws, "ping".repeat(500), "pong".repeat(500));
  for (const peer of getWebSockets(room)) send(peer, data);
}
"#,
    )
});

fn connect(server: &Server) -> RawClient {
    let (client, agreed) = connect_with(server, OFFER);
    assert!(agreed.is_some());
    client
}

/// Opens a connection with this offer; also returns what was agreed on.
fn connect_with(server: &Server, offer: &str) -> (RawClient, Option<String>) {
    let (mut client, head) = RawClient::connect_with(server.address, "/", offer);
    assert_eq!(client.text(), "welcome");
    let agreed = extensions(&head).map(str::to_owned);
    (client, agreed)
}

/// What the head of a 101 says about extensions.
fn extensions(head: &str) -> Option<&str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines
        .find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-extensions"))
        .map(|(_, value)| value)
}

pub(crate) fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 100);
    let mut state = Compress::new(Compression::best(), false);
    state.compress_vec(bytes, &mut out, FlushCompress::Sync).expect("there is room");
    out.truncate(out.len() - 4);
    out
}

/// Inflates with a window of this size.
fn inflate(payload: &[u8], window_bits: u8) -> String {
    let mut out = Vec::with_capacity(1 << 20);
    let mut state = Decompress::new_with_window_bits(false, window_bits);
    let whole = [payload, &[0, 0, 0xff, 0xff]].concat();
    state.decompress_vec(&whole, &mut out, FlushDecompress::Sync).expect("it is deflate");
    String::from_utf8(out).expect("it is a text")
}

/// A text that is worth compressing.
fn long_text() -> String {
    "a text that is worth compressing; ".repeat(60)
}

#[test]
fn what_a_client_offers_is_taken_without_context_takeover() {
    let server = Server::start(&HANDLER, &[]);
    let (mut client, answer) = connect_with(&server, OFFER);
    let agreed = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    assert_eq!(answer.as_deref(), Some(agreed));
    for _ in 0..2 {
        client.frame(COMPRESSED_TEXT, &deflate(long_text().as_bytes()));
        let (first, payload) = client.next();
        assert_eq!(first, COMPRESSED_TEXT);
        assert!(payload.len() < 100, "{}", payload.len());
        assert_eq!(inflate(&payload, 15), long_text());
    }
    // Both sides may send any message uncompressed.
    client.frame(TEXT, b"short");
    assert_eq!(client.text(), "short");
    client.frame(COMPRESSED_BINARY, &deflate(&[7; 100]));
    assert_eq!(client.next(), (0x82, vec![7; 100]));
}

#[test]
fn the_window_that_a_client_asks_for_is_kept() {
    let server = Server::start(&HANDLER, &["--compression-level", "9"]);
    let mut numbers = String::new();
    for number in 0..2000 {
        numbers += &format!("{} ", number * number % 977);
    }
    for bits in 9..=15 {
        let offer = format!(
            "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits={bits}\r\n"
        );
        let (mut client, answer) = connect_with(&server, &offer);
        let answer = answer.expect("it was not declined");
        assert!(answer.ends_with(&format!("; server_max_window_bits={bits}")), "{answer}");
        client.frame(TEXT, numbers.as_bytes());
        let (first, payload) = client.next();
        assert_eq!(first, COMPRESSED_TEXT);
        assert_eq!(inflate(&payload, bits), numbers);
    }
}

#[test]
fn a_comma_in_a_quoted_parameter_starts_no_offer() {
    let server = Server::start(&HANDLER, &[]);
    let agreed = |offers: &str| {
        connect_with(&server, &format!("Sec-WebSocket-Extensions: {offers}\r\n")).1.is_some()
    };
    assert!(!agreed(r#"x; y="a, permessage-deflate""#));
    assert!(!agreed(r#"x; y="\", permessage-deflate""#));
    assert!(agreed(r#"x; y="a, b", permessage-deflate"#));
}

#[test]
fn an_offer_that_cannot_be_taken_is_declined_and_the_connection_opens_without() {
    let server = Server::start(&HANDLER, &[]);
    for offer in [
        "permessage-deflate; server_max_window_bits=8",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; no_such_parameter",
        "permessage-deflate; client_max_window_bits; client_max_window_bits",
        "permessage-bzip2",
    ] {
        let header = format!("Sec-WebSocket-Extensions: {offer}\r\n");
        let (mut client, agreed) = connect_with(&server, &header);
        assert_eq!(agreed, None, "{offer}");
        client.frame(TEXT, long_text().as_bytes());
        assert_eq!(client.text(), long_text());
    }
}

#[test]
fn compression_can_be_turned_off_and_messages_below_a_size_left_out() {
    let server = Server::start(&HANDLER, &["--compression", "off"]);
    assert_eq!(connect_with(&server, OFFER).1, None);
    let server = Server::start(&HANDLER, &["--compression-min-size", "50"]);
    let mut client = connect(&server);
    client.frame(TEXT, &[b'x'; 49]);
    assert_eq!(client.next(), (TEXT, vec![b'x'; 49]));
    client.frame(TEXT, &[b'x'; 50]);
    let (first, payload) = client.next();
    assert_eq!((first, inflate(&payload, 15)), (COMPRESSED_TEXT, "x".repeat(50)));
}

#[test]
fn every_peer_of_a_broadcast_gets_the_form_it_has_agreed_on() {
    let (server, admin) = admin::start(&HANDLER, &[]);
    let (mut plain, _) = connect_with(&server, "");
    let small = "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9\r\n";
    let (mut small, _) = connect_with(&server, small);
    let (mut first, mut second) = (connect(&server), connect(&server));
    first.frame(COMPRESSED_TEXT, &deflate(long_text().as_bytes()));
    assert_eq!(plain.text(), long_text());
    let mut sent = 0;
    for (client, bits) in [(&mut small, 9), (&mut first, 15), (&mut second, 15)] {
        let (opcode, payload) = client.next();
        assert_eq!((opcode, inflate(&payload, bits)), (COMPRESSED_TEXT, long_text()));
        sent += payload.len();
    }
    let metrics = admin::scrape(admin);
    assert_eq!(metrics["zigttp_sent_compressed_bytes_total"], sent as f64);
    let greetings = 4 * "welcome".len();
    assert_eq!(metrics["zigttp_sent_bytes_total"], (greetings + 4 * long_text().len()) as f64);
    assert_eq!(metrics["zigttp_received_bytes_total"], long_text().len() as f64);
    let received = deflate(long_text().as_bytes()).len();
    assert_eq!(metrics["zigttp_received_compressed_bytes_total"], received as f64);
}

#[test]
fn an_auto_response_matches_what_was_inflated_and_is_compressed_itself() {
    let (server, admin) = admin::start(&HANDLER, &[]);
    let mut client = connect(&server);
    client.frame(TEXT, b"answer by yourself");
    assert_eq!(client.text(), "answer by yourself");
    client.frame(COMPRESSED_TEXT, &deflate("ping".repeat(500).as_bytes()));
    let (first, payload) = client.next();
    assert_eq!((first, inflate(&payload, 15)), (COMPRESSED_TEXT, "pong".repeat(500)));
    assert_eq!(admin::scrape(admin)["zigttp_auto_responses_total"], 1.0);
}

#[test]
fn a_compressed_message_comes_in_fragments_and_a_ping_between_them_is_answered() {
    let server = Server::start(&HANDLER, &[]);
    let mut client = connect(&server);
    let compressed = deflate("Hello, and hello again".as_bytes());
    let (last, start) = compressed.split_last().expect("it is not empty");
    client.frame(COMPRESSED_START, b"");
    for byte in start {
        client.frame(0x00, &[*byte]);
        client.frame(PING, b"?");
        assert_eq!(client.next(), (PONG, b"?".to_vec()));
    }
    client.frame(0x80, &[*last]);
    assert_eq!(client.text(), "Hello, and hello again");
}

#[test]
fn a_breach_of_the_extension_is_closed_with_its_code() {
    let server = Server::start(&HANDLER, &[]);
    let stored_latin_1 = b"\x00\x04\x00\xfb\xffcaf\xe9\x00";
    for (name, bytes, code) in [
        ("on a continuation", [frame(COMPRESSED_START, b"\xf2"), frame(0xc0, b"x")].concat(), 1002),
        ("on a ping", frame(0xc9, b"x"), 1002),
        ("on a close", frame(0xc8, b""), 1002),
        ("with another bit", frame(0xe1, b"x"), 1002),
        ("no deflate", frame(COMPRESSED_TEXT, b"Hello"), 1007),
        ("cut short", frame(COMPRESSED_TEXT, b"\xf2\x48\xcd"), 1007),
        ("empty", frame(COMPRESSED_TEXT, b""), 1007),
        ("not UTF-8", frame(COMPRESSED_TEXT, stored_latin_1), 1007),
    ] {
        let mut client = connect(&server);
        client.write(&bytes);
        let (sent, reason) = client.close_frame();
        assert_eq!(sent, Some(code), "{name}: {reason}");
        client.ended();
    }
    let (mut plain, _) = connect_with(&server, "");
    plain.frame(COMPRESSED_TEXT, &deflate(b"not agreed on"));
    assert_eq!(plain.close_frame().0, Some(1002));
    plain.ended();
}

#[test]
fn a_bomb_is_closed_with_1009_and_costs_bounded_memory() {
    let server = Server::start(&HANDLER, &[]);
    // Whatever else grows on the first message has grown.
    let mut client = connect(&server);
    client.frame(COMPRESSED_TEXT, &deflate(b"Hello"));
    assert_eq!(client.text(), "Hello");
    let before = server.peak_memory();
    // 256 MiB: compressed once, the zeros are 256 KiB, and within the limit of a message.
    let zeros = deflate(&vec![0; 256 << 20]);
    assert!(zeros.len() < 512 << 10);
    for opcode in [COMPRESSED_TEXT, COMPRESSED_BINARY] {
        let mut bomber = connect(&server);
        bomber.write(&frame(opcode, &zeros));
        assert_eq!(bomber.close_frame(), (Some(1009), "the message is too large".to_owned()));
        bomber.ended();
    }
    let grown = server.peak_memory() - before;
    assert!(grown < 16, "{grown} MiB for messages of at most one");
    client.frame(TEXT, b"still served");
    assert_eq!(client.text(), "still served");
}
