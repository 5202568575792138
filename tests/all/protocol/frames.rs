//! Frames that violate the protocol or a limit, and what they may cost; `closing.rs` tests how each kind is
//! reported.

use std::path::PathBuf;
use std::sync::LazyLock;

use crate::support::raw::{PING, RawClient, TEXT, frame};
use crate::support::server::Server;
use crate::support::{eventually, programs};

static HANDLER: LazyLock<PathBuf> =
    LazyLock::new(|| programs::compile_file("tests/conformance/echo.ts"));

/// The next client is served.
fn is_served(server: &Server) {
    let mut client = RawClient::connect(server.address, "/");
    client.frame(TEXT, b"served");
    assert_eq!(client.text(), "served");
}

#[test]
fn a_header_is_judged_without_waiting_for_what_it_announces() {
    let server = Server::start(&HANDLER, &[]);
    let long =
        |first: u8, second: u8, len: u64| [&[first, second][..], &len.to_be_bytes()].concat();
    for (name, header, code) in [
        ("the second reserved bit", vec![0xa1], 1002),
        ("the third reserved bit", vec![0x91], 1002),
        ("a reserved data opcode", vec![0x87], 1002),
        ("a reserved control opcode", vec![0x8f], 1002),
        ("a fragmented pong", vec![0x0a], 1002),
        ("a fragmented close", vec![0x08], 1002),
        ("a long pong", vec![0x8a, 0xfe], 1002),
        ("a very long close", vec![0x88, 0xff], 1002),
        ("no mask, of a long frame", vec![0x82, 0x7f], 1002),
        ("a length of two bytes for 125", vec![0x82, 0xfe, 0, 125], 1002),
        ("a length of eight bytes for 65,535", long(0x82, 0xff, 0xffff), 1002),
        ("a length with its highest bit", long(0x82, 0xff, 1 << 63), 1002),
        ("a text of 2^62 bytes", [long(0x81, 0xff, 1 << 62), vec![0; 4]].concat(), 1009),
        ("a fragment too large", [long(0x02, 0xff, (1 << 20) + 1), vec![0; 4]].concat(), 1009),
    ] {
        let mut client = RawClient::connect(server.address, "/");
        client.frame(TEXT, b"before");
        client.write(&header);
        assert_eq!(client.text(), "before", "{name}");
        let (sent, reason) = client.close_frame();
        assert_eq!(sent, Some(code), "{name}: {reason}");
        client.ended();
    }
    is_served(&server);
}

#[test]
fn a_text_is_judged_before_its_end() {
    let server = Server::start(&HANDLER, &[]);
    let mut client = RawClient::connect(server.address, "/");
    let whole = frame(TEXT, b"\xf4\x90 and more that never comes");
    client.write(&whole[..8]);
    assert_eq!(client.close_frame().0, Some(1007));
    client.ended();
    is_served(&server);
}

#[test]
fn a_length_that_is_only_announced_costs_no_memory() {
    let server = Server::start(&HANDLER, &["--max-message-size", "8MiB"]);
    is_served(&server);
    let before = server.peak_memory();
    let announced = [&[0x82, 0xff][..], &(8_u64 << 20).to_be_bytes(), b"maskfew"].concat();
    let mut clients = Vec::new();
    for _ in 0..200 {
        let mut client = RawClient::connect(server.address, "/");
        client.write(&announced);
        clients.push(client);
    }
    is_served(&server);
    let grown = server.peak_memory() - before;
    assert!(grown < 64, "{grown} MiB for 1.6 GiB announced");
}

#[test]
fn fragments_without_end_are_closed_with_1009() {
    let server = Server::start(&HANDLER, &[]);
    is_served(&server);
    let before = server.peak_memory();
    let mut client = RawClient::connect(server.address, "/");
    client.frame(0x02, b"");
    let fragments = frame(0x00, &[7; 1000]).repeat(1000);
    client.write(&fragments);
    // Some of it is refused while it is still sent.
    let _ = client.try_write(&fragments);
    assert_eq!(client.close_frame(), (Some(1009), "the message is too large".to_owned()));
    // Empty ones take no memory; they have a limit as well.
    let mut client = RawClient::connect(server.address, "/");
    client.frame(0x01, b"");
    let empty = frame(0x00, b"").repeat(10_000);
    eventually("the end of the fragments", || client.try_write(&empty).is_err());
    let grown = server.peak_memory() - before;
    assert!(grown < 16, "{grown} MiB for messages of at most one");
    is_served(&server);
}

#[test]
fn pings_whose_answers_are_not_read_cost_bounded_memory() {
    let server = Server::start(&HANDLER, &["--ping-interval", "1s", "--pong-timeout", "1s"]);
    is_served(&server);
    let before = server.peak_memory();
    let mut client = RawClient::connect(server.address, "/");
    let pings = frame(PING, &[7; 125]).repeat(1000);
    let mut sent = 0_usize;
    // Both directions fill up, the server reads no more, and drops the client as unresponsive.
    while client.try_write(&pings).is_ok() {
        sent += pings.len();
        assert!(sent < 1 << 30, "the server goes on reading");
    }
    let grown = server.peak_memory() - before;
    assert!(grown < 16, "{grown} MiB after {} MiB of pings", sent >> 20);
    is_served(&server);
}

#[test]
fn who_goes_on_sending_after_a_breach_is_cut_off_soon() {
    // The input is drained for a second, so that a reset does not discard the close frame. No time-out of
    // an option has to pass.
    let never = ["--ping-interval", "1h", "--message-timeout", "1h", "--close-timeout", "1h"];
    let server = Server::start(&HANDLER, &never);
    let mut client = RawClient::connect(server.address, "/");
    client.write(&[0x83]);
    assert_eq!(client.close_frame().0, Some(1002));
    let more = frame(TEXT, &[b'x'; 1000]);
    eventually("the end of the transport", || client.try_write(&more).is_err());
    is_served(&server);
}

#[test]
fn a_transport_that_is_reset_ends_its_connection_alone() {
    let server = Server::of(
        r#"
import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
export function onClose(ws: WebSocket, code: number) { console.log("closed", code); }
"#,
    );
    for _ in 0..20 {
        let mut client = RawClient::connect(server.address, "/");
        client.frame(TEXT, b"an answer that is not read");
        client.peek();
        // With unread input, this sends a reset.
        drop(client);
    }
    server.wait_for_log_count("closed 1006", 20);
    is_served(&server);
}

#[test]
fn a_message_that_comes_slowly_keeps_its_connection_and_silence_inside_of_one_does_not() {
    let server = Server::start(&HANDLER, &["--ping-interval", "300ms", "--pong-timeout", "2s"]);
    let mut slow = RawClient::connect(server.address, "/");
    let message = frame(TEXT, &[b'x'; 10_000]);
    let mut rest = message.as_slice();
    let mut silent = RawClient::connect(server.address, "/");
    silent.write(&frame(TEXT, b"cut short")[..8]);
    std::thread::scope(|scope| {
        let dropped = scope.spawn(|| {
            // Pinged once, and dropped.
            assert_eq!(silent.next(), (PING, Vec::new()));
            silent.ended();
        });
        // No pong fits inside a frame; its bytes also show that the client is alive.
        while !dropped.is_finished() {
            let (byte, after) = rest.split_at(1);
            slow.write(byte);
            rest = after;
            assert_eq!(slow.next(), (PING, Vec::new()));
        }
    });
    slow.write(rest);
    let answer = std::iter::repeat_with(|| slow.next()).find(|(first, _)| *first != PING);
    assert_eq!(answer, Some((TEXT, vec![b'x'; 10_000])));
}
