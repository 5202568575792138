//! Messages under way: how much memory they hold, all together, and for how long.

use std::path::PathBuf;
use std::sync::LazyLock;

use super::deflate::{OFFER, deflate};
use crate::support::raw::{PING, PONG, RawClient, TEXT};
use crate::support::{admin, eventually, programs};

/// First bytes of the first frame of a message, of a compressed one, and of a message's last frame.
const START: u8 = 0x01;
const COMPRESSED_START: u8 = 0x42;
const END: u8 = 0x80;

static HANDLER: LazyLock<PathBuf> = LazyLock::new(|| {
    programs::compile(
        r#"
import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string | ArrayBuffer) {
  send(ws, "got " + (typeof data === "string" ? data.length : data.byteLength));
}
"#,
    )
});

/// Waits until the server has read all that was sent.
fn wait_until_read(client: &mut RawClient) {
    client.frame(PING, b"");
    assert_eq!(client.next(), (PONG, Vec::new()));
}

#[test]
fn messages_under_way_have_a_bound_over_all_connections() {
    const PART: usize = 60_000;
    let (server, admin) =
        admin::start(&HANDLER, &["--max-message-size", "64KiB", "--max-partial-bytes", "256KiB"]);
    let mut clients: Vec<_> = (0..3)
        .map(|_| {
            let mut client = RawClient::connect(server.address, "/");
            client.frame(START, &[b'x'; PART]);
            wait_until_read(&mut client);
            client
        })
        .collect();
    let metrics = admin::scrape(admin);
    assert_eq!(metrics["zigttp_partial_bytes"], (3 * PART) as f64);
    assert_eq!(metrics["zigttp_partial_bytes_limit"], f64::from(256 << 10));

    let mut one_too_many = RawClient::connect(server.address, "/");
    one_too_many.frame(START, &[b'x'; PART]);
    let reason = "too many messages are under way";
    assert_eq!(one_too_many.close_frame(), (Some(1013), reason.to_owned()));
    one_too_many.ended();
    assert_eq!(admin::scrape(admin)["zigttp_refused_messages_total"], 1.0);

    // An eighth is for those that need little, so that a few large ones do not keep others out.
    let mut little = RawClient::connect(server.address, "/");
    little.frame(START, &[b'x'; 8000]);
    wait_until_read(&mut little);
    little.frame(END, b"");
    assert_eq!(little.text(), "got 8000");

    // Messages that need none of it are served, and those that have some go on.
    let mut other = RawClient::connect(server.address, "/");
    other.frame(TEXT, b"whole");
    assert_eq!(other.text(), "got 5");
    for client in &mut clients {
        client.frame(END, b"!");
        assert_eq!(client.text(), format!("got {}", PART + 1));
    }
    assert_eq!(admin::scrape(admin)["zigttp_partial_bytes"], 0.0);
}

#[test]
fn an_unfinished_compressed_message_holds_what_was_sent_and_not_what_comes_of_it() {
    const CLIENTS: usize = 100;
    let (server, admin) = admin::start(&HANDLER, &[]);
    // Just within the limit of a message, of which 1 KiB comes.
    let compressed = deflate(&vec![0; 1 << 20]);
    assert!(compressed.len() < 1100, "{}", compressed.len());
    let begin = || {
        let (mut client, _) = RawClient::connect_with(server.address, "/", OFFER);
        client.frame(COMPRESSED_START, &compressed);
        wait_until_read(&mut client);
        client
    };
    let mut first = begin();
    let before = server.peak_memory();
    let clients: Vec<_> = (0..CLIENTS).map(|_| begin()).collect();
    let held = admin::scrape(admin)["zigttp_partial_bytes"];
    let sent = ((CLIENTS + 1) * compressed.len()) as f64;
    assert!((sent..=2.0 * sent).contains(&held), "{held} bytes of {sent}");
    let grown = server.peak_memory() - before;
    assert!(grown < 20, "{grown} MiB for {CLIENTS} clients who have sent 1 KiB each");
    first.frame(END, b"");
    assert_eq!(first.text(), "got 1048576");
    drop((first, clients));
    eventually("the end of all", || admin::scrape(admin)["zigttp_partial_bytes"] == 0.0);
}

#[test]
fn a_message_that_takes_too_long_is_closed_with_1008_whether_its_sender_is_silent_or_talks() {
    let (server, admin) = admin::start(&HANDLER, &["--message-timeout", "300ms"]);
    let late = (Some(1008), "a message took too long".to_owned());
    let (mut silent, _) = RawClient::connect_with(server.address, "/", OFFER);
    silent.frame(COMPRESSED_START, b"\xf2");
    assert_eq!(silent.close_frame(), late);
    silent.ended();

    let mut talker = RawClient::connect(server.address, "/");
    talker.frame(START, b"beginning");
    loop {
        // A further fragment, and a ping: neither gives it more time.
        talker.frame(0x00, b"more");
        talker.frame(PING, b"");
        let (first, payload) = talker.next();
        if first != PONG {
            assert_eq!(payload[..2], 1008_u16.to_be_bytes(), "{first:#x}");
            break;
        }
    }
    assert_eq!(admin::scrape(admin)["zigttp_late_messages_total"], 2.0);
    // One in time is not late, however long its connection has been open.
    let mut client = RawClient::connect(server.address, "/");
    client.frame(START, b"in ");
    client.frame(END, b"time");
    assert_eq!(client.text(), "got 7");
}
