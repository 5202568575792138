//! What it costs to commit an event that puts one value of 200 bytes into its room's state: CPU time of the whole
//! process for each commit, beside that of an event that stores one attachment file.
//!
//! With one client each commit waits for the one before; with 64 those that wait are committed together. There are
//! 1,000 rooms with 100 values each, all of them in memory. The ratio is the result; times depend on the machine.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::sync::Arc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::{Builder, Runtime};
use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::state::{Changes, Entry as Stored};
use zigttp_abi::value::Value;
use zigttp_files::own_folder::{Others, OwnFolder};
use zigttp_store::attachment_files::{AttachmentFiles, Entry, Owner};
use zigttp_store::fsync::Fsync;
use zigttp_store::state::limits::StateLimits;
use zigttp_store::state::states::States;
use zigttp_store::state::transaction::Transaction;

const ROOMS: u64 = 1000;
const KEYS: u64 = 100;
const COMMITS: usize = 20_000;
const TURNS: usize = 5;

fn main() {
    // `cargo test --benches` only checks that it builds.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let folder = std::env::temp_dir().join(format!("zigttp-bench-store-{}", std::process::id()));
    let durable = OwnFolder::make(&folder, Others::Nothing).expect("a folder can be made");
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime starts");
    let files = AttachmentFiles::open(&durable, Fsync::Never, 1 << 20).expect("it opens");
    let files = Arc::new(files);
    let states = [
        ("in memory", Arc::new(States::in_memory(StateLimits::of_memory()))),
        (
            "database",
            Arc::new(
                States::open(&durable, Fsync::Never, StateLimits::of_database(), &files)
                    .expect("it opens"),
            ),
        ),
    ];
    for (_name, states) in &states {
        fill(&runtime, states);
    }

    println!("us of CPU for each commit; medians of {TURNS} turns");
    println!("{:<12}{:>8}{:>10}{:>8}{:>12}", "", "clients", "us", "ratio", "in a group");
    for clients in [1, 64] {
        let file = cost(&runtime, clients, |number| {
            let files = Arc::clone(&files);
            async move {
                let owner = Owner {
                    url: "/room/1".into(),
                    room: None,
                    opened: None,
                    joined: Vec::new(),
                    browser: None,
                    written: 7,
                };
                let id = ConnectionId::from_number(number % 1000);
                let entry = Entry { id, owner, value: Value::text("x".repeat(200)) };
                files.commit(entry, |_| {}).await.expect("it is committed");
            }
        });
        println!("{:<12}{clients:>8}{file:>10.1}{:>8.2}", "file", 1.0);
        for (name, states) in &states {
            let before = states.totals();
            let own = cost(&runtime, clients, |number| {
                let states = Arc::clone(states);
                async move {
                    let transaction = put(number % ROOMS, number / ROOMS % KEYS);
                    states.commit(transaction, |_| {}).await.expect("it is committed");
                }
            });
            let after = states.totals();
            let group =
                (after.commits - before.commits) as f64 / (after.groups - before.groups) as f64;
            println!("{name:<12}{clients:>8}{own:>10.1}{:>8.2}{group:>12.1}", own / file);
        }
    }
    drop(states);
    let _ = std::fs::remove_dir_all(folder);
}

fn fill(runtime: &Runtime, states: &Arc<States>) {
    runtime.block_on(async {
        for room in 0..ROOMS {
            let changes = (0..KEYS).flat_map(|key| put(room, key).changes.entries).collect();
            let transaction = Transaction {
                changes: Changes { clears: false, entries: changes },
                ..put(room, 0)
            };
            states.commit(transaction, |_| {}).await.expect("it is committed");
            states.load(&format!("/room/{room}")).await.expect("it is readable");
        }
    });
}

fn put(room: u64, key: u64) -> Transaction {
    let entry = Stored { value: Value::text("x".repeat(200)), expires: None };
    let entries = [(format!("key/{key}").into(), Some(entry))].into();
    Transaction {
        room: Some(format!("/room/{room}").into()),
        changes: Changes { clears: false, entries },
        ..Transaction::default()
    }
}

/// CPU time of the process for one commit, in microseconds.
fn cost<F: Future<Output = ()> + Send + 'static>(
    runtime: &Runtime,
    clients: usize,
    commit: impl Fn(u64) -> F,
) -> f64 {
    let mut number = 0;
    let mut turns: Vec<f64> = (0..TURNS)
        .map(|_| {
            let before = cpu();
            runtime.block_on(async {
                for _ in 0..COMMITS / clients {
                    let waiting: Vec<_> = (0..clients)
                        .map(|_| {
                            number += 1;
                            // Spread over rooms, as events are.
                            commit(number * 7919)
                        })
                        .map(|commit| tokio::spawn(commit))
                        .collect();
                    for commit in waiting {
                        commit.await.expect("it does not panic");
                    }
                }
            });
            (cpu() - before).as_secs_f64() * 1e6 / COMMITS as f64
        })
        .collect();
    turns.sort_by(f64::total_cmp);
    turns[TURNS / 2]
}

fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
