//! What an operator reads of all rooms and their signals, and an import of what was read.

use super::folder::Folder;
use super::*;
use crate::state::limits::StateLimits;
use crate::state::signals::{
    Done, FailedSignal, NewSignal, NewTimer, Restored, SignalChanges, StoredSignal,
};
use crate::state::survey::{Survey, SurveyedRoom};

/// An event that sends signals of these names, each to a room.
async fn send<const N: usize>(states: &States, room: &str, now: u64, sent: [(&str, &str); N]) {
    let sends = sent.into_iter().map(|(to, name)| NewSignal {
        room: to.into(),
        name: name.into(),
        data: Some(Value::text(name)),
        on_fail: Some("failed".into()),
    });
    let signals = SignalChanges { sends: sends.collect(), ..SignalChanges::default() };
    let event = Transaction { now, signals, ..transaction(room, Changes::default()) };
    states.commit(event, |_| {}).await.expect("it is committed");
}

/// An event that sets timers of these names.
async fn set<const N: usize>(states: &States, room: &str, timers: [(&str, u64); N]) {
    let timers = timers.into_iter().map(|(name, at)| {
        let timer = NewTimer { at, period: Some(50), data: None };
        (name.into(), Some(timer))
    });
    let signals = SignalChanges { timers: timers.collect(), ..SignalChanges::default() };
    let event = Transaction { signals, ..transaction(room, Changes::default()) };
    states.commit(event, |_| {}).await.expect("it is committed");
}

/// Parks all that is due, one of each room.
async fn park(states: &States, now: u64) -> usize {
    let mut taken = Vec::new();
    while taken.is_empty() {
        taken = states.take_due(now, usize::MAX);
        states.commit(Transaction::default(), |_| {}).await.expect("it is committed");
    }
    for signal in &taken {
        states.fail(signal.id, FailedSignal::Park).await.expect("it is committed");
    }
    taken.len()
}

fn rooms(survey: &Survey) -> Vec<SurveyedRoom> {
    survey.rooms().expect("it is readable").map(|room| room.expect("it is readable")).collect()
}

/// Keys, bytes, timers, waiting, parked and the last write of a room.
fn counts(room: &SurveyedRoom) -> (&str, [u64; 6]) {
    let SurveyedRoom { name, usage, timers, waiting, parked, written } = room;
    (name, [usage.keys, usage.bytes, *timers, *waiting, *parked, *written])
}

#[tokio::test]
async fn rooms_with_only_timers_or_signals_are_rooms() {
    let folder = Folder::new();
    let states = folder.open(StateLimits::of_database());
    send(&states, "/c", 5, [("/b", "park")]).await;
    set(&states, "/d", [("timer", 5)]).await;
    assert_eq!(park(&states, 5).await, 2);
    set(&states, "/d", [("later", 900)]).await;
    put(&states, "/a", "key", "value").await.expect("it is committed");
    send(&states, "/c", 7, [("/b", "one"), ("/z", "two"), ("/a", "three")]).await;
    let survey = folder.survey();
    let told = rooms(&survey);
    let told: Vec<_> = told.iter().map(counts).collect();
    let expected = [
        ("/a", [1, 64 + 8, 0, 1, 0, 0]),
        ("/b", [0, 64 + 6 + 4, 0, 1, 1, 5]),
        // What it is told of the signal that was parked counts for the other room.
        ("/c", [0, 4 * 64 + 8 + 6 + 6 + 10, 0, 1, 0, 7]),
        ("/d", [0, 2 * 64 + 5 + 5, 2, 0, 1, 0]),
        ("/z", [0, 0, 0, 1, 0, 7]),
    ];
    assert_eq!(told, expected);
    let all = survey.signals(None, false, 0, 100).expect("it is readable");
    let names = |signals: &[StoredSignal]| {
        let names = signals.iter().map(|stored| stored.signal.name.to_string());
        names.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names(&all), "park timer failed later one two three");
    let some = survey.signals(Some("/b"), false, 0, 100).expect("it is readable");
    assert_eq!(names(&some), "park one");
    let parked = survey.signals(None, true, 0, 100).expect("it is readable");
    assert_eq!(names(&parked), "park timer");
    let (mut page, mut paged) = (Vec::new(), Vec::new());
    loop {
        let after = page.last().map_or(0, |last: &StoredSignal| last.signal.id);
        page = survey.signals(None, false, after, 3).expect("it is readable");
        if page.is_empty() {
            break;
        }
        paged.append(&mut page.clone());
    }
    assert_eq!(paged, all);
}

#[tokio::test]
async fn more_rooms_than_a_page_come_once_each_and_in_their_order() {
    let folder = Folder::new();
    let states = folder.open(StateLimits::of_database());
    let held = hold(&states);
    let mut commits = Vec::new();
    for number in 0..2_500 {
        let room = format!("/{number:04}");
        let mut event = transaction(&room, changes([("key", text("value"))]));
        if number % 5 == 0 {
            let only = NewSignal {
                room: format!("/{number:04}/only").into(),
                name: "name".into(),
                data: None,
                on_fail: None,
            };
            event.signals.sends.push(only);
        }
        commits.push(states.commit(event, |_| {}));
    }
    drop(held);
    for commit in commits {
        commit.await.expect("it is committed");
    }
    let rooms = rooms(&folder.survey());
    assert!(rooms.is_sorted_by(|one, other| one.name < other.name));
    assert_eq!(rooms.len(), 3_000);
    assert_eq!(rooms.iter().filter(|room| room.waiting == 1).count(), 500);
}

#[tokio::test]
async fn an_exported_room_is_the_same_elsewhere_and_its_signals_keep_their_order() {
    let (one, other) = (Folder::new(), Folder::new());
    let states = one.open(StateLimits::of_database());
    send(&states, "/x", 0, [("/a", "parked")]).await;
    set(&states, "/a", [("timer parked", 0)]).await;
    park(&states, 0).await;
    park(&states, 0).await;
    send(&states, "/x", 3, [("/a", "1")]).await;
    set(&states, "/a", [("2", 3), ("far", 1 << 40)]).await;
    send(&states, "/a", 3, [("/a", "3"), ("/other", "not its own")]).await;
    put(&states, "/a", "key", "value").await.expect("it is committed");
    let exported = one.survey().export("/a", 0).expect("it is readable").expect("it is there");
    assert_eq!((exported.entries.len(), exported.signals.len()), (1, 6));

    let states = other.open(StateLimits::of_database());
    let import = |replaces| {
        let signals = exported.signals.clone();
        let restored = Some(Restored { replaces, signals });
        let entries = exported.entries.iter().cloned().map(|(key, entry)| (key, Some(entry)));
        let changes = Changes { clears: replaces, entries: entries.collect() };
        let signals = SignalChanges { restored, ..SignalChanges::default() };
        Transaction { signals, ..transaction("/b", changes) }
    };
    states.commit(import(false), |_| {}).await.expect("it is committed");
    let failed = states.commit(import(false), |_| panic!("it is not committed")).await;
    let error = failed.expect_err("it has signals").to_string();
    assert_eq!(error, "room \"/b\" has timers or signals already: 6 in all");
    let before = states.totals();
    states.commit(import(true), |_| {}).await.expect("it is committed");
    assert_eq!(states.totals().bytes, before.bytes);
    let imported = other.survey().export("/b", 0).expect("it is readable").expect("it is there");
    let without_numbers = |signals: &[StoredSignal]| {
        let signals = signals.iter().cloned();
        let with = |mut stored: StoredSignal| {
            (stored.signal.id, stored.signal.room) = (0, "/b".into());
            stored
        };
        signals.map(with).collect::<Vec<_>>()
    };
    assert_eq!(without_numbers(&imported.signals), without_numbers(&exported.signals));
    assert_eq!(imported.entries, exported.entries);
    let mut names = Vec::new();
    for _ in 0..100 {
        for signal in states.take_due(3, 9) {
            names.push(signal.name.to_string());
            let done = Some(Done { id: signal.id, again: None });
            let signals = SignalChanges { done, ..SignalChanges::default() };
            let event = Transaction { signals, ..transaction("/b", Changes::default()) };
            states.commit(event, |_| {}).await.expect("it is committed");
        }
        states.commit(Transaction::default(), |_| {}).await.expect("it is committed");
    }
    assert_eq!(names, ["1", "2", "3"]);
    let totals = states.signal_totals();
    assert_eq!((totals.stored, totals.parked, totals.first_due), (3, 2, Some(1 << 40)));
}

#[tokio::test]
async fn a_damaged_signal_is_told_with_its_number() {
    let folder = Folder::new();
    let states = folder.open(StateLimits::of_database());
    send(&states, "/a", 0, [("/b", "name")]).await;
    folder.connect().execute("UPDATE signal SET kind = 99", []).expect("it is writable");
    let error = folder.survey().signals(None, false, 0, 9).expect_err("it is damaged");
    let id: i64 = folder
        .connect()
        .query_row("SELECT id FROM signal", [], |row| row.get(0))
        .expect("it is readable");
    assert_eq!(error.to_string(), format!("the signal {id} in `store/state.db` is damaged"));
}
