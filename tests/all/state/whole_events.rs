//! An event is whole or absent, whatever it has stored: state, attachments and signals.

#![expect(clippy::print_stdout, reason = "a proof says how much it has proven")]

use std::time::{Duration, Instant};

use super::whole::{Account, Clients, HANDLER, ROOMS, number_of, settled};
use crate::support::durable::{Durable, kills, random};

/// Where a server may be made to crash, besides a kill at any time.
const FAILPOINTS: [&str; 5] = ["state-written", "state-committed", "written", "renamed", "redone"];

#[tokio::test]
async fn an_event_with_state_attachments_and_a_signal_is_whole_or_absent_after_kills() {
    let (kills, time) = kills();
    let durable = Durable::of(HANDLER);
    let started = Instant::now();
    let (mut killed, mut events) = (0, [0; ROOMS]);
    while killed < kills && started.elapsed() < time {
        let point = FAILPOINTS[killed as usize / 2 % FAILPOINTS.len()];
        // The first ones are those of the start.
        let skipped = 4 + random(Duration::from_nanos(40)).as_nanos();
        let failpoint = format!("{point}:{skipped}");
        let is_crash = killed % 2 == 1;
        let variables = [("ZIGTTP_FAILPOINT", &*failpoint)];
        let variables = if is_crash { &variables[..] } else { &[] };
        let server = durable.serve_with(&["--fsync", "never"], variables);
        let clients = Clients::start(&server);
        tokio::time::sleep(random(Duration::from_millis(if is_crash { 400 } else { 150 }))).await;
        server.kill();
        killed += 1;

        let accounts = clients.accounts().await;
        let server = durable.serve(&["--fsync", "never"]);
        for (room, account) in accounts.into_iter().enumerate() {
            let mut client = server.connect(&format!("/{room}")).await;
            let n = settled(&mut client).await;
            let before = std::mem::replace(&mut events[room], n);
            let Some(Account { acknowledged, ids }) = account else { continue };
            assert!(
                acknowledged == 0 || (acknowledged..=acknowledged + 1).contains(&n),
                "{n} events are stored, and {acknowledged} were confirmed"
            );
            for id in ids {
                let stored = durable.find_value(&id).map(|value| number_of(&value));
                let expected = (n > before).then_some(n);
                assert_eq!(stored, expected, "the attachment of {id}; {before} events before");
            }
        }
    }
    let events: u64 = events.iter().sum();
    assert!(events > u64::from(killed), "the clients were heard before the kills");
    println!("survived {killed} kills with {events} events in {:?}", started.elapsed());
}
