//! One event as a test of `zigttp test`, as a person would have written it: what is there before it, the event, and what
//! is expected of it.
//!
//! ```text
//!  placed ── the world of the test: connections, stored values, and the event as it is there
//!  facts ── what a run has done, told without ids and times
//!  written ── the test's text, and in it what is expected; typescript writes its values
//! ```
//!
//! What is expected is what the event does in that world, run here. What the event does not depend on is left out of the
//! test: it runs at another time, with other random numbers, other ids and without a header, and where it does the same
//! the test says nothing of them.

mod expected;
mod facts;
mod placed;
mod typescript;
mod written;

use std::sync::Arc;

use zigttp_sandbox::journal_record::{AnswerRecord, AskedRecord};

use self::facts::Facts;
use self::placed::{BEGINNING, Ways, World, at_time};
use self::written::{Fetched, Test};
use crate::record::{Input, Record, RequestRecord, Text};
use crate::replay::{Replayer, Rerun};

/// Most connections of a test.
const MAX_PLACES: usize = 50;

/// Most stored values of a test.
const MAX_STORED: usize = 200;

/// Most bytes of a test. A person is to read it.
const MAX_BYTES: usize = 256 << 10;

/// Why an event is not written as a test.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoTest {
    #[error("tests cannot feed one piece of a stream")]
    Stream,
    #[error("roomOf runs before the requests whose rooms it names: save one of those")]
    RoomOf,
    #[error(
        "onUpgrade or roomOf runs before onOpen: save the upgrade, which is the event before it"
    )]
    OpenAfterUpgrade,
    #[error("no client of a test closes with the code {0}")]
    CloseCode(u16),
    #[error("it asks another room, whose events would run in a test too")]
    AsksRoom,
    #[error("it waits for a timer")]
    WaitsForTimer,
    #[error("it uses the id of its signal, which no test can choose")]
    SignalId,
    #[error("it makes its client a member over Server-Sent Events")]
    EventStream,
    #[error(
        "it reads more than a person would put in a test: {places} connections, {stored} values"
    )]
    TooMuch { places: usize, stored: usize },
    #[error("it sends more than a person would put in a test")]
    TooLong,
    #[error("it has not come to its end: {0}")]
    NoEnd(String),
    #[error("it asks for {what} that was not recorded: {name}")]
    Missing { what: &'static str, name: String },
}

/// The text of a test file with one test.
///
/// # Errors
/// When this event cannot be one.
pub async fn test_of(replayer: &Replayer, record: &Record<'_>) -> Result<String, NoTest> {
    let record = &canonical(record);
    match &record.input {
        Input::Stream { .. } => return Err(NoTest::Stream),
        Input::RoomOf(_) => return Err(NoTest::RoomOf),
        Input::Open { .. } if replayer.app.asks_before_upgrades() || replayer.app.names_rooms() => {
            return Err(NoTest::OpenAfterUpgrade);
        }
        Input::Close { code, .. } if !matches!(code, 1000 | 1001 | 1006 | 3000..=4999) => {
            return Err(NoTest::CloseCode(*code));
        }
        _ => {}
    }
    let world = World::of(record);
    let (places, stored) = (world.places.len(), world.stored.len());
    if places > MAX_PLACES || stored > MAX_STORED {
        return Err(NoTest::TooMuch { places, stored });
    }
    let recorded = facts(replayer, record, &world.recorded_ids()).await?;
    let mut ways = Ways::default();
    let does_the_same = |other: Result<Facts, NoTest>| other.as_ref() == Ok(&recorded);
    let later = at_time(record, BEGINNING);
    ways.has_clock = !does_the_same(facts(replayer, &later, &world.recorded_ids()).await);
    let luckier = with_other_chance(record);
    ways.has_random = !does_the_same(facts(replayer, &luckier, &world.recorded_ids()).await);
    let mut headers = headers(&record.input);
    let mut event = with_headers(world.event(record, ways), &headers);
    let mut expected = facts(replayer, &event, &world.ids(ways)).await?;
    if expected != recorded && !world.places.is_empty() {
        let kept = Ways { keeps_ids: true, ..ways };
        let with_ids = with_headers(world.event(record, kept), &headers);
        let of_ids = facts(replayer, &with_ids, &world.ids(kept)).await?;
        if of_ids == recorded {
            (ways, event, expected) = (kept, with_ids, of_ids);
        }
    }
    if let Input::Signal(signal) = &event.input {
        let mut signal = signal.clone();
        signal.id += 1;
        let other = Record { input: Input::Signal(signal), ..event.clone() };
        if facts(replayer, &other, &world.ids(ways)).await.as_ref() != Ok(&expected) {
            return Err(NoTest::SignalId);
        }
    }
    if expected.is_event_stream {
        return Err(NoTest::EventStream);
    }
    // `roomOf` may need any of them.
    if !replayer.app.names_rooms() {
        let mut index = 0;
        while index < headers.len() {
            let mut fewer = headers.clone();
            fewer.remove(index);
            let without = with_headers(event.clone(), &fewer);
            if facts(replayer, &without, &world.ids(ways)).await.as_ref() == Ok(&expected) {
                (headers, event) = (fewer, without);
            } else {
                index += 1;
            }
        }
    }
    let fetched = fetched(replayer, &event).await?;
    let is_as_recorded = expected == recorded;
    let test = Test {
        app: &replayer.app,
        record: &event,
        world: &world,
        ways,
        headers: &headers,
        fetched: &fetched,
        expected: &expected,
        is_as_recorded,
        at: record.at,
    };
    let text = test.write();
    if text.len() > MAX_BYTES {
        return Err(NoTest::TooLong);
    }
    Ok(text)
}

/// The event at the time that it has seen itself.
fn canonical<'a>(record: &Record<'a>) -> Record<'a> {
    let mut record = record.clone();
    if let Some(began) = record.journal.began {
        record.at = began / 1_000_000;
        record.journal.began = Some(record.at.saturating_mul(1_000_000));
    }
    record
}

fn with_other_chance<'a>(record: &Record<'a>) -> Record<'a> {
    let mut record = record.clone();
    record.journal.seed.iter_mut().for_each(|byte| *byte ^= 0x5a);
    if let Some(asked) = &mut record.journal.asked {
        asked.random.iter_mut().for_each(|byte| *byte ^= 0x5a);
    }
    record
}

/// Runs an event, as the test will. Settings are those of the test.
async fn run(replayer: &Replayer, record: &Record<'_>) -> Rerun {
    replayer.run_with(record, Arc::default()).await
}

async fn facts(replayer: &Replayer, record: &Record<'_>, ids: &[u64]) -> Result<Facts, NoTest> {
    let rerun = run(replayer, record).await;
    if let Some(missing) = rerun.missing.first() {
        let name = zigttp_abi::printable::printable(&missing.name).into_owned();
        return Err(NoTest::Missing { what: missing.what, name });
    }
    if rerun.timer_waits > 0 {
        return Err(NoTest::WaitsForTimer);
    }
    let facts = rerun.ran.as_ref().map(|ran| Facts::of(ran, record.at, ids));
    // Without a function for the event it does nothing.
    facts.unwrap_or_else(|| Some(Facts::default())).ok_or_else(|| NoTest::NoEnd(rerun.ending()))
}

/// The headers of a request that its test may need.
fn headers(input: &Input<'_>) -> Vec<(String, String)> {
    /// What every client of a test sends, or none.
    const OF_CLIENTS: [&str; 8] = [
        "host",
        "connection",
        "upgrade",
        "content-length",
        "transfer-encoding",
        "sec-websocket-key",
        "sec-websocket-version",
        "sec-websocket-extensions",
    ];
    let (Input::Upgrade { request, .. } | Input::Request(request)) = input else {
        return Vec::new();
    };
    let pairs = request.headers.0.lines().filter_map(|line| line.split_once(": "));
    let pairs = pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    let mut pairs: Vec<_> = pairs.filter(|(name, _)| !OF_CLIENTS.contains(&&**name)).collect();
    // As the client's `Headers` list them.
    pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
    pairs
}

/// The type of a body whose client names none.
const TEXT_TYPE: &str = "text/plain;charset=UTF-8";

/// The request as the client of a test makes it, with these headers.
fn with_headers<'a>(mut record: Record<'a>, headers: &[(String, String)]) -> Record<'a> {
    let (is_upgrade, request): (bool, &mut RequestRecord<'a>) = match &mut record.input {
        Input::Upgrade { request, .. } => (true, request),
        Input::Request(request) => (false, request),
        _ => return record,
    };
    let mut headers = headers.to_vec();
    let names_type = headers.iter().any(|(name, _)| name == "content-type");
    if !is_upgrade && !request.body.0.is_empty() && !names_type {
        if std::str::from_utf8(&request.body.0).is_ok() {
            headers.push(("content-type".to_owned(), TEXT_TYPE.to_owned()));
        }
        headers.sort_by(|(one, _), (other, _)| one.cmp(other));
    }
    let mut lines = "host: localhost\n".to_owned();
    if is_upgrade {
        lines += "connection: Upgrade\nupgrade: websocket\nsec-websocket-version: 13\n";
    }
    for (name, value) in headers {
        lines += &format!("{name}: {value}\n");
    }
    request.headers = Text(lines.into());
    record
}

/// The requests that an event waits for, with their answers.
async fn fetched(replayer: &Replayer, record: &Record<'_>) -> Result<Vec<Fetched>, NoTest> {
    let Some(asked) = &record.journal.asked else { return Ok(Vec::new()) };
    let mut left = asked.entries.clone();
    let mut unanswered = record.clone();
    unanswered.journal.asked =
        Some(Box::new(AskedRecord { entries: Vec::new(), ..(**asked).clone() }));
    let mut fetched = Vec::new();
    // Each round answers one question at least.
    for _ in 0..=asked.entries.len() {
        let rerun = run(replayer, &unanswered).await;
        let entries = unanswered.journal.asked.as_mut().map(|asked| &mut asked.entries);
        let Some(entries) = entries.filter(|_| rerun.ended.is_none()) else { break };
        for ask in rerun.asks {
            if ask.is_of_room {
                return Err(NoTest::AsksRoom);
            }
            let index = left.iter().position(|entry| entry.fingerprint == ask.fingerprint);
            let Some(index) = index else { continue };
            let entry = left.remove(index);
            if let Some(AnswerRecord { head, body, .. }) = &entry.answer {
                fetched.push(Fetched {
                    what: format!("{} {}", ask.method, ask.url),
                    head: head.clone(),
                    body: body.clone(),
                });
            }
            entries.push(entry);
        }
    }
    Ok(fetched)
}
