//! What a peer sends after its handshake, through a real socket: the server ends every connection in
//! order, and answers the same however the bytes are cut.
//!
//! The first byte says where the rest is cut, the second whether compression is offered.

#![no_main]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Runtime;
use zigttp_runtime::{Config, Server, run};
use zigttp_tests::echo;

struct Peer {
    runtime: Runtime,
    server: Arc<Server>,
    address: SocketAddr,
}

thread_local! {
    static PEER: Peer = Peer::start();
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let [cut, flags, stream @ ..] = bytes else { return };
    PEER.with(|peer| peer.run(usize::from(*cut), flags & 1 == 1, stream));
});

const HANDSHAKE: &str = "GET / HTTP/1.1\r\nHost: t\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const OFFER: &str = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
/// First byte of a close frame.
const CLOSE: u8 = 0x88;
/// Longer than the server waits for anything.
const PATIENCE: Duration = Duration::from_secs(20);

impl Peer {
    fn start() -> Peer {
        let config = Config {
            // Bounds that a few bytes can reach.
            max_message_size: 300,
            max_body_size: 300,
            cpu_limit: Duration::from_secs(20),
            max_events: 2,
            compression_min_size: 8,
            ..Config::default()
        };
        let server = Server::new(config, &echo::artifact()).expect("the guest is a handler");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime starts");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        runtime.spawn(run(listener, Arc::clone(&server), std::future::pending()));
        Peer { runtime, server, address }
    }

    fn run(&self, cut: usize, offers: bool, stream: &[u8]) {
        let (whole, cut) = self.runtime.block_on(async {
            let (first, second) = stream.split_at(cut.min(stream.len()));
            (self.answer(offers, &[stream]).await, self.answer(offers, &[first, second]).await)
        });
        let (mut whole, mut cut) = (frames(&whole), frames(&cut));
        if offers {
            // What is compressed may have several faults: which of them shows first is chance.
            for (first, payload) in whole.iter_mut().chain(&mut cut) {
                if *first == CLOSE {
                    payload.clear();
                }
            }
        }
        // Where the peer hangs up without a close frame, what was about to be written may be lost.
        let is_closed = |frames: &[(u8, _)]| frames.last().is_some_and(|last| last.0 == CLOSE);
        let common = match is_closed(&whole) && is_closed(&cut) {
            true => whole.len().max(cut.len()),
            false => whole.len().min(cut.len()),
        };
        assert_eq!(whole.get(..common), cut.get(..common));
        self.runtime.block_on(async {
            while self.server.connections() > 0 {
                tokio::task::yield_now().await;
            }
        });
    }

    /// Sends pieces, hangs up, and reads to the end.
    async fn answer(&self, offers: bool, pieces: &[&[u8]]) -> Vec<u8> {
        let mut socket = self.connect().await;
        let handshake = format!("{HANDSHAKE}{}\r\n", if offers { OFFER } else { "" });
        socket.write_all(handshake.as_bytes()).await.expect("it reads");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(socket.read_u8().await.expect("it answers"));
        }
        let (mut reader, mut writer) = socket.split();
        let write = async {
            for piece in pieces {
                // It need not read to the end.
                let _ = writer.write_all(piece).await;
                tokio::task::yield_now().await;
            }
            let _ = writer.shutdown().await;
        };
        let mut answer = Vec::new();
        let read = tokio::time::timeout(PATIENCE, reader.read_to_end(&mut answer));
        let (read, ()) = tokio::join!(read, write);
        read.expect("the server ends the connection").expect("in order, without a reset");
        answer
    }

    /// From an address of its own: closed connections occupy a pair of ports for a minute.
    async fn connect(&self) -> TcpStream {
        let socket = TcpSocket::new_v4().expect("a descriptor");
        let [a, b] = std::array::from_fn(|_| fastrand::u8(1..255));
        let from = Ipv4Addr::new(127, a, b, fastrand::u8(1..255));
        socket.bind(SocketAddr::new(from.into(), 0)).expect("loopback is a whole network");
        socket.connect(self.address).await.expect("it listens")
    }
}

/// The frames of a server, which it neither fragments nor masks: first byte and payload. A pong may be
/// left out where a later one answers (RFC 6455, 5.5.3), so they are not compared.
fn frames(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut frames = Vec::new();
    while let [first, len, rest @ ..] = bytes {
        let (len, rest) = match *len {
            126 => (usize::from(u16::from_be_bytes([rest[0], rest[1]])), &rest[2..]),
            len => (usize::from(len), rest),
        };
        // Of a message that does not compress, with a little more around it.
        assert!(len <= 400, "a frame of {len} bytes");
        let (payload, rest) = rest.split_at(len);
        let is_known = matches!(first, 0x81 | 0x82 | 0x88 | 0x8a | 0xc1 | 0xc2);
        assert!(is_known, "a frame of type {first:#x}");
        if *first != 0x8a {
            frames.push((*first, payload.to_owned()));
        }
        bytes = rest;
    }
    assert!(bytes.is_empty(), "half a frame");
    frames
}
