//! States that nodes share, in a real server.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;
use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::state::{Changes, Entry, KeyRange, Usage};

use super::redis_server::RedisServer;
use super::{ALL, NO_LIMIT, all, changes, put, text, transaction, value};
use crate::cluster::error::ClusterError;
use crate::ids::{ConnectionIds, node_of};
use crate::state::error::{CommitStateError, ReadError};
use crate::state::limits::StateLimits;
use crate::state::room_state::RoomState;
use crate::state::shared::{MemberChange, RoomListener, Told};
use crate::state::states::States;
use crate::state::transaction::{StateReads, Transaction};

type Model = BTreeMap<Box<str>, Entry>;

const ROOMS: [&str; 5] = ["/a", "/b", "/c } d", "/ü", ""];

pub(super) fn limits() -> StateLimits {
    StateLimits::of_database()
}

/// The same as `transaction`, of an event that has read these.
pub(super) fn checked(
    room: &str,
    changes: Changes,
    state: &RoomState,
    reads: StateReads,
) -> Transaction {
    let since = state.whole().expect("it is whole").seq();
    Transaction {
        reads: Some(Box::new(StateReads { since, ..reads })),
        ..transaction(room, changes)
    }
}

pub(super) async fn state(states: &States, room: &str) -> RoomState {
    match states.cached(room) {
        Some(state) => state,
        None => states.load(room).await.expect("it is readable"),
    }
}

/// Adds one to a number, again until no other node was faster. Returns how many runs that took.
async fn count(states: &States, room: &str, key: &str) -> Result<u32, CommitStateError> {
    for run in 1.. {
        let before = state(states, room).await;
        let number: u64 = value(&before, key).await.parse().unwrap_or(0);
        let changes = changes([(key, text((number + 1).to_string()))]);
        let reads = StateReads { keys: vec![key.into()], ..StateReads::default() };
        match states.commit(checked(room, changes, &before, reads), |_| {}).await {
            Ok(()) => return Ok(run),
            Err(CommitStateError::Conflict) => {}
            Err(error) => return Err(error),
        }
    }
    unreachable!("it runs until it returns")
}

/// Random events on three nodes: each commits only if what it has read is what a map has at that moment.
#[tokio::test]
async fn events_of_several_nodes_are_those_of_one_map() {
    let Some(server) = RedisServer::start_with(&[]) else { return };
    let mut nodes = Vec::new();
    for _ in 0..3 {
        nodes.push(server.node(limits()).await);
    }
    let mut random = fastrand::Rng::with_seed(7);
    let mut models: BTreeMap<&str, Model> = BTreeMap::new();
    let mut old: BTreeMap<(usize, &str), RoomState> = BTreeMap::new();
    let (mut now, mut conflicts, mut stale) = (1_000_000, 0, 0);
    for step in 0..1500 {
        now += random.u64(..2000);
        let at = random.usize(..nodes.len());
        let room = random.choice(ROOMS).expect("there are some");
        let model = models.entry(room).or_default();
        if random.u32(..3) == 0 {
            nodes[at].clustered().catch_up(room).await;
            let state = state(&nodes[at], room).await;
            let entries: Model = all(&state).await.into_iter().collect();
            let bytes = entries.iter().map(|(key, entry)| entry.bytes(key)).sum();
            assert_eq!(state.usage(), Usage { keys: entries.len() as u64, bytes });
            let is_kept = |entry: &Entry| entry.expires.is_none_or(|it| it + 60_000 > now);
            let found = entries.iter().filter(|(_, entry)| is_kept(entry));
            assert!(found.eq(model.iter().filter(|(_, entry)| is_kept(entry))), "{step}");
        }
        // It may be behind the others, and this may be an event that has run for long.
        let present = state(&nodes[at], room).await;
        let state = match old.get(&(at, room)).filter(|_| random.u32(..3) == 0) {
            Some(old) => RoomState::clone(old),
            None => present.clone(),
        };
        if random.u32(..4) == 0 {
            old.insert((at, room), present);
        }
        let (mut reads, mut is_true) = (StateReads::default(), true);
        for _ in 0..random.usize(..3) {
            let key = random_key(&mut random);
            let found = state.get(&key).await.expect("it is readable");
            is_true &= there(found.as_ref(), now) == there(model.get(&key), now);
            reads.keys.push(key);
        }
        if random.u32(..3) == 0 {
            let range = random_range(&mut random);
            let found =
                state.list(range.clone(), Vec::new(), NO_LIMIT, now).await.expect("it is readable");
            let expected =
                model.iter().filter(|(key, entry)| is_in(&range, key) && entry.is_there_at(now));
            is_true &= found.iter().map(|(key, entry)| (key, entry)).eq(expected);
            reads.ranges.push(range);
        }
        let changes = random_changes(&mut random, now);
        match nodes[at].commit(checked(room, changes.clone(), &state, reads), |_| {}).await {
            Ok(()) => {
                assert!(is_true, "step {step}: what the event has read was not there any more");
                apply(model, changes);
            }
            Err(CommitStateError::Conflict) => {
                conflicts += 1;
                stale += u32::from(!is_true);
            }
            Err(error) => panic!("step {step}: {error}"),
        }
        if random.u32(..40) == 0 {
            nodes[at].clustered().sweep_now(now.saturating_sub(60_000)).await;
        }
        if random.u32(..200) == 0 {
            nodes[at] = server.node(limits()).await;
        }
    }
    assert!(stale > 20 && stale <= conflicts, "{stale} of {conflicts}");
    let names = nodes[0].room_names("", None, 100).await.expect("they are readable");
    let mut bytes = 0;
    for room in ROOMS {
        let state = nodes[0].look(room).await.expect("it is readable");
        nodes[0].clustered().catch_up(room).await;
        bytes += self::state(&nodes[0], room).await.usage().bytes;
        assert_eq!(names.iter().any(|name| **name == *room), state.usage().keys > 0, "{room}");
    }
    nodes[0].clustered().sweep_now(0).await;
    assert_eq!(nodes[0].totals().bytes, bytes);
    assert_eq!(nodes[0].totals().rooms, names.len() as u64);
}

fn there(entry: Option<&Entry>, now: u64) -> Option<&Entry> {
    entry.filter(|entry| entry.is_there_at(now))
}

fn apply(model: &mut Model, changes: Changes) {
    if changes.clears {
        model.clear();
    }
    for (key, entry) in changes.entries {
        match entry {
            Some(entry) => model.insert(key, entry),
            None => model.remove(&key),
        };
    }
}

fn random_key(random: &mut fastrand::Rng) -> Box<str> {
    match random.u32(..20) {
        0 => "k\0".into(),
        1 => "ß".into(),
        _ => format!("k{:02}", random.u32(..30)).into(),
    }
}

fn random_range(random: &mut fastrand::Rng) -> KeyRange {
    let mut bound = || match random.u32(..3) {
        0 => Bound::Unbounded,
        1 => Bound::Included(random_key(random)),
        _ => Bound::Excluded(random_key(random)),
    };
    KeyRange { start: bound(), end: bound(), reverse: false }
}

fn is_in(range: &KeyRange, key: &str) -> bool {
    let starts = match &range.start {
        Bound::Unbounded => true,
        Bound::Included(start) => **start <= *key,
        Bound::Excluded(start) => **start < *key,
    };
    let ends = match &range.end {
        Bound::Unbounded => true,
        Bound::Included(end) => *key <= **end,
        Bound::Excluded(end) => *key < **end,
    };
    starts && ends
}

fn random_changes(random: &mut fastrand::Rng, now: u64) -> Changes {
    let mut changes = Changes { clears: random.u32(..100) == 0, ..Changes::default() };
    for _ in 0..random.usize(1..4) {
        let expires = (random.u32(..6) == 0).then(|| now + random.u64(1..100_000));
        let most = if random.u32(..10) == 0 { 50_000 } else { 200 };
        let size = random.usize(..most);
        let entry = text("x".repeat(size)).map(|entry| Entry { expires, ..entry });
        let entry = entry.filter(|_| random.u32(..5) > 0);
        changes.entries.insert(random_key(random), entry);
    }
    changes
}

#[tokio::test]
async fn no_count_is_lost_when_nodes_count_at_the_same_time() {
    let Some(server) = RedisServer::start_with(&[]) else { return };
    let mut counting = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let node = server.node(limits()).await;
        counting.spawn(async move {
            let mut runs = 0;
            for _ in 0..50 {
                runs += count(&node, "/counter", "n").await.expect("it is committed");
            }
            runs
        });
    }
    let runs: u32 = counting.join_all().await.iter().sum();
    assert!(runs >= 200);
    let node = server.node(limits()).await;
    assert_eq!(value(&state(&node, "/counter").await, "n").await, "200");
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_found_and_not_repeated() {
    let Some(server) = RedisServer::start() else { return };
    let node = Arc::new(server.node(limits()).await);
    let (progress, mut counted) = tokio::sync::watch::channel(0);
    let counting = tokio::spawn({
        let node = Arc::clone(&node);
        async move {
            for number in 1..=100 {
                count(&node, "/counter", "n").await.expect("it is committed");
                progress.send_replace(number);
            }
        }
    });
    // A connection that is being made is cut too, if it happens to be.
    while counted.changed().await.is_ok() {
        server.command(&["CLIENT", "KILL", "TYPE", "pubsub"]).await;
    }
    counting.await.expect("it ends");
    assert_eq!(value(&state(&node, "/counter").await, "n").await, "100");
    let other = server.node(limits()).await;
    assert_eq!(value(&state(&other, "/counter").await, "n").await, "100");
}

#[tokio::test]
async fn what_another_node_commits_comes_without_a_read() {
    let Some(server) = RedisServer::start_with(&[]) else { return };
    let (one, other) = (server.node(limits()).await, server.node(limits()).await);
    state(&other, "/a").await;
    put(&one, "/a", "k", "1").await.expect("it is committed");
    // Its own commit comes behind that of the first on its channel, or brings it.
    put(&other, "/a", "l", "1").await.expect("it is committed");
    let state = other.cached("/a").expect("it is held");
    assert_eq!((value(&state, "k").await, value(&state, "l").await), ("1".into(), "1".into()));
    assert_eq!(other.totals().loads, 1);
}

#[tokio::test]
async fn a_restart_of_a_server_that_keeps_all_is_no_loss() {
    let Some(mut server) = RedisServer::start() else { return };
    let node = server.node(limits()).await;
    for _ in 0..5 {
        count(&node, "/counter", "n").await.expect("it is committed");
    }
    server.restart();
    count(&node, "/counter", "n").await.expect("it is committed");
    assert_eq!(value(&state(&node, "/counter").await, "n").await, "6");
    assert_eq!(node.clustered().losses(), 0);
}

#[tokio::test]
async fn commits_that_the_server_has_lost_are_noticed_before_the_next() {
    let Some(mut server) = RedisServer::start() else { return };
    let node = server.node(limits()).await;
    put(&node, "/a", "k", "kept").await.expect("it is committed");
    let keeps = ["CONFIG", "SET", "appendfsync", "no"];
    server.command(&keeps).await;
    // From here on it forgets: as one that had not written its log yet.
    server.command(&["CONFIG", "SET", "appendonly", "no"]).await;
    put(&node, "/a", "k", "lost").await.expect("it is committed");
    server.restart();
    let before = state(&node, "/a").await;
    assert_eq!(value(&before, "k").await, "lost", "the node does not know yet");
    let reads = StateReads { keys: vec!["k".into()], ..StateReads::default() };
    let lost =
        node.commit(checked("/a", changes([("l", text("1"))]), &before, reads), |_| {}).await;
    let Err(CommitStateError::Conflict | CommitStateError::Cluster(ClusterError::Lost)) = lost
    else {
        panic!("{lost:?}")
    };
    assert_eq!(value(&state(&node, "/a").await, "k").await, "kept");
    assert_eq!(node.clustered().losses(), 1);
}

#[tokio::test]
async fn a_server_that_has_lost_everything_is_refused_unless_a_cluster_may_be_made() {
    let Some(mut server) = RedisServer::start_with(&[]) else { return };
    let options = crate::cluster::options::ClusterOptions {
        commit_timeout: Duration::from_millis(300),
        may_init: false,
        ..server.options()
    };
    let refused = States::connect(options.clone(), limits()).await.err();
    assert!(matches!(refused, Some(ClusterError::Empty { .. })), "{refused:?}");
    let _maker = server.node(limits()).await;
    let node = States::connect(options, limits()).await.expect("it is made");
    put(&node, "/a", "k", "1").await.expect("it is committed");
    drop(_maker);
    server.restart();
    let refused = put(&node, "/a", "k", "2").await;
    let Err(CommitStateError::Cluster(ClusterError::Unreachable { .. })) = refused else {
        panic!("{refused:?}")
    };
    assert!(node.problem().is_some_and(|problem| problem.contains("no cluster")));
}

#[tokio::test]
async fn a_server_that_was_frozen_does_not_do_what_was_given_up() {
    let Some(server) = RedisServer::start_with(&[]) else { return };
    let options = crate::cluster::options::ClusterOptions {
        commit_timeout: Duration::from_millis(200),
        ..server.options()
    };
    let node = States::connect(options, limits()).await.expect("the server answers");
    put(&node, "/a", "k", "1").await.expect("it is committed");
    server.freeze();
    let given_up = put(&node, "/a", "k", "2").await;
    server.thaw();
    let Err(CommitStateError::Cluster(ClusterError::Unreachable { .. })) = given_up else {
        panic!("{given_up:?}")
    };
    // Behind what has waited in the server.
    let other = server.node(limits()).await;
    assert_eq!(value(&state(&other, "/a").await, "k").await, "1");
}

#[tokio::test]
async fn a_node_that_others_have_taken_over_changes_nothing() {
    let Some(server) = RedisServer::start_with(&[]) else { return };
    let node = server.node(limits()).await;
    put(&node, "/a", "k", "1").await.expect("it is committed");
    server.command(&["HSET", "test:nodes", "1", "another"]).await;
    let fenced = put(&node, "/a", "k", "2").await;
    assert!(matches!(fenced, Err(CommitStateError::Cluster(ClusterError::Fenced))), "{fenced:?}");
    assert!(node.problem().is_some());
    let other = server.node(limits()).await;
    assert_eq!(value(&state(&other, "/a").await, "k").await, "1");
}

#[tokio::test]
async fn rooms_have_their_limits_in_a_cluster_too() {
    let Some(server) = RedisServer::start_with(&[]) else { return };
    let limits = StateLimits { room_bytes: 1000, all_bytes: 1500, ..limits() };
    let node = server.node(limits).await;
    put(&node, "/a", "k", &"x".repeat(800)).await.expect("it fits");
    let full = put(&node, "/a", "l", &"x".repeat(100)).await;
    assert!(matches!(full, Err(CommitStateError::RoomFull { most: 1000, .. })), "{full:?}");
    let full = put(&node, "/b", "k", &"x".repeat(700)).await;
    assert!(matches!(full, Err(CommitStateError::Full { most: 1500, .. })), "{full:?}");
    let removed = changes([("k", None)]);
    node.commit(transaction("/a", removed), |_| {}).await.expect("what only deletes fits");
    put(&node, "/b", "k", &"x".repeat(700)).await.expect("it fits now");
}

#[tokio::test]
async fn a_full_server_refuses_what_grows_whole_and_takes_what_deletes() {
    let Some(server) = RedisServer::start_with(&[]) else { return };
    let node = server.node(limits()).await;
    put(&node, "/a", "k", "1").await.expect("it is committed");
    server.command(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let full = put(&node, "/a", "l", "1").await;
    let Err(CommitStateError::Cluster(ClusterError::Refused(_))) = full else { panic!("{full:?}") };
    node.commit(transaction("/a", changes([("k", None)])), |_| {}).await.expect("it only deletes");
    server.command(&["CONFIG", "SET", "maxmemory", "0"]).await;
    put(&node, "/a", "m", "1").await.expect("it is committed");
    let other = server.node(limits()).await;
    let names: String = all(&state(&other, "/a").await)
        .await
        .into_iter()
        .map(|(key, _)| key.into_string())
        .collect();
    assert_eq!(names, "m");
}

#[tokio::test]
async fn a_gap_longer_than_the_log_is_read_anew() {
    let Some(server) = RedisServer::start_with(&[]) else { return };
    let (one, other) = (server.node(limits()).await, server.node(limits()).await);
    put(&one, "/a", "k", "1").await.expect("it is committed");
    let before = state(&other, "/a").await;
    server.command(&["XTRIM", "test:{/a}:l", "MAXLEN", "=", "0"]).await;
    put(&one, "/a", "k", "2").await.expect("it is committed");
    let reads = StateReads { ranges: vec![ALL], ..StateReads::default() };
    let late =
        other.commit(checked("/a", changes([("l", text("1"))]), &before, reads), |_| {}).await;
    assert!(matches!(late, Err(CommitStateError::Conflict)), "{late:?}");
    assert_eq!(value(&state(&other, "/a").await, "k").await, "2");
}

#[tokio::test]
async fn a_server_that_is_away_fails_reads_in_time() {
    let Some(mut server) = RedisServer::start_with(&[]) else { return };
    let node = server.node(limits()).await;
    state(&node, "/a").await;
    server.kill();
    let kept = node.cached("/a").expect("what is held can be read");
    assert!(all(&kept).await.is_empty());
    tokio::time::pause();
    let away = timeout(Duration::from_secs(60), node.load("/b")).await.expect("it does not hang");
    assert!(
        matches!(away, Err(ReadError::Cluster(ClusterError::Unreachable { .. }))),
        "{:?}",
        away.err()
    );
}

#[tokio::test]
async fn nodes_have_numbers_of_their_own_and_no_id_comes_twice() {
    let Some(server) = RedisServer::start_with(&[]) else { return };
    let mut nodes = Vec::new();
    for _ in 0..3 {
        nodes.push(server.node(limits()).await);
    }
    let status = |node: &States| node.cluster_node().expect("it is in a cluster");
    assert_eq!(nodes.iter().map(|node| status(node).number).collect::<Vec<_>>(), [1, 2, 3]);
    let id = |node: &States| {
        let ids = ConnectionIds::of_node(node.cluster_ids().expect("it is in a cluster"));
        ids.next().expect("some are reserved")
    };
    let last = id(&nodes[1]);
    assert_eq!(node_of(last), 2);
    nodes[1].leave_cluster().await.expect("it is told");
    let fenced = put(&nodes[1], "/a", "k", "1").await;
    assert!(matches!(fenced, Err(CommitStateError::Cluster(ClusterError::Fenced))), "{fenced:?}");
    let next = server.node(limits()).await;
    assert_eq!(status(&next).number, 2, "the number goes on");
    assert!(id(&next) > last && node_of(id(&next)) == 2, "with its ids");
}

#[tokio::test]
async fn a_node_whose_lease_has_ended_is_told_to_the_others_and_is_back_if_none_has_taken_over() {
    let Some(server) = RedisServer::start_with(&[]) else { return };
    let (one, other) = (server.node(limits()).await, server.node(limits()).await);
    server.command(&["ZADD", "test:leases", "1", "1"]).await;
    let status = || other.cluster_node().expect("it is in a cluster");
    other.clustered().node().renew().await.expect("it has its number");
    assert_eq!(status().dead, [1]);
    one.clustered().node().renew().await.expect("nobody has taken it");
    other.clustered().node().renew().await.expect("it has its number");
    assert!(status().dead.is_empty() && !status().is_fenced);
}

/// What a listener was told, as text.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Heard {
    fn add(&self, line: String) {
        self.0.lock().expect("nothing panics").push(line);
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().expect("nothing panics").clone()
    }
}

impl RoomListener for Heard {
    fn members(&self, room: &Arc<str>, members: Vec<(ConnectionId, Bytes)>, follows: bool) {
        let member =
            |(id, member): &(ConnectionId, Bytes)| format!("{id}={}", member.escape_ascii());
        let members: Vec<_> = members.iter().map(member).collect();
        self.add(format!(
            "{room} {} {}",
            members.join(","),
            if follows { "follows" } else { "gap" }
        ));
    }

    fn told(&self, room: &Arc<str>, told: Told) {
        let members = told.members.iter().map(|(id, change)| match change {
            MemberChange::Add(member) => format!("+{id}={}", member.escape_ascii()),
            MemberChange::Update(member) => format!("~{id}={}", member.escape_ascii()),
            MemberChange::Remove => format!("-{id}"),
        });
        let members: Vec<_> = members.collect();
        self.add(format!("{room} {} {}", members.join(","), told.notice.escape_ascii()));
    }

    fn left(&self, room: &Arc<str>) {
        self.add(format!("{room} left"));
    }
}

fn tells(room: &str, members: &[(u64, MemberChange)], notice: &'static str) -> Transaction {
    let member =
        |(id, change): &(u64, MemberChange)| (ConnectionId::from_number(*id), change.clone());
    let members = members.iter().map(member).collect();
    let told = Told { members, notice: notice.into(), ..Told::default() };
    let told = Some(Box::new([(room.into(), told)].into()));
    Transaction { room: Some(room.into()), told, ..Transaction::default() }
}

#[tokio::test]
async fn nodes_hear_of_members_and_notices_in_one_order() {
    let Some(server) = RedisServer::start_with(&[]) else { return };
    let mut nodes = Vec::new();
    for _ in 0..2 {
        let (node, heard) = (server.node(limits()).await, Arc::new(Heard::default()));
        node.listen(Arc::clone(&heard) as _);
        let followed = node.follow(&"/a".into()).await.expect("it is readable").expect("a cluster");
        nodes.push((node, heard, followed));
    }
    let add = |member: &'static str| MemberChange::Add(member.into());
    let update = |member: &'static str| MemberChange::Update(member.into());
    let commits = [
        (0, tells("/a", &[(7, add("seven")), (3, add("three"))], "")),
        (1, tells("/a", &[], "hello")),
        (0, tells("/a", &[(7, update("sept"))], "")),
        (1, tells("/a", &[(5, add("five")), (3, MemberChange::Remove)], "bye")),
    ];
    for (node, transaction) in commits {
        nodes[node].0.commit(transaction, |_| {}).await.expect("it is committed");
    }
    for (node, _, _) in &nodes {
        node.clustered().catch_up("/a").await;
    }
    let lines = nodes[0].1.lines();
    assert_eq!(lines, nodes[1].1.lines());
    assert_eq!(
        lines,
        ["/a  follows", "/a +7=seven,+3=three ", "/a  hello", "/a ~7=sept ", "/a +5=five,-3 bye"]
    );
    let (late, heard) = (server.node(limits()).await, Arc::new(Heard::default()));
    late.listen(Arc::clone(&heard) as _);
    let _followed = late.follow(&"/a".into()).await.expect("it is readable");
    assert_eq!(heard.lines(), ["/a 7=sept,5=five follows"]);
    server.command(&["XTRIM", "test:{/a}:l", "MAXLEN", "=", "0"]).await;
    server.command(&["CLIENT", "KILL", "TYPE", "pubsub"]).await;
    nodes[0]
        .0
        .commit(tells("/a", &[(7, MemberChange::Remove)], "missed"), |_| {})
        .await
        .expect("it is committed");
    server.command(&["XTRIM", "test:{/a}:l", "MAXLEN", "=", "0"]).await;
    late.clustered().catch_up("/a").await;
    let last = heard.lines().pop();
    assert!(
        ["/a 5=five gap", "/a -7 missed"].map(|it| Some(it.to_owned())).contains(&last),
        "{last:?}"
    );
}
