//! Thousands of connections that open, chat and close, again and again, with one in each room that reads
//! nothing: at the end the server holds nothing of them.
//!
//! `ZIGTTP_SOAK_CONNECTIONS` and `ZIGTTP_SOAK_SECONDS` make it larger and longer.

#![expect(clippy::print_stdout, reason = "a proof says how much it has proven")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::client::Client;
use crate::support::left::{Held, number, wait_until, wait_until_empty};
use crate::support::{admin, patiently, programs};

/// A message goes to all in the room who have sent one; a flood goes to those who have not, and its sender
/// gets their number.
static HANDLER: LazyLock<PathBuf> = LazyLock::new(|| {
    programs::compile(
        r#"
import { send, getWebSockets, serializeAttachment, deserializeAttachment } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string, room: string) {
  if (data === "flood") {
    const payload = "x".repeat(100_000);
    const silent = getWebSockets(room).filter((peer) => deserializeAttachment(peer) === undefined);
    // Until its queue is full.
    for (const peer of silent) while (send(peer, payload));
    return void send(ws, "silent " + silent.length);
  }
  serializeAttachment(ws, data);
  for (const peer of getWebSockets(room)) {
    if (deserializeAttachment(peer) !== undefined) send(peer, data);
  }
}
"#,
    )
});

const PER_ROOM: usize = 20;
/// Rounds until the allocator holds most of the memory that it does not give back.
const WARM_UP: usize = 4;
const FLOOD_INTERVAL: Duration = Duration::from_millis(150);

/// A client that opens and then reads nothing at all; its receive buffer is small.
async fn open_slow(address: SocketAddr, path: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a descriptor");
    socket.set_recv_buffer_size(4096).expect("a size the kernel rounds up");
    let mut stream = patiently("connecting", socket.connect(address)).await.expect("it listens");
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: t\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.expect("it reads");
    let mut head = [0; 12];
    patiently("the handshake", stream.read_exact(&mut head)).await.expect("it answers");
    assert_eq!(&head, b"HTTP/1.1 101");
    stream
}

/// The life of one room: all connect, all talk, one is flooded, and all others close, each in its own way.
async fn live(address: SocketAddr, path: String) -> TcpStream {
    let slow = open_slow(address, &path).await;
    let mut clients = join_all((1..PER_ROOM).map(|_| Client::connect(address, &path))).await;
    join_all(clients.iter_mut().enumerate().map(|(number, client)| async move {
        for round in 0..3 {
            let text = format!("{number} says {round}");
            client.send(text.clone()).await;
            while client.text().await != text {}
        }
    }))
    .await;
    // The kernel takes some of each; in the end the queue stays full, and its connection is closed.
    loop {
        clients[0].send("flood").await;
        let mut answer = clients[0].text().await;
        while !answer.starts_with("silent") {
            answer = clients[0].text().await;
        }
        if answer == "silent 0" {
            break;
        }
        tokio::time::sleep(FLOOD_INTERVAL).await;
    }
    join_all(clients.into_iter().enumerate().map(|(number, client)| async move {
        match number % 3 {
            0 => client.drop_transport(),
            1 => client.leave().await,
            _ => client.reset(),
        }
    }))
    .await;
    slow
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_thousands_of_connections() {
    let connections = number("ZIGTTP_SOAK_CONNECTIONS").unwrap_or(500);
    let rooms = usize::try_from(connections).expect("fits").div_ceil(PER_ROOM);
    let time = Duration::from_secs(number("ZIGTTP_SOAK_SECONDS").unwrap_or(10));
    let folder = programs::folder();
    let durable = folder.path().to_str().expect("a UTF-8 path");
    let (server, admin) = admin::start_with(
        &HANDLER,
        &[
            "--durable",
            durable,
            "--max-queue",
            "2MiB",
            "--slow-consumer-timeout",
            "300ms",
            "--close-timeout",
            "300ms",
            // All clients are one process, which may be busy with others between a connect and its
            // request.
            "--header-timeout",
            "2min",
            "--cpu-limit",
            "20s",
            // The first room makes as many sandboxes as are kept.
            "--max-events",
            "2",
        ],
        // Freed memory that threads keep for themselves would count as in use.
        &[("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0")],
    );
    let began = Instant::now();
    // One room, so that the sandboxes exist.
    drop(live(server.address, "/room/first".to_owned()).await);
    wait_until_empty(admin).await;
    let empty = Held::of(&server, admin);
    let mut held = Vec::new();
    while began.elapsed() < time || held.len() <= WARM_UP {
        let rounds = held.len() + 1;
        let slow = join_all((0..rooms).map(|room| live(server.address, format!("/room/{room}"))));
        let slow = slow.await;
        wait_until(admin, "every slow one is told", |series| {
            series["zigttp_slow_consumers_total"] >= (rounds * rooms + 1) as f64
        })
        .await;
        drop(slow);
        wait_until_empty(admin).await;
        let now = Held::of(&server, admin);
        println!("round {rounds}: {now:?} after {:?}, empty {empty:?}", began.elapsed());
        held.push(now);
    }
    let last = Held::of(&server, admin);
    assert!(last.allocated <= empty.allocated * 1.1, "{last:?} of {empty:?}");
    let warm = held.iter().take(WARM_UP).map(|held| held.resident_kib).max().unwrap_or(0);
    assert!(last.resident_kib <= warm + warm / 2, "{last:?} of {held:?}");
    assert!(last.descriptors <= empty.descriptors + 1, "{last:?} of {empty:?}");
    let files = std::fs::read_dir(folder.path().join("ws")).expect("it is durable");
    assert_eq!(files.count(), 0, "no attachment has outlived its connection");
    let metrics = admin::scrape(admin);
    for never in
        ["zigttp_panics_total", "zigttp_restore_mismatches_total", "zigttp_accept_failures_total"]
    {
        assert_eq!(metrics[never], 0.0, "{never}");
    }
    assert!(!server.log().contains("ERROR"), "{}", server.log());
}
