//! Signals, timers and schedules that nodes share, in a real server.

use std::time::Duration;

use tokio::time::timeout;
use zigttp_abi::state::{Changes, Usage};
use zigttp_abi::value::Value;

use super::clustered::{checked, limits, state};
use super::redis_server::RedisServer;
use super::{changes, text, transaction, value};
use crate::state::error::CommitStateError;
use crate::state::signals::{Done, NewSignal, NewTimer, PlannedSchedule, Signal, SignalChanges};
use crate::state::states::States;
use crate::state::transaction::{StateReads, Transaction};

/// Two nodes with counters of what their signals have done.
#[tokio::test]
async fn each_signal_has_its_effect_once_whichever_node_runs_it() {
    let Some(server) = RedisServer::start_with(&[]) else { return };
    let sender = server.node(limits()).await;
    let send = |number: usize| {
        let room = format!("/to{}", number % 3);
        let data = Some(Value::text(number.to_string()));
        let sent = NewSignal { room: room.into(), name: "n".into(), data, on_fail: None };
        let signals = SignalChanges { sends: vec![sent], ..SignalChanges::default() };
        Transaction { signals, now: 1, ..transaction("/from", Changes::default()) }
    };
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let node = server.node(limits()).await;
        running.spawn(async move {
            loop {
                for signal in node.take_due(u64::MAX >> 1, 10) {
                    handle(&node, &signal).await;
                }
                let _ = timeout(Duration::from_millis(20), node.due_sooner()).await;
            }
        });
    }
    for number in 0..60 {
        sender.commit(send(number), |_| {}).await.expect("it is committed");
    }
    let all_of = |list: &str| {
        list.split_terminator(' ').map(|it| it.parse::<usize>().expect("a number")).collect()
    };
    let mut ran: Vec<Vec<usize>> = Vec::new();
    let waiting = async {
        loop {
            ran.clear();
            for room in ["/to0", "/to1", "/to2"] {
                sender.clustered().catch_up(room).await;
                let list = value(&state(&sender, room).await, "ran").await;
                ran.push(all_of(list.trim_start_matches('-')));
            }
            if ran.iter().map(Vec::len).sum::<usize>() >= 60 {
                break;
            }
        }
    };
    timeout(Duration::from_secs(60), waiting).await.expect("all run");
    for (room, ran) in ran.iter().enumerate() {
        assert_eq!(
            *ran,
            (0..60).filter(|number| number % 3 == room).collect::<Vec<_>>(),
            "in their order, once each"
        );
    }
    sender.clustered().sweep_now(0).await;
    assert_eq!(sender.signal_totals().stored, 0);
    assert_eq!(
        state(&sender, "/from").await.usage(),
        Usage::default(),
        "it pays for none any more"
    );
}

/// Adds its number to those that the room has run, together with its end.
async fn handle(node: &States, signal: &Signal) {
    while node.is_current(signal) {
        let before = state(node, &signal.room).await;
        let ran = value(&before, "ran").await;
        let data = String::from_utf8_lossy(signal.data.as_ref().expect("it has data").bytes())
            .into_owned();
        let ran = format!("{}{data} ", ran.trim_start_matches('-'));
        let reads = StateReads { keys: vec!["ran".into()], ..StateReads::default() };
        let mut transaction = checked(&signal.room, changes([("ran", text(ran))]), &before, reads);
        transaction.signals.done = Some(Done { id: signal.id, again: None });
        match node.commit(transaction, |_| {}).await {
            Ok(()) => return,
            Err(CommitStateError::Conflict) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn the_signals_of_a_node_that_has_died_are_taken_over_and_it_commits_none_of_them() {
    let Some(server) = RedisServer::start_with(&[]) else { return };
    let (one, other) = (server.node(limits()).await, server.node(limits()).await);
    let timer = NewTimer { at: 1, period: None, data: Some(Value::text("t")) };
    let signals =
        SignalChanges { timers: [("t".into(), Some(timer))].into(), ..SignalChanges::default() };
    one.commit(Transaction { signals, ..transaction("/a", Changes::default()) }, |_| {})
        .await
        .expect("it is committed");
    let taken = take_one(&one).await;
    assert!(other.take_due(10, 10).is_empty());
    other.clustered().feed_now().await;
    assert!(other.take_due(10, 10).is_empty(), "it is the first node's");
    // As if its lease had ended.
    server.command(&["ZADD", "test:leased", "1", "/a"]).await;
    let again = take_one(&other).await;
    assert_eq!(again, taken);
    handle(&other, &again).await;
    let mut late = transaction("/a", changes([("late", text("1"))]));
    late.signals.done = Some(Done { id: taken.id, again: None });
    let late = one.commit(late, |_| {}).await;
    assert!(matches!(late, Err(CommitStateError::Conflict)), "{late:?}");
    assert!(!one.is_current(&taken));
    one.clustered().catch_up("/a").await;
    let state = state(&one, "/a").await;
    assert_eq!(
        (value(&state, "ran").await, value(&state, "late").await, state.timers()),
        ("t ".into(), "-".into(), 0)
    );
}

async fn take_one(node: &States) -> Signal {
    let taking = async {
        loop {
            if let Some(signal) = node.take_due(10, 1).pop() {
                return signal;
            }
            node.due_sooner().await;
        }
    };
    timeout(Duration::from_secs(60), taking).await.expect("one is due")
}

#[tokio::test]
async fn nodes_plan_one_run_of_each_schedule() {
    let Some(server) = RedisServer::start_with(&[]) else { return };
    let (one, other) = (server.node(limits()).await, server.node(limits()).await);
    let schedule = |name: &str| PlannedSchedule {
        room: "/a".into(),
        name: name.into(),
        cron: "0 9 * * *".into(),
        first: 5,
    };
    for node in [&one, &other] {
        node.plan(vec![schedule("x"), schedule("y")], 1).await.expect("they are stored");
    }
    one.clustered().sweep_now(0).await;
    assert_eq!(one.signal_totals().stored, 2);
    other.plan(vec![schedule("y")], 1).await.expect("it is stored");
    one.clustered().sweep_now(0).await;
    assert_eq!(one.signal_totals().stored, 1);
    let run = take_one(&one).await;
    assert_eq!((&*run.name, run.is_planned()), ("y", true));
}
