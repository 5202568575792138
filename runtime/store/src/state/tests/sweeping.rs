//! What is removed later.

use super::folder::Folder;
use super::*;
use crate::state::limits::StateLimits;

fn expiring(value: &str, expires: u64) -> Option<Entry> {
    Some(Entry { value: Value::text(value), expires: Some(expires) })
}

/// Waits until a sweep has done what is expected of it.
async fn until(states: &States, is_done: impl Fn(&States) -> bool) {
    for _ in 0..1000 {
        if is_done(states) {
            return;
        }
        // The writer sweeps when no event waits.
        states.commit(Transaction::default(), |_| {}).await.expect("it is committed");
        tokio::task::yield_now().await;
    }
    panic!("it is not done: {:?}", states.totals());
}

#[tokio::test]
async fn what_has_expired_a_minute_ago_is_removed() {
    for (kind, states, folder) in both(|_| {}) {
        let entries = changes([
            ("early", expiring("value", 1_000_000)),
            ("late", expiring("value", 1_000_500)),
            ("kept", text("value")),
            ("renewed", expiring("value", 1_000_000)),
            ("for ever", expiring("value", 1_000_000)),
        ]);
        states.commit(transaction("/a", entries), |_| {}).await.expect("it is committed");
        let renewed = changes([("renewed", expiring("new", 2_000_000)), ("for ever", text("new"))]);
        states.commit(transaction("/a", renewed), |_| {}).await.expect("it is committed");
        let one = changes([("only", expiring("value", 1_000_000))]);
        states.commit(transaction("/b", one), |_| {}).await.expect("it is committed");
        states.load("/a").await.expect("it is readable");

        states.sweep(1_060_000);
        states.sweep(1_060_001);
        until(&states, |states| states.totals().expired == 2).await;
        let keys = |entries: Vec<(Box<str>, Entry)>| {
            entries.into_iter().map(|(key, _)| key).collect::<Vec<_>>().join(" ")
        };
        let live = states.cached("/a").expect("it is live");
        assert_eq!(keys(all(&live).await), "for ever kept late renewed", "{kind}");
        let totals = states.totals();
        assert_eq!((totals.rooms, totals.bytes), (1, live.usage().bytes), "{kind}");
        states.sweep(3_000_000);
        until(&states, |states| states.totals().expired == 4).await;
        assert_eq!(keys(all(&states.cached("/a").expect("it is live")).await), "for ever kept");
        if let Some(folder) = &folder {
            let other = folder.connect();
            let left: i64 = other
                .query_row("SELECT count(*) FROM entry", [], |row| row.get(0))
                .expect("it is readable");
            assert_eq!(left, 2);
        }
    }
}

#[tokio::test]
async fn a_large_room_that_is_cleared_goes_bit_by_bit_and_the_file_shrinks() {
    let folder = Folder::new();
    let states = folder.open(StateLimits::of_database());
    for part in 0..10 {
        let entries =
            (0..1000).map(|key| (format!("{part}{key:03}").into(), text("x".repeat(400))));
        let changes = Changes { clears: false, entries: entries.collect() };
        states.commit(transaction("/large", changes), |_| {}).await.expect("it is committed");
    }
    let clears = || Changes { clears: true, entries: changes([("left", text("value"))]).entries };
    let other = folder.connect();
    let count =
        |sql: &str| -> i64 { other.query_row(sql, [], |row| row.get(0)).expect("readable") };
    let pages = count("PRAGMA page_count");
    states.commit(transaction("/large", clears()), |_| {}).await.expect("it is committed");
    assert!(count("SELECT count(*) FROM entry") > 9000, "most are removed later");
    let state = states.load("/large").await.expect("it is readable");
    assert_eq!((all(&state).await.len(), states.totals().rooms), (1, 1));
    // Once more, before the first entries are gone, and over a start.
    states.commit(transaction("/large", clears()), |_| {}).await.expect("it is committed");
    drop((state, states));
    let states = folder.open(StateLimits::of_database());
    states.sweep(0);
    until(&states, |_| count("SELECT count(*) FROM entry") == 1).await;
    until(&states, |_| count("PRAGMA page_count") < pages / 4).await;
    until(&states, |_| count("SELECT count(*) FROM cleared") == 0).await;
    let state = states.load("/large").await.expect("it is readable");
    assert_eq!(value(&state, "left").await, "value");
}

/// A room of so many bytes that is deleted at once. Returns the pages that are free then.
async fn free_space(folder: &Folder, states: &States, values: usize) -> i64 {
    for part in 0..values.div_ceil(60) {
        let entries = (0..60.min(values)).map(|key| {
            let value = text("x".repeat(64 << 10));
            (format!("{part}/{key}").into(), value)
        });
        let changes = Changes { clears: false, entries: entries.collect() };
        states.commit(transaction("/large", changes), |_| {}).await.expect("it is committed");
    }
    put(states, "/kept", "key", "value").await.expect("it is committed");
    let clears = Changes { clears: true, ..Changes::default() };
    states.commit(transaction("/large", clears), |_| {}).await.expect("it is committed");
    free_pages(folder)
}

fn free_pages(folder: &Folder) -> i64 {
    let count = "PRAGMA freelist_count";
    folder.connect().query_row(count, [], |row| row.get(0)).expect("it is readable")
}

#[tokio::test]
async fn compaction_gives_all_free_space_back_and_events_are_committed_meanwhile() {
    let folder = Folder::new();
    let states = folder.open(StateLimits::of_database());
    assert!(free_space(&folder, &states, 360).await > 5_000);
    let size = |path| std::fs::metadata(path).map_or(0, |file| file.len());
    let before = size(folder.file());
    let mut compacted = std::pin::pin!(states.compact(0));
    // It begins before the first event.
    let is_ready = std::future::poll_fn(|context| {
        std::task::Poll::Ready(compacted.as_mut().poll(context).is_ready())
    });
    assert!(!is_ready.await);
    let mut commits = 0;
    let compacted = loop {
        tokio::select! {
            biased;
            // First, because this thread may not run again until both are done.
            committed = put(&states, "/a", "key", "value") => {
                committed.expect("it is committed");
                commits += 1;
            }
            compacted = &mut compacted => break compacted,
        }
    };
    let compacted = compacted.expect("it is writable").expect("there is a file");
    assert!(commits > 0, "no event was committed before the end");
    // The log, which a checkpoint may change meanwhile, is a part of it.
    assert!(compacted.before >= before, "{compacted:?} {before}");
    assert!(compacted.after < 200_000, "{compacted:?}");
    assert_eq!(free_pages(&folder), 0);
    assert!(size(folder.file()) <= compacted.after);
    let state = states.load("/kept").await.expect("it is readable");
    assert_eq!(value(&state, "key").await, "value");
    // There is nothing left to do.
    let again = states.compact(0).await.expect("it is writable").expect("there is a file");
    assert_eq!(again.after, size(folder.file()));
}

#[tokio::test]
async fn compaction_ends_when_nobody_waits_for_it() {
    let folder = Folder::new();
    let states = folder.open(StateLimits::of_database());
    let free = free_space(&folder, &states, 10).await;
    assert!(free > 100, "{free}");
    let held = hold(&states);
    {
        let mut compacted = std::pin::pin!(states.compact(0));
        let is_ready = std::future::poll_fn(|context| {
            std::task::Poll::Ready(compacted.as_mut().poll(context).is_ready())
        });
        assert!(!is_ready.await);
    }
    drop(held);
    for _ in 0..3 {
        states.commit(Transaction::default(), |_| {}).await.expect("it is committed");
    }
    assert_eq!(free_pages(&folder), free);
}
