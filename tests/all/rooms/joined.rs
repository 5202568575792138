//! Rooms that a connection joins, leaves and moves to, and sending to a room.

use std::path::PathBuf;
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::server::Server;
use crate::support::{admin, eventually, patiently, programs};

/// Carries out the calls of a message, a JSON array of them, and sends their results. "me" is the sender.
static HANDLER: LazyLock<PathBuf> = LazyLock::new(|| {
    programs::compile(
        r#"
import * as api from "zigttp:websocket";
import { signal } from "zigttp:durable";
import * as storage from "zigttp:storage";

type Functions = { [name: string]: (...given: any[]) => unknown };
const own: Functions = {
  spin: (gate) => { while (api.deserializeAttachment(gate) === undefined); },
  say: (text) => console.log(text),
  fail: () => { throw new Error("nothing happens"); },
  signal: (room, name, data) => signal(room, name, data),
};
const writing: Functions = { ...own, put: (room, key, value) => storage.put(room, key, value) };

function carryOut(calls: any[][], ws: any, room: string, own: Functions) {
  return calls.map(([name, ...given]) => {
    const values = given.map((value) => (value === "me" ? ws : value === "here" ? room : value));
    try {
      return (own[name] ?? (api as any)[name])(...values) ?? null;
    } catch (error) {
      if (name === "fail") throw error;
      return String(error);
    }
  });
}

export function onMessage(ws: any, data: any, room: string) {
  api.send(ws, JSON.stringify(carryOut(JSON.parse(data), ws, room, writing)));
}

export function onSignal(room: string, name: string, calls: any) {
  console.log(name, "in", room, JSON.stringify(carryOut(calls, 0, room, writing)));
}

export function onClose(ws: any, code: number, reason: string, room: string) {
  const moved = carryOut([["getRooms", "me"], ["join", "me", "late"], ["move", "me", "late"]], ws, room, own);
  console.log("closed in", room, JSON.stringify(moved), api.getWebSockets("hall").length, "in the hall");
}

export async function handler(req: Request) {
  const room = decodeURIComponent(req.query);
  return Response.json(carryOut(req.method === "POST" ? await req.json() : [["getWebSockets", room]], 0, "", own));
}
"#,
    )
});

async fn calls(client: &mut Client, calls: Value) -> Value {
    client.send(calls.to_string()).await;
    results(client).await
}

async fn results(client: &mut Client) -> Value {
    serde_json::from_str(&client.text().await).expect("the results are JSON")
}

/// Connections, each with its id.
async fn connect<const N: usize>(server: &Server, paths: [&str; N]) -> [(Client, u64); N] {
    let mut clients = Vec::new();
    for path in paths {
        let mut client = server.connect(path).await;
        let id = calls(&mut client, json!([["connectionId", "me"]])).await;
        let id = id[0].as_str().expect("it is text").parse().expect("it is a number");
        clients.push((client, id));
    }
    clients.try_into().ok().expect("one for each path")
}

/// Asks until a connection is gone.
async fn is_gone(by: &mut Client, id: u64) {
    let question = json!([["webSocketById", id.to_string()]]);
    patiently("the connection is gone", async {
        while calls(by, question.clone()).await != json!([null]) {}
    })
    .await;
}

fn server() -> Server {
    Server::start(&HANDLER, &[])
}

#[tokio::test]
async fn a_connection_that_joins_a_room_is_listed_and_gets_its_broadcasts_until_it_leaves() {
    let server = server();
    let [(mut ada, a), (mut bob, b)] = connect(&server, ["/a", "/b"]).await;
    calls(&mut ada, json!([["join", "me", "user:42"]])).await;
    let sent = calls(
        &mut bob,
        json!([["getWebSockets", "user:42"], ["broadcast", "user:42", "hi"], ["getRooms", a]]),
    );
    assert_eq!(sent.await, json!([[a], 1, ["/a", "user:42"]]));
    assert_eq!(ada.text().await, "hi");
    calls(&mut ada, json!([["leave", "me", "user:42"]])).await;
    let sent = calls(&mut bob, json!([["broadcast", "user:42", "hi"], ["getRooms", a]]));
    assert_eq!(sent.await, json!([0, ["/a"]]));
    // It joins a room of others, whose events it does not take part in.
    calls(&mut ada, json!([["join", "me", "/b"]])).await;
    let listed = calls(&mut bob, json!([["getWebSockets", "here"], ["getRooms", "me"]])).await;
    assert_eq!(listed, json!([[b, a], ["/b"]]));
}

#[tokio::test]
async fn an_event_sees_its_own_joins_leaves_and_moves() {
    let server = server();
    let [(mut ada, a), (mut bob, b)] = connect(&server, ["/a", "/a"]).await;
    ada.send(
        json!([
            ["join", "me", "x"],
            ["join", b, "x"],
            ["getWebSockets", "x"],
            ["leave", "me", "x"],
            ["join", "me", "x"],
            ["getWebSockets", "x"],
            ["move", "me", "game"],
            ["getRooms", "me"],
            ["getWebSockets", "/a"],
            ["getWebSockets", "game"],
            ["broadcast", "x", "to both"],
        ])
        .to_string(),
    )
    .await;
    assert_eq!((ada.text().await, bob.text().await), ("to both".into(), "to both".into()));
    let none = Value::Null;
    assert_eq!(
        results(&mut ada).await,
        json!([none, none, [a, b], none, none, [b, a], none, ["game", "x"], [b], [a], 2])
    );
    // And so it is committed.
    let committed = json!([["getWebSockets", "x"], ["getWebSockets", "/a"], ["getRooms", a]]);
    assert_eq!(calls(&mut bob, committed).await, json!([[b, a], [b], ["game", "x"]]));
}

#[tokio::test]
async fn what_an_event_that_throws_has_joined_is_not_joined() {
    let server = server();
    let [(mut ada, a)] = connect(&server, ["/a"]).await;
    ada.send(json!([["join", "me", "x"], ["move", "me", "y"], ["fail"]]).to_string()).await;
    let rooms = json!([["getRooms", "me"], ["getWebSockets", "x"], ["getWebSockets", "/a"]]);
    assert_eq!(calls(&mut ada, rooms).await, json!([["/a"], [], [a]]));
}

#[tokio::test]
async fn broadcast_reaches_every_member_but_those_left_out_and_returns_how_many() {
    let server = server();
    let [(mut ada, _), (mut bob, b), (mut cy, c)] = connect(&server, ["/a"; 3]).await;
    for (options, to_bob, to_cy) in [
        (json!({ "except": "me" }), true, true),
        (json!({ "except": [b] }), false, true),
        (json!([b, c]), false, false),
        (json!(c), true, false),
        (json!({ "volatile": true }), true, true),
    ] {
        let is_mine = options != json!({ "except": "me" });
        // "me" is only known as an argument.
        let options = match is_mine {
            true => options,
            false => json!("me"),
        };
        ada.send(json!([["broadcast", "here", "all", options]]).to_string()).await;
        if is_mine {
            assert_eq!(ada.text().await, "all");
        }
        let count = usize::from(is_mine) + usize::from(to_bob) + usize::from(to_cy);
        assert_eq!(results(&mut ada).await, json!([count]), "{options}");
        for (client, is_sent) in [(&mut bob, to_bob), (&mut cy, to_cy)] {
            if is_sent {
                assert_eq!(client.text().await, "all");
            }
            // Nothing else has come before it.
            assert_eq!(calls(client, json!([])).await, json!([]));
        }
    }
}

#[tokio::test]
async fn a_moved_connection_s_messages_and_its_close_are_events_of_the_new_room() {
    let server = Server::start(&HANDLER, &["--cpu-limit", "20s"]);
    let [(mut ada, a), (mut bob, b), (mut cy, c)] = connect(&server, ["/lobby"; 3]).await;
    // Two games, each with a turn of its own.
    calls(&mut cy, json!([["move", a, "game:1"], ["move", b, "game:2"]])).await;
    let here = json!([["getRooms", "me"], ["getWebSockets", "here"]]);
    assert_eq!(calls(&mut ada, here.clone()).await, json!([["game:1"], [a]]));
    assert_eq!(calls(&mut bob, here.clone()).await, json!([["game:2"], [b]]));
    assert_eq!(calls(&mut cy, here).await, json!([["/lobby"], [c]]));
    // An event in one game goes on until one in the other has committed.
    ada.send(json!([["say", "waiting"], ["spin", b]]).to_string()).await;
    server.wait_for_log("waiting");
    calls(&mut bob, json!([["serializeAttachment", "me", "open"]])).await;
    results(&mut ada).await;
    ada.close(1000, "").await;
    server.wait_for_log("closed in game:1");
    let left = calls(&mut cy, json!([["getWebSockets", "game:1"], ["listRooms"]])).await;
    assert_eq!(
        left,
        json!([[], [{ "room": "/lobby", "members": 1 }, { "room": "game:2", "members": 1 }]])
    );
}

#[tokio::test]
async fn a_message_that_waits_for_the_turn_of_a_room_runs_in_the_room_it_was_moved_to() {
    let (server, admin) = admin::start(&HANDLER, &["--cpu-limit", "20s"]);
    let [(mut ada, a), (mut bob, _), (mut gate, g)] =
        connect(&server, ["/lobby", "/lobby", "/gate"]).await;
    // The event that moves her runs until her message waits for the turn.
    bob.send(json!([["say", "moving"], ["move", a, "game"], ["spin", g]]).to_string()).await;
    server.wait_for_log("moving");
    ada.send(json!([["getRooms", "me"], ["put", "here", "key", 1]]).to_string()).await;
    // Two events run or wait for their turn: hers and the one that moves her.
    eventually("her message waits", || {
        admin::scrape(admin)["zigttp_connections{state=\"live\"}"] == 2.0
    });
    calls(&mut gate, json!([["serializeAttachment", "me", "open"]])).await;
    // Only events of the room may write its state.
    assert_eq!(results(&mut ada).await, json!([["game"], null]));
}

#[tokio::test]
async fn a_move_runs_no_event_and_keeps_attachment_and_joined_rooms() {
    let server = server();
    let [(mut ada, a), (mut bob, _)] = connect(&server, ["/lobby", "/lobby"]).await;
    let kept = json!([["serializeAttachment", "me", "kept"], ["join", "me", "x"]]);
    calls(&mut ada, kept).await;
    calls(&mut bob, json!([["move", a, "x"], ["signal", "x", "told", [["getWebSockets", "x"]]]]))
        .await;
    let log = server.wait_for_log(&format!("told in x [[{a}]]"));
    assert!(!log.contains("closed in"), "{log}");
    // The room that it had joined is its own now, once.
    let seen = json!([["deserializeAttachment", "me"], ["getRooms", "me"], ["getWebSockets", "x"]]);
    assert_eq!(calls(&mut ada, seen).await, json!(["kept", ["x"], [a]]));
    // It can come back, and join what was its own.
    calls(&mut ada, json!([["move", "me", "/lobby"], ["join", "me", "x"]])).await;
    assert_eq!(calls(&mut ada, json!([["getRooms", "me"]])).await, json!([["/lobby", "x"]]));
}

#[tokio::test]
async fn a_closed_connection_leaves_all_of_its_rooms_and_on_close_still_knows_them() {
    let server = server();
    let [(mut ada, a), (mut bob, b)] = connect(&server, ["/a", "/b"]).await;
    calls(&mut ada, json!([["join", "me", "hall"], ["join", "me", "x"], ["join", b, "hall"]]))
        .await;
    ada.close(1000, "").await;
    let none = r#"closed in /a [["/a","hall","x"],null,"RangeError: move: the connection is closing"] 1 in the hall"#;
    server.wait_for_log(none);
    let listed = json!([["listRooms"], ["broadcast", "x", "hi"]]);
    is_gone(&mut bob, a).await;
    let rooms = json!([{ "room": "/b", "members": 1 }, { "room": "hall", "members": 1 }]);
    assert_eq!(calls(&mut bob, listed).await, json!([rooms, 0]));
}

#[tokio::test]
async fn names_out_of_bounds_too_many_joins_and_senseless_moves_are_one_clear_error_each() {
    let server = Server::start(&HANDLER, &["--max-joins", "3"]);
    let [(mut ada, _), (mut bob, b)] = connect(&server, ["/a", "/a"]).await;
    let long = "é".repeat(513);
    let bounds = "bytes of UTF-8, it may have 1 to 1024";
    for (call, error) in [
        (json!(["join", "me", ""]), format!("RangeError: join: the room has 0 {bounds}")),
        (json!(["move", "me", long]), format!("RangeError: move: the room has 1026 {bounds}")),
        (json!(["join", "me", "\u{fffd}x".repeat(300)]), format!("RangeError: join: the room has 1200 {bounds}")),
        (json!(["leave", "me", "/a"]), "RangeError: leave: \"/a\" is the connection's own room: move it to another one, or close it".into()),
        (json!(["move", "me", "/a"]), "RangeError: move: \"/a\" is the connection's own room already".into()),
        (json!(["join", "x", "y"]), "TypeError: join: ws must be a WebSocket".into()),
        (json!(["join", "me", 7]), "TypeError: join: room must be a string".into()),
        (json!(["broadcast", "x", 7]), "TypeError: broadcast: data must be a string, an ArrayBuffer or a typed array".into()),
        (json!(["broadcast", "x", "y", ["z"]]), "TypeError: broadcast: except must be a WebSocket or an array of WebSockets".into()),
        (json!(["broadcast", "x", "y", { "exept": [] }]), "TypeError: broadcast: there is no option exept; the options are except, volatile".into()),
        (json!(["send", "me", "y", { "volatile": 1 }]), "TypeError: send: options.volatile must be a boolean".into()),
        (json!(["listRooms", { "limit": 1001 }]), "RangeError: listRooms: options.limit is 1001, it has to be an integer from 1 to 1000".into()),
        (json!(["listRooms", { "limit": 0 }]), "RangeError: listRooms: options.limit is 0, it has to be an integer from 1 to 1000".into()),
        (json!(["listRooms", { "of": "all" }]), "TypeError: listRooms: options.of must be \"members\" or \"state\"".into()),
        (json!(["webSocketById", 7]), "TypeError: webSocketById: id must be a string".into()),
        (json!(["param", 0.5, "name"]), "TypeError: param: of must be a WebSocket, a Request or the name of a room".into()),
    ] {
        assert_eq!(calls(&mut ada, json!([call])).await, json!([error]));
    }
    let joins: Vec<Value> =
        (0..4).map(|number| json!(["join", "me", format!("r{number}")])).collect();
    let full = "RangeError: join: the connection has joined 3 rooms already, which is the limit (--max-joins)";
    assert_eq!(calls(&mut ada, json!(joins)).await, json!([null, null, null, full]));
    // One that it has joined already takes no place.
    assert_eq!(calls(&mut ada, json!([["join", "me", "r1"]])).await, json!([null]));
    let closing = json!([["close", b], ["join", b, "x"], ["leave", b, "x"], ["move", b, "x"]]);
    let error = "RangeError: move: the connection is closing";
    assert_eq!(calls(&mut ada, closing).await, json!([null, null, null, error]));
    bob.closed().await;
    let gone = json!([
        ["join", b, "x"],
        ["move", b, "x"],
        ["getRooms", b],
        ["bufferedAmount", b],
        ["webSocketById", b.to_string()],
    ]);
    is_gone(&mut ada, b).await;
    assert_eq!(calls(&mut ada, gone).await, json!([null, null, [], 0, null]));
}

#[tokio::test]
async fn an_id_as_text_leads_back_to_its_connection_and_other_texts_to_none() {
    let server = server();
    let [(mut ada, a), (_bob, b)] = connect(&server, ["/a", "/b"]).await;
    let texts = [
        b.to_string(),
        a.to_string(),
        format!("0{a}"),
        format!("+{a}"),
        format!("{a}.0"),
        format!(" {a}"),
        String::new(),
        "x".into(),
        "99999999999999999999".into(),
    ];
    let found: Vec<_> = texts.iter().map(|text| json!(["webSocketById", text])).collect();
    let none = Value::Null;
    assert_eq!(
        calls(&mut ada, json!(found)).await,
        json!([b, a, none, none, none, none, none, none, none])
    );
}

#[tokio::test]
async fn rooms_are_listed_in_order_by_members_or_by_state() {
    let server = server();
    let [(mut ada, _), (mut bob, _), (mut cy, _)] = connect(&server, ["/b", "/a", "/a"]).await;
    calls(&mut ada, json!([["join", "me", "é"], ["join", "me", "z/1"], ["join", "me", "z/2"]]))
        .await;
    let room = |name: &str, members: u32| json!({ "room": name, "members": members });
    let all = [room("/a", 2), room("/b", 1), room("z/1", 1), room("z/2", 1), room("é", 1)];
    let listed = calls(
        &mut bob,
        json!([
            ["listRooms"],
            ["listRooms", { "prefix": "z/" }],
            ["listRooms", { "startAfter": "/b", "limit": 1 }],
            ["listRooms", { "prefix": "z/", "startAfter": "z/1", "limit": 9 }],
            ["listRooms", { "startAfter": "é" }],
            ["listRooms", { "of": "state" }],
        ]),
    )
    .await;
    let expected = json!([all, all[2..4], all[2..3], all[3..4], json!([]), json!([])]);
    assert_eq!(listed, expected);
    calls(
        &mut bob,
        json!([
            ["put", "here", "key", "value"],
            ["signal", "later", "store", [["put", "later", "key", 1]]]
        ]),
    )
    .await;
    server.wait_for_log("store in later");
    // A room with state and without members, which no event keeps.
    let stored = calls(
        &mut cy,
        json!([["listRooms", { "of": "state" }], ["listRooms", { "of": "state", "prefix": "l" }]]),
    )
    .await;
    assert_eq!(stored, json!([[room("/a", 2), room("later", 0)], [room("later", 0)]]));
}

#[tokio::test]
async fn a_list_of_more_than_1000_rooms_is_a_range_error_and_pages_are_whole() {
    let server = Server::start(&HANDLER, &["--max-joins", "1000"]);
    let [(mut ada, _), (mut bob, _)] = connect(&server, ["/a", "/a"]).await;
    let joins: Vec<Value> =
        (0..1_100).map(|number| json!(["join", "me", format!("r{number:04}")])).collect();
    calls(&mut ada, json!(joins[..600])).await;
    calls(&mut bob, json!(joins[600..])).await;
    let pages = calls(
        &mut ada,
        json!([["listRooms"], ["listRooms", { "limit": 1000 }], ["listRooms", { "limit": 1000, "startAfter": "r0998" }]]),
    )
    .await;
    let error = "RangeError: listRooms: there are more than 1000 rooms: pass limit and page with startAfter";
    assert_eq!(pages[0], json!(error));
    let names = |page: &Value| -> Vec<String> {
        let page = page.as_array().expect("it is a list");
        page.iter().map(|listed| listed["room"].as_str().expect("a name").to_owned()).collect()
    };
    let expected = |range: std::ops::Range<usize>| {
        range.map(|number| format!("r{number:04}")).collect::<Vec<_>>()
    };
    assert_eq!(names(&pages[1])[1..], expected(0..999));
    assert_eq!(names(&pages[2]), expected(999..1100));
}

#[tokio::test]
async fn two_rooms_that_broadcast_to_one_joined_room_give_its_members_one_order() {
    const MESSAGES: usize = 60;
    let server = server();
    let mut members = connect(&server, ["/1", "/2", "/3", "/4", "/5"]).await;
    for (client, _) in &mut members {
        calls(client, json!([["join", "me", "hall"]])).await;
    }
    let mut senders = connect(&server, ["/x", "/y"]).await;
    let sending = senders.iter_mut().zip(["x", "y"]).map(|((client, _), name)| async move {
        for message in 0..MESSAGES {
            client
                .send(json!([["broadcast", "hall", format!("{name}{message}")]]).to_string())
                .await;
        }
    });
    futures_util::future::join_all(sending).await;
    let mut heard = Vec::new();
    for (client, _) in &mut members {
        let mut texts = Vec::new();
        for _ in 0..2 * MESSAGES {
            texts.push(client.text().await);
        }
        heard.push(texts);
    }
    assert!(heard.iter().all(|texts| *texts == heard[0]), "{heard:?}");
}

#[tokio::test]
async fn a_running_event_goes_on_with_the_list_it_has() {
    let server = Server::start(&HANDLER, &["--cpu-limit", "20s"]);
    let [(mut ada, a), (mut bob, b), (mut gate, g)] =
        connect(&server, ["/hall", "/b", "/gate"]).await;
    let twice = json!([
        ["getWebSockets", "here"],
        ["say", "listed"],
        ["spin", g],
        ["getWebSockets", "here"]
    ]);
    ada.send(twice.to_string()).await;
    server.wait_for_log("listed");
    // It does not wait for the turn of the room that it joins.
    calls(&mut bob, json!([["join", "me", "/hall"]])).await;
    calls(&mut gate, json!([["serializeAttachment", "me", "open"]])).await;
    let none = Value::Null;
    assert_eq!(results(&mut ada).await, json!([[a], none, none, [a]]));
    assert_eq!(calls(&mut ada, json!([["getWebSockets", "here"]])).await, json!([[a, b]]));
}

#[tokio::test]
async fn a_volatile_frame_is_dropped_while_older_ones_wait() {
    let server = server();
    let [(mut ada, _), (bob, b)] = connect(&server, ["/a", "/a"]).await;
    let probe = json!([["send", b, "x", { "volatile": true }], ["bufferedAmount", b]]);
    assert_eq!(calls(&mut ada, probe.clone()).await[0], json!(true));
    // He does not read: his queue fills once the kernel's buffers are full.
    let block = "x".repeat(200_000);
    for count in 0.. {
        let queued = calls(&mut ada, json!([["send", b, block], ["bufferedAmount", b]])).await;
        if calls(&mut ada, json!([["bufferedAmount", b]])).await[0].as_u64() > Some(0) {
            assert_eq!(queued[0], json!(true));
            break;
        }
        assert!(count < 1000, "the queue never fills");
    }
    let sent = calls(&mut ada, probe).await;
    assert_eq!(sent[0], json!(false));
    assert!(sent[1].as_u64() > Some(0), "{sent}");
    drop(bob);
}

#[tokio::test]
async fn a_room_to_which_a_request_or_a_signal_sends_need_not_be_a_path() {
    let server = server();
    let [(mut ada, _)] = connect(&server, ["/a"]).await;
    calls(&mut ada, json!([["join", "me", "user:42"]])).await;
    let body = json!([["broadcast", "user:42", "from a request"]]).to_string();
    let head = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let (_, response) = server.request(&head);
    assert_eq!(response, "[1]");
    assert_eq!(ada.text().await, "from a request");
    calls(
        &mut ada,
        json!([["signal", "user:42", "note", [["broadcast", "user:42", "from a signal"]]]]),
    )
    .await;
    assert_eq!(ada.text().await, "from a signal");
}
