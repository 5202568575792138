//! A hot room: how much may wait for its turn, and that it harms nobody but itself.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::LazyLock;

use crate::support::client::Client;
use crate::support::raw::{self, RawClient, TEXT};
use crate::support::server::Server;
use crate::support::{admin, eventually, programs};

/// A room whose turn is held from the message `hold ID` until the connection of this id has stored something.
static HANDLER: LazyLock<PathBuf> = LazyLock::new(|| {
    programs::compile(
        r#"
import {
  deserializeAttachment, getWebSockets, send, serializeAttachment,
} from "zigttp:websocket";

export const routes = ["/room/:name"];

export function onMessage(ws: WebSocket, data: string, room: string) {
  const [what, gate] = data.split(" ");
  if (what === "hold") {
    console.log("holding");
    while (deserializeAttachment(Number(gate) as any) === undefined);
  }
  if (what === "spin") {
    console.log("spinning");
    for (let left = Number(gate) * 50_000; left > 0; left--);
  }
  if (what === "all") {
    for (const peer of getWebSockets(room)) send(peer, data);
    return;
  }
  if (what === "go") serializeAttachment(ws, "on");
  send(ws, what === "id" ? String(ws) : data.slice(0, 20));
}

export function onClose(ws: WebSocket, code: number) { console.log("closed with", code); }

export function onRequest(req: Request, room: string) { return Response.text(room); }
"#,
    )
});

const HELD: [&str; 4] = ["--cpu-limit", "25s", "--turn-timeout", "60s"];

struct Held {
    server: Server,
    admin: SocketAddr,
    holder: Client,
    gate: Client,
}

/// A server whose `/room/hot` has an event that runs until [`Held::release`].
async fn held(arguments: &[&str]) -> Held {
    let (server, admin) = admin::start(&HANDLER, &[&HELD[..], arguments].concat());
    let mut holder = server.connect("/room/hot").await;
    let mut gate = server.connect("/room/gate").await;
    let id = gate.ask("id").await;
    holder.send(format!("hold {id}")).await;
    server.wait_for_log("holding");
    Held { server, admin, holder, gate }
}

impl Held {
    fn metric(&self, name: &str) -> f64 {
        admin::scrape(self.admin)[name]
    }

    async fn release(&mut self) {
        self.gate.ask("go").await;
        assert!(self.holder.text().await.starts_with("hold"));
    }

    /// The status and head of a request to the hot room.
    fn request(&self) -> String {
        let request = "GET /room/hot HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        self.server.request(request).0.to_lowercase()
    }

    fn is_refused(&self) -> bool {
        let head = self.request();
        head.starts_with("http/1.1 503") && head.contains("retry-after: 1")
    }
}

#[tokio::test]
async fn a_flooded_room_is_not_read_over_its_limit_and_then_goes_on_with_nothing_lost() {
    const CLIENTS: usize = 40;
    const MESSAGES: usize = 5;
    let mut held = held(&["--room-queue", "10"]).await;
    let mut clients = Vec::new();
    // Connections open in the turn of their room, so these are in it before.
    held.release().await;
    for _ in 0..CLIENTS {
        clients.push(held.server.connect("/room/hot").await);
    }
    let mut gate = held.server.connect("/room/gate").await;
    let id = gate.ask("id").await;
    held.holder.send(format!("hold {id}")).await;
    held.server.wait_for_log_count("holding", 2);

    for message in 0..MESSAGES {
        for (number, client) in clients.iter_mut().enumerate() {
            client.send(format!("{number}/{message}")).await;
        }
    }
    eventually("the others are not read", || {
        held.metric("zigttp_unread_connections") >= (CLIENTS - 20) as f64
    });
    // Each thread may be reading one when the limit is reached.
    let waiting = held.metric("zigttp_room_queue_events");
    assert!((10.0..=20.0).contains(&waiting), "{waiting}");
    assert!(held.metric("zigttp_room_queue_bytes") >= waiting * 3.0);
    assert_eq!(held.metric("zigttp_rooms_over_queue_total"), 1.0);
    held.server.wait_for_log("too much waits in this room");

    // Clients that can come back are told so, and others are served.
    assert!(held.is_refused());
    assert!(Client::try_connect(held.server.address, "/room/hot").await.is_err());
    let mut other = held.server.connect("/room/cool").await;
    for _ in 0..100 {
        assert_eq!(other.ask("hello").await, "hello");
    }
    assert_eq!(held.server.get("/room/cool"), (200, "/room/cool".to_owned()));

    gate.ask("go").await;
    assert!(held.holder.text().await.starts_with("hold"));
    for (number, client) in clients.iter_mut().enumerate() {
        for message in 0..MESSAGES {
            assert_eq!(client.text().await, format!("{number}/{message}"));
        }
    }
    eventually("all is handled", || held.metric("zigttp_room_queue_events") == 0.0);
    assert_eq!(held.metric("zigttp_room_queue_bytes"), 0.0);
    assert_eq!(held.metric("zigttp_unread_connections"), 0.0);
    assert!(held.request().starts_with("http/1.1 200"));
}

#[tokio::test]
async fn a_room_is_over_its_limit_of_bytes_too_and_what_was_read_behind_a_message_counts() {
    let mut held = held(&["--room-queue-bytes", "100KiB"]).await;
    held.release().await;
    let mut gate = held.server.connect("/room/gate").await;
    let mut small = RawClient::connect(held.server.address, "/room/hot");
    let mut large = held.server.connect("/room/hot").await;
    let mut late = held.server.connect("/room/hot").await;
    let id = gate.ask("id").await;
    held.holder.send(format!("hold {id}")).await;
    held.server.wait_for_log_count("holding", 2);
    // They come together, so all but the first are behind it.
    let ten = (0..10).flat_map(|it| raw::frame(TEXT, format!("{it}").as_bytes()));
    small.write(&ten.collect::<Vec<u8>>());
    eventually("they wait", || held.metric("zigttp_room_queue_bytes") == 1.0 + 9.0 * 7.0);
    assert!(held.metric("zigttp_unread_connections") == 0.0);
    large.send("x".repeat(100 << 10)).await;
    eventually("it waits", || held.metric("zigttp_rooms_over_queue_total") == 1.0);
    late.send("late").await;
    eventually("it is not read", || held.metric("zigttp_unread_connections") >= 1.0);
    assert!(held.is_refused());
    gate.ask("go").await;
    assert!(held.holder.text().await.starts_with("hold"));
    for it in 0..10 {
        assert_eq!(small.text(), it.to_string());
    }
    assert_eq!(large.text().await.len(), 20);
    assert_eq!(late.text().await, "late");
}

#[tokio::test]
async fn a_client_that_is_not_read_is_not_taken_for_dead_and_its_close_is_handled_afterwards() {
    let pings = ["--ping-interval", "100ms", "--pong-timeout", "100ms", "--room-queue", "1"];
    let (server, admin) = admin::start(&HANDLER, &[&HELD[..], &pings].concat());
    let mut holder = server.connect("/room/hot").await;
    let mut unread = Vec::new();
    for _ in 0..4 {
        unread.push(server.connect("/room/hot").await);
    }
    let mut other = server.connect("/room/cool").await;
    holder.send("spin 4000").await;
    server.wait_for_log("spinning");
    for client in &mut unread {
        client.send("hello").await;
    }
    let metric = |name: &str| admin::scrape(admin)[name];
    eventually("they are not read", || metric("zigttp_unread_connections") >= 2.0);
    // Many intervals pass.
    for _ in 0..8 {
        assert!(other.pinged().await);
    }
    assert!(metric("zigttp_unread_connections") >= 2.0, "the event has ended too early");
    assert_eq!(metric("zigttp_dead_peers_total"), 0.0);
    assert_eq!(holder.text().await, "spin 4000");
    for mut client in unread {
        assert_eq!(client.text().await, "hello");
        assert_eq!(client.close(4001, "").await, 4001);
    }
    server.wait_for_log_count("closed with 4001", 4);
}

#[tokio::test]
async fn one_who_floods_its_room_takes_turns_with_the_others() {
    let mut held = held(&[]).await;
    held.release().await;
    let mut flood = RawClient::connect(held.server.address, "/room/hot");
    let mut bob = held.server.connect("/room/hot").await;
    let mut gate = held.server.connect("/room/gate").await;
    let id = gate.ask("id").await;
    held.holder.send(format!("hold {id}")).await;
    held.server.wait_for_log_count("holding", 2);
    let all = (0..200).flat_map(|it| raw::frame(TEXT, format!("all {it}").as_bytes()));
    flood.write(&all.collect::<Vec<u8>>());
    eventually("one of them waits", || held.metric("zigttp_room_queue_events") == 1.0);
    bob.send("all mine").await;
    eventually("it waits", || held.metric("zigttp_room_queue_events") == 2.0);
    gate.ask("go").await;
    assert_eq!([bob.text().await, bob.text().await], ["all 0", "all mine"]);
    for it in 1..200 {
        assert_eq!(bob.text().await, format!("all {it}"));
    }
}

#[tokio::test]
async fn a_wait_for_a_turn_is_measured_and_one_that_does_not_wait_counts_as_none() {
    let mut held = held(&[]).await;
    let sum = "zigttp_turn_wait_seconds_sum";
    assert_eq!(held.metric(sum), 0.0);
    let count = held.metric("zigttp_turn_wait_seconds_count");
    // The handshakes, `id` and `hold`.
    assert_eq!(count, 4.0);
    assert_eq!(held.metric("zigttp_turn_wait_seconds_bucket{le=\"0.000002\"}"), count);
    let address = held.server.address;
    let waiting = tokio::task::spawn_blocking(move || RawClient::connect(address, "/room/hot"));
    eventually("it waits", || held.metric("zigttp_room_queue_events") == 1.0);
    held.release().await;
    waiting.await.expect("it is accepted");
    assert!(held.metric(sum) > 0.0);
}
