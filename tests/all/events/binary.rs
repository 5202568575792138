//! Messages and attachments that are bytes.

use std::path::PathBuf;
use std::sync::LazyLock;

use tokio_tungstenite::tungstenite::Message;

use crate::support::programs;
use crate::support::raw::{PING, PONG, RawClient, TEXT};
use crate::support::server::Server;

static HANDLER: LazyLock<PathBuf> = LazyLock::new(|| {
    programs::compile(
        r#"
import { deserializeAttachment, send, serializeAttachment } from "zigttp:websocket";

const VIEWS: any = {
  Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array,
  BigInt64Array, BigUint64Array, Float16Array, Float32Array, Float64Array,
};

export function onMessage(ws: WebSocket, data: any) {
  if (typeof data !== "string") {
    const known = data instanceof ArrayBuffer && data.constructor === ArrayBuffer;
    if (!known) throw new Error("binary is an ArrayBuffer");
    send(ws, data);
    return;
  }
  const View = VIEWS[data];
  if (View !== undefined) {
    // Bytes 0, 1, 2 ... of which the view shows two elements from byte 8 on.
    const buffer = Uint8Array.from({ length: 64 }, (_, index) => index).buffer;
    send(ws, new View(buffer, 8, 2));
  } else if (data === "empty") {
    send(ws, new ArrayBuffer(0));
    send(ws, new Uint8Array(0));
    send(ws, "");
  } else if (data === "surrogate") {
    send(ws, "a\ud800b");
  } else if (data === "store nothing") {
    serializeAttachment(ws, "");
    send(ws, typeof deserializeAttachment(ws));
  } else if (data === "store most") {
    serializeAttachment(ws, new Uint8Array(65536).fill(7));
  } else if (data === "change") {
    const bytes = new Uint8Array([1]);
    send(ws, bytes);
    serializeAttachment(ws, bytes);
    bytes[0] = 2;
    const kept = deserializeAttachment(ws) as Uint8Array;
    send(ws, kept);
    kept[0] = 3;
    send(ws, deserializeAttachment(ws) as Uint8Array);
  } else if (data === "kept") {
    const kept = deserializeAttachment(ws);
    send(ws, `${kept.constructor.name} ${kept.length}`);
  } else {
    send(ws, data);
  }
}
"#,
    )
});

/// Elements' sizes, by the view's name.
const VIEWS: [(&str, usize); 12] = [
    ("Int8Array", 1),
    ("Uint8Array", 1),
    ("Uint8ClampedArray", 1),
    ("Int16Array", 2),
    ("Uint16Array", 2),
    ("Int32Array", 4),
    ("Uint32Array", 4),
    ("BigInt64Array", 8),
    ("BigUint64Array", 8),
    ("Float16Array", 2),
    ("Float32Array", 4),
    ("Float64Array", 8),
];

fn server() -> Server {
    Server::start(&HANDLER, &[])
}

#[tokio::test]
async fn binary_comes_as_an_array_buffer_and_goes_as_binary() {
    let server = server();
    let mut client = server.connect("/").await;
    for bytes in [vec![], vec![0], vec![0xff; 126], (0..=255).collect(), vec![1; 70_000]] {
        client.send(Message::binary(bytes.clone())).await;
        assert!(client.bytes().await == bytes, "{} bytes", bytes.len());
    }
}

#[tokio::test]
async fn text_comes_as_a_string_and_goes_as_text() {
    let server = server();
    let mut client = server.connect("/").await;
    for text in ["", "é", "日本", "😀", "a\0b", &"x".repeat(70_000)] {
        assert!(client.ask(text).await == text, "{} bytes", text.len());
    }
    assert_eq!(client.ask("surrogate").await, "a\u{fffd}b");
}

/// Whether a text is ASCII is checked in words and blocks of them; no position may be missed.
#[tokio::test]
async fn a_letter_that_is_not_ascii_is_found_wherever_it_stands() {
    let server = server();
    let mut client = server.connect("/").await;
    for len in (1..=9).chain([15, 16, 17, 33, 41]) {
        for place in 0..len {
            let text: String = (0..len).map(|at| if at == place { 'é' } else { '.' }).collect();
            assert_eq!(client.ask(&text).await, text);
        }
    }
}

#[tokio::test]
async fn every_typed_array_is_sent_from_its_offset() {
    let server = server();
    let mut client = server.connect("/").await;
    for (view, size) in VIEWS {
        client.send(view).await;
        let expected: Vec<u8> = (8..8 + 2 * size as u8).collect();
        assert_eq!(client.bytes().await, expected, "{view}");
    }
}

#[tokio::test]
async fn what_is_empty_is_sent_as_an_empty_frame() {
    let server = server();
    let mut client = server.connect("/").await;
    client.send("empty").await;
    assert!(client.bytes().await.is_empty());
    assert!(client.bytes().await.is_empty());
    assert_eq!(client.text().await, "");
}

#[tokio::test]
async fn attachments_keep_their_type() {
    let server =
        Server::start(&programs::compile_file("tests/fixtures/handlers/attachment_kinds.ts"), &[]);
    let mut client = server.connect("/").await;
    let mut previous = "nothing".to_owned();
    for (store, comes_back) in [
        ("string", "string zoë"),
        ("ArrayBuffer", "ArrayBuffer 1 1,2,3"),
        ("Int8Array", "Int8Array 1 -1,2"),
        ("Uint8Array", "Uint8Array 1 1,2"),
        ("Uint8ClampedArray", "Uint8ClampedArray 1 255,2"),
        ("Int16Array", "Int16Array 2 -1,2"),
        ("Uint16Array", "Uint16Array 2 1,2"),
        ("Int32Array", "Int32Array 4 -1,2"),
        ("Uint32Array", "Uint32Array 4 1,2"),
        ("BigInt64Array", "BigInt64Array 8 -1,2"),
        ("BigUint64Array", "BigUint64Array 8 1,2"),
        ("Float16Array", "Float16Array 2 1.5,2"),
        ("Float32Array", "Float32Array 4 1.5,2"),
        ("Float64Array", "Float64Array 8 1.5,2"),
        ("large", "Uint32Array 4 7,7,7,7"),
        ("string", "string zoë"),
    ] {
        let before = std::mem::replace(&mut previous, comes_back.to_owned());
        // Sends what the message before has stored.
        let answer = client.ask(store).await;
        assert_eq!(answer, before, "before {store}");
    }
    assert_eq!(client.ask("string").await, previous);
}

#[tokio::test]
async fn an_empty_attachment_is_a_value_and_the_largest_is_kept_whole() {
    let server = server();
    let mut client = server.connect("/").await;
    assert_eq!(client.ask("store nothing").await, "string");
    client.send("store most").await;
    assert_eq!(client.ask("kept").await, "Uint8Array 65536");
}

#[tokio::test]
async fn what_was_sent_stored_or_read_may_be_changed_afterwards() {
    let server = server();
    let mut client = server.connect("/").await;
    client.send("change").await;
    for what in ["sent", "stored", "read once more"] {
        assert_eq!(client.bytes().await, [1], "{what}");
    }
}

#[tokio::test]
async fn an_attachment_over_the_configured_size_is_refused_and_the_connection_stays() {
    let server = Server::start(&HANDLER, &["--max-attachment-size", "65535"]);
    let mut client = server.connect("/").await;
    client.send("store most").await;
    assert_eq!(client.ask("still here").await, "still here");
    server.wait_for_log("the value has 65536 bytes, the limit is 65535");
}

#[test]
fn fragments_are_one_message_and_a_ping_between_them_is_answered_at_once() {
    let server = server();
    let mut client = RawClient::connect(server.address, "/");
    // Split inside a character.
    let text = "fragmented é";
    let (first, second) = text.as_bytes().split_at(text.len() - 1);
    client.frame(0x01, first);
    client.frame(PING, b"now");
    assert_eq!(client.next(), (PONG, b"now".to_vec()));
    client.frame(0x00, b"");
    client.frame(0x80, second);
    assert_eq!(client.next(), (TEXT, text.as_bytes().to_vec()));
}
