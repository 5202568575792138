//! What a crash leaves: every attachment that a client has received, whole, and nothing else.

#![expect(clippy::print_stdout, reason = "a proof says how much it has proven")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message;

use crate::support::durable::{DISTRIBUTOR, Durable, id_of, kills, random};
use crate::support::patiently;

/// Stores each message with its connection, and confirms it afterwards: `id number`.
const KEEPER: &str = r#"
import { send, serializeAttachment } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) {
  serializeAttachment(ws, data);
  send(ws, ws + " " + data.slice(0, data.indexOf(" ")));
}
"#;

/// The value of a number: its length depends on the number, and crosses pages.
fn numbered(number: u64) -> String {
    let length = number.wrapping_mul(2_654_435_761) % 9000;
    format!("{number} {}", "x".repeat(usize::try_from(length).expect("below 9000")))
}

/// What one client knows of its connection.
#[derive(Default)]
struct Account {
    id: Option<String>,
    /// The last number that the server has confirmed.
    acknowledged: u64,
    /// The last number that was sent.
    sent: u64,
}

/// Has one number after the other stored until the server ends.
async fn keep_numbers(address: SocketAddr, path: String) -> Account {
    let mut account = Account::default();
    let Ok((mut stream, _)) =
        tokio_tungstenite::connect_async(format!("ws://{address}{path}")).await
    else {
        return account;
    };
    for number in 1.. {
        account.sent = number;
        if stream.send(Message::text(numbered(number))).await.is_err() {
            break;
        }
        // After a kill, what the server had sent before still arrives.
        let Some(Ok(Message::Text(answer))) = stream.next().await else { break };
        let (id, acknowledged) = answer.split_once(' ').expect("an id and a number");
        assert_eq!(acknowledged, number.to_string());
        account.id = Some(id.to_owned());
        account.acknowledged = number;
    }
    account
}

#[tokio::test]
async fn every_acknowledged_attachment_is_there_whole_after_kills_at_random_moments() {
    const CLIENTS: usize = 8;
    let (kills, time) = kills();
    let durable = Durable::of(KEEPER);
    let started = Instant::now();
    // Of all rounds: a later server must not change what an earlier one has left.
    let mut accounts: BTreeMap<String, Account> = BTreeMap::new();
    let mut acknowledged = 0;
    let mut killed = 0;
    // Kills that have hit a write in the middle.
    let mut interrupted = 0;
    while killed < kills && started.elapsed() < time {
        // Either way a kill of the process must be survived.
        let fsync = if killed % 2 == 0 { "never" } else { "always" };
        let server = durable.serve(&["--fsync", fsync]);
        assert_eq!(durable.temporaries(), Vec::<String>::new(), "swept at the start");
        // Two in each room.
        let clients = (0..CLIENTS)
            .map(|client| tokio::spawn(keep_numbers(server.address, format!("/{}", client / 2))));
        let clients: Vec<_> = clients.collect();
        tokio::time::sleep(random(Duration::from_millis(120))).await;
        server.kill();
        killed += 1;
        interrupted += u32::from(!durable.temporaries().is_empty());
        for account in patiently("the end of all clients", join_all(clients)).await {
            let account = account.expect("a client keeps count");
            acknowledged += account.acknowledged;
            if let Some(id) = account.id.clone() {
                assert!(accounts.insert(id.clone(), account).is_none(), "{id} was used before");
            }
        }
        for (id, account) in &accounts {
            let value = durable.value(id);
            let number = value.split(' ').next().and_then(|number| number.parse().ok());
            let number: u64 = number.unwrap_or_else(|| panic!("{id} is torn: {value:?}"));
            assert_eq!(value, numbered(number), "{id} is torn");
            assert!(
                (account.acknowledged..=account.sent).contains(&number),
                "{id} has {number}, but {} was acknowledged and {} sent",
                account.acknowledged,
                account.sent
            );
        }
    }
    assert!(acknowledged > u64::from(killed), "the clients were heard before the kills");
    println!(
        "survived {killed} kills, {interrupted} of them in the middle of a write, in {:?}: \
         {} connections, {acknowledged} attachments acknowledged",
        started.elapsed(),
        accounts.len()
    );
    drop(durable.serve(&[]));
    assert_eq!(durable.temporaries(), Vec::<String>::new());
    for name in durable.names() {
        let id = name.strip_suffix(".att").expect("nothing but attachments");
        // That of a connection which never received its id is whole as well.
        durable.value(id);
    }
}

#[tokio::test]
async fn a_crash_between_temporary_and_rename_leaves_the_old_value() {
    let durable = Durable::of(DISTRIBUTOR);
    let server = durable.serve_with(&[], &[("ZIGTTP_FAILPOINT", "written:1")]);
    let mut client = server.connect("/").await;
    let id = id_of(&mut client).await;
    assert_eq!(client.ask("old").await, "kept");
    client.send("new").await;
    assert!(!server.wait().success(), "it has crashed");
    assert_eq!(durable.value(&id), "old");
    assert_eq!(durable.temporaries().len(), 1, "it crashed where it was to");
    drop(durable.serve(&[]));
    assert_eq!(durable.temporaries(), Vec::<String>::new());
    assert_eq!(durable.value(&id), "old");
}

#[tokio::test]
async fn a_crash_between_two_files_of_one_event_leaves_both_values_at_the_next_start() {
    let durable = Durable::of(DISTRIBUTOR);
    let server = durable.serve_with(&[], &[("ZIGTTP_FAILPOINT", "redone")]);
    let mut clients = [server.connect("/a").await, server.connect("/b").await];
    let mut ids = Vec::new();
    for client in &mut clients {
        ids.push(id_of(client).await);
        assert_eq!(client.ask("old").await, "kept");
    }
    clients[0].send(format!("{} {} new", ids[0], ids[1]).as_str()).await;
    assert!(!server.wait().success(), "it has crashed");
    let values = || {
        let mut values: Vec<String> = ids.iter().map(|id| durable.value(id)).collect();
        values.sort_unstable();
        values
    };
    assert_eq!(values(), ["new", "old"], "it crashed where it was to");
    drop(durable.serve(&[]));
    assert_eq!(durable.temporaries(), Vec::<String>::new());
    assert_eq!(values(), ["new", "new"]);
}

/// Leaves attachments with these values behind by a crash; returns the ids that had them.
async fn leave(durable: &Durable, values: &[&str]) -> Vec<String> {
    let server = durable.serve(&[]);
    let mut ids = Vec::new();
    // Open until the server is killed.
    let mut clients = Vec::new();
    for value in values {
        let mut client = server.connect("/").await;
        ids.push(id_of(&mut client).await);
        assert_eq!(client.ask(value).await, "kept");
        clients.push(client);
    }
    server.kill();
    ids
}

#[tokio::test]
async fn an_adoption_that_crashes_leaves_the_value_where_it_was() {
    let durable = Durable::of(DISTRIBUTOR);
    let prior = leave(&durable, &["kept-over"]).await.remove(0);
    let server = durable.serve_with(&[], &[("ZIGTTP_FAILPOINT", "adopting")]);
    let mut client = server.connect("/").await;
    let new = id_of(&mut client).await;
    let (code, text) = durable.attachments(&["adopt", &new, &prior]);
    assert_eq!(code, 2, "{text}");
    assert!(!server.wait().success(), "it has crashed");
    assert_eq!(durable.value(&prior), "kept-over");
    assert_eq!(durable.find_value(&new), None);
    drop(durable.serve(&[]));
    assert_eq!(durable.names(), [format!("{prior}.att")]);
}

#[tokio::test]
async fn a_kill_during_adoptions_leaves_each_value_at_one_place() {
    const ATTACHMENTS: usize = 12;
    let durable = Durable::of(DISTRIBUTOR);
    let values: Vec<String> = (0..ATTACHMENTS).map(|number| format!("value-{number}")).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let mut places = leave(&durable, &values).await;
    for _kill in 0..5 {
        let server = durable.serve(&[]);
        let mut pairs = Vec::new();
        let mut clients = Vec::new();
        for prior in &places {
            let mut client = server.connect("/").await;
            pairs.push((id_of(&mut client).await, prior.clone()));
            clients.push(client);
        }
        let commands: Vec<_> = pairs
            .iter()
            .map(|(new, prior)| durable.attachments_command(&["adopt", new, prior]))
            .collect();
        let adopting = std::thread::spawn(|| {
            let adopted = commands.into_iter().map(|mut command| {
                let output = command.output().expect("zigttp starts");
                output.status.success()
            });
            adopted.collect::<Vec<bool>>()
        });
        tokio::time::sleep(random(Duration::from_millis(300))).await;
        server.kill();
        let adopted = adopting.join().expect("commands end");
        for (((new, prior), value), is_adopted) in pairs.iter().zip(&values).zip(adopted) {
            let places = [durable.find_value(new), durable.find_value(prior)];
            let found: Vec<&String> = places.iter().flatten().collect();
            assert_eq!(found, [value], "{value} is at one place: {places:?}");
            assert!(!is_adopted || places[0].is_some(), "{value} was said to be adopted");
        }
        places = pairs
            .into_iter()
            .map(|(new, prior)| if durable.find_value(&new).is_some() { new } else { prior })
            .collect();
    }
}
