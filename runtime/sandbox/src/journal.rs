//! What all runs of one event share: its time, its random numbers, what it has asked the outside, and the answers.
//!
//! An event that waits for the outside is run again from the start when the answers are there. In each run the
//! k-th question with one fingerprint is the k-th such entry here, so a run that asks the same gets what was
//! answered, and only what is new is sent. Entries that a run has not asked for are dropped with it.
//!
//! Times are those since the event began. All that was settled in one wait carries the time at which that ended:
//! between questions of one wait the order in which they were asked decides.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::journal_record::{AnswerRecord, AskedRecord, EntryRecord, JournalRecord};
use crate::outgoing::{FetchError, FetchErrorKind, FetchedResponse, OutgoingRequest, ResponseHead};
use crate::shared_text::SharedText;

/// What makes two questions the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Of parts that are told apart by their lengths. The first says what kind of question it is.
    pub fn of(parts: &[&[u8]]) -> Fingerprint {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Fingerprint(hash.finalize().into())
    }
}

/// What an event asks the outside.
pub enum Ask {
    /// Another server.
    Fetch(Box<OutgoingRequest>),
    /// Another room of this server, or the event's own.
    Room { room: SharedText, request: Box<OutgoingRequest> },
    /// Work that takes too long for the event's turn. It needs this CPU time, as far as that can be told before.
    Compute {
        work: Box<dyn FnOnce() -> Answer + Send>,
        cost: Duration,
        /// How many bytes it works on.
        bytes: usize,
    },
}

impl Ask {
    /// How many bytes it holds.
    pub fn bytes(&self) -> usize {
        match self {
            Ask::Fetch(request) | Ask::Room { request, .. } => {
                let body = request.body.as_ref().map_or(0, Bytes::len);
                request.method.len() + request.url.len() + request.headers.len() + body
            }
            Ask::Compute { bytes, .. } => *bytes,
        }
    }

    /// Whether it is a request, of which an event may make only some.
    pub(crate) fn is_request(&self) -> bool {
        matches!(self, Ask::Fetch(_) | Ask::Room { .. })
    }
}

/// What the outside has answered, in the form that the guest takes (see [`zigttp_abi::guest`]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    pub head: Bytes,
    pub body: Bytes,
}

impl Answer {
    /// A response, with its body.
    pub fn of_response(response: FetchedResponse) -> Answer {
        let FetchedResponse { head, body } = response;
        let ResponseHead { status, status_text, headers, url, redirected } = head;
        let head = json!({
            "status": status, "statusText": status_text, "headers": headers, "url": url, "redirected": redirected,
        });
        Answer { head: Bytes::from(head.to_string()), body }
    }

    /// Why there is no response.
    pub fn of_error(error: &FetchError) -> Answer {
        let name = match error.kind {
            FetchErrorKind::TimedOut => "TimeoutError",
            _ => "TypeError",
        };
        Answer::of_exception(name, &error.message)
    }

    /// A `TypeError`, or a `DOMException` of another name.
    pub fn of_exception(name: &str, message: &str) -> Answer {
        let head = json!({ "error": name, "message": message });
        Answer { head: Bytes::from(head.to_string()), body: Bytes::new() }
    }

    /// What the exception says, if it is one.
    pub fn error(&self) -> Option<String> {
        #[derive(serde::Deserialize)]
        struct Exception {
            message: String,
        }
        serde_json::from_slice(&self.head).ok().map(|Exception { message }| message)
    }

    fn bytes(&self) -> usize {
        self.head.len() + self.body.len()
    }
}

/// Tells an entry from all others of its event, also dropped ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EntryId(u32);

/// One question.
pub(crate) struct Entry {
    id: EntryId,
    fingerprint: Fingerprint,
    /// Method and URL of a request, which tell whether it is made again with something changed.
    place: Option<Fingerprint>,
    state: State,
    /// Whether the present run has asked for it.
    is_asked: bool,
}

enum State {
    /// Nobody has begun with it.
    New(Ask),
    UnderWay,
    Settled {
        at: Duration,
        answer: Answer,
    },
}

/// See the module's documentation.
pub struct Journal {
    seed: i64,
    /// The time at which the first run began, once it is known.
    began: Option<SystemTime>,
    /// Whether it is that of an event which has ended, and runs again.
    is_recorded: bool,
    /// Boxed, because most events ask nothing.
    asked: Option<Box<Asked>>,
}

/// What an event has asked.
#[derive(Default)]
struct Asked {
    /// How long the event has waited, with its runs: what was to happen until then has happened.
    horizon: Duration,
    /// All random bytes that the guest has got, in their order.
    random: Vec<u8>,
    entries: Vec<Entry>,
    next_id: u32,
    /// How many requests have been asked for, and waits for timers.
    requests: usize,
    /// CPU time of long computations.
    computed: Duration,
    /// Requests that were made again with something changed: where the handler makes them.
    repeated: Vec<Repeated>,
}

/// A request that was made again, because what it says has changed between two runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeated {
    /// Method and URL, without the query.
    pub what: String,
    /// QuickJS's stack.
    pub stack: String,
}

/// What an entry takes besides its bytes.
const ENTRY_BYTES: usize = 2 * size_of::<Entry>();

impl Journal {
    /// That of an event that begins. The seed is that of `Math.random`.
    pub fn begin(seed: i64) -> Journal {
        Journal { seed, began: None, is_recorded: false, asked: None }
    }

    /// That of an event that begins with these random numbers.
    pub fn with_random(seed: i64, random: Vec<u8>) -> Journal {
        let mut journal = Journal::begin(seed);
        if !random.is_empty() {
            journal.asked().random = random;
        }
        journal
    }

    /// That of an event which has ended, to run it again: its answers are there from the start.
    pub fn of_record(record: &JournalRecord) -> Journal {
        let JournalRecord { seed, began, asked } = record;
        let began = began.map(|since| SystemTime::UNIX_EPOCH + Duration::from_nanos(since));
        let mut journal =
            Journal { seed: i64::from_le_bytes(*seed), began, is_recorded: true, asked: None };
        let Some(record) = asked else { return journal };
        let asked = journal.asked();
        asked.horizon = Duration::from_nanos(record.horizon);
        asked.random.clone_from(&record.random);
        asked.requests = record.requests;
        asked.computed = Duration::from_nanos(record.computed);
        for entry in &record.entries {
            // One without an answer is asked anew.
            if let Some(AnswerRecord { at, head, body }) = &entry.answer {
                let answer = Answer {
                    head: Bytes::copy_from_slice(head),
                    body: Bytes::copy_from_slice(body),
                };
                let state = State::Settled { at: Duration::from_nanos(*at), answer };
                journal.push(Fingerprint(entry.fingerprint), None, state);
            }
        }
        journal
    }

    /// What there is to keep of it when its last run has ended.
    pub fn record(&self) -> JournalRecord {
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let began = self.began.and_then(|began| began.duration_since(SystemTime::UNIX_EPOCH).ok());
        let asked = self.asked.as_ref().map(|asked| {
            let entries = asked.entries.iter().filter(|entry| entry.is_asked);
            let entries = entries.map(|entry| EntryRecord {
                fingerprint: entry.fingerprint.0,
                answer: match &entry.state {
                    State::Settled { at, answer } => Some(AnswerRecord {
                        at: nanos(*at),
                        head: answer.head.to_vec(),
                        body: answer.body.to_vec(),
                    }),
                    State::New(_) | State::UnderWay => None,
                },
            });
            let new = |entry: &&Entry| matches!(&entry.state, State::New(ask) if ask.is_request());
            Box::new(AskedRecord {
                horizon: nanos(asked.horizon),
                random: asked.random.clone(),
                entries: entries.collect(),
                requests: asked.requests - asked.entries.iter().filter(new).count(),
                computed: nanos(asked.computed),
            })
        });
        JournalRecord { seed: self.seed.to_le_bytes(), began: began.map(nanos), asked }
    }

    /// Whether it is that of an event which has ended, and runs again.
    pub(crate) fn is_recorded(&self) -> bool {
        self.is_recorded
    }

    /// The questions of the last run that nothing has begun with: what is sent when it has committed.
    pub fn unsent(&self) -> impl Iterator<Item = (&Ask, [u8; 32])> {
        self.entries().iter().filter(|entry| entry.is_asked).filter_map(|entry| {
            match &entry.state {
                State::New(ask) => Some((ask, entry.fingerprint.0)),
                State::UnderWay | State::Settled { .. } => None,
            }
        })
    }

    fn asked(&mut self) -> &mut Asked {
        self.asked.get_or_insert_default()
    }

    fn entries(&self) -> &[Entry] {
        self.asked.as_ref().map_or(&[], |asked| &asked.entries)
    }

    fn entries_mut(&mut self) -> &mut [Entry] {
        self.asked.as_mut().map_or(&mut [], |asked| &mut asked.entries)
    }

    pub(crate) fn seed(&self) -> i64 {
        self.seed
    }

    /// The time at which the event began: now, if nobody has asked for it before.
    pub(crate) fn began(&mut self, now: impl FnOnce() -> SystemTime) -> SystemTime {
        *self.began.get_or_insert_with(now)
    }

    /// Fills a buffer with the random bytes from `position` on, which `draw` makes where there are none yet.
    pub(crate) fn random(
        &mut self,
        position: usize,
        bytes: &mut [u8],
        draw: impl FnOnce(&mut [u8]) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        let end = position + bytes.len();
        let random = &mut self.asked().random;
        let known = random.len();
        if known < end {
            random.resize(end, 0);
            if let Err(error) = draw(&mut random[known..]) {
                random.truncate(known);
                return Err(error);
            }
        }
        bytes.copy_from_slice(&random[position..end]);
        Ok(())
    }

    /// A run begins: it has asked for nothing yet.
    pub(crate) fn begin_run(&mut self) {
        for entry in self.entries_mut() {
            entry.is_asked = false;
        }
    }

    /// The entry of this question that the present run has not asked for, which it has then.
    pub(crate) fn find(&mut self, fingerprint: Fingerprint) -> Option<EntryId> {
        let mut unasked = self.entries_mut().iter_mut().filter(|entry| !entry.is_asked);
        let entry = unasked.find(|entry| entry.fingerprint == fingerprint)?;
        entry.is_asked = true;
        Some(entry.id)
    }

    /// Whether there is an entry of this question that the present run has not asked for.
    pub(crate) fn holds_question(&self, fingerprint: Fingerprint) -> bool {
        let mut unasked = self.entries().iter().filter(|entry| !entry.is_asked);
        unasked.any(|entry| entry.fingerprint == fingerprint)
    }

    /// Adds a question that no run has asked before.
    pub(crate) fn add(
        &mut self,
        fingerprint: Fingerprint,
        place: Option<Fingerprint>,
        ask: Ask,
    ) -> EntryId {
        let asked = self.asked();
        asked.requests += usize::from(ask.is_request());
        if let Ask::Compute { cost, .. } = &ask {
            asked.computed += *cost;
        }
        self.push(fingerprint, place, State::New(ask))
    }

    /// Adds an answer that is there at once, and that later runs are to get too.
    pub(crate) fn remember(&mut self, fingerprint: Fingerprint, answer: Answer) -> EntryId {
        self.push(fingerprint, None, State::Settled { at: Duration::ZERO, answer })
    }

    fn push(
        &mut self,
        fingerprint: Fingerprint,
        place: Option<Fingerprint>,
        state: State,
    ) -> EntryId {
        let asked = self.asked();
        let id = EntryId(asked.next_id);
        asked.next_id += 1;
        asked.entries.push(Entry { id, fingerprint, place, state, is_asked: true });
        id
    }

    /// Whether an earlier run has asked the same place, and this one has not.
    pub(crate) fn was_asked_otherwise(&self, place: Fingerprint) -> bool {
        let mut entries = self.entries().iter();
        entries.any(|entry| !entry.is_asked && entry.place == Some(place))
    }

    /// How many requests the event has asked for, over all its runs.
    pub fn requests(&self) -> usize {
        self.asked.as_ref().map_or(0, |asked| asked.requests)
    }

    /// How long the event has waited, with its runs: what was to happen until then has happened.
    pub(crate) fn horizon(&self) -> Duration {
        self.asked.as_ref().map_or(Duration::ZERO, |asked| asked.horizon)
    }

    /// CPU time of its long computations.
    pub(crate) fn computed(&self) -> Duration {
        self.asked.as_ref().map_or(Duration::ZERO, |asked| asked.computed)
    }

    pub(crate) fn note_repeated(&mut self, repeated: Repeated) {
        self.asked().repeated.push(repeated);
    }

    /// The requests that were made again.
    pub fn repeated(&self) -> &[Repeated] {
        self.asked.as_ref().map_or(&[], |asked| &asked.repeated)
    }

    /// When the question was settled.
    pub(crate) fn settled_at(&self, id: EntryId) -> Option<Duration> {
        match self.entry(id)?.state {
            State::Settled { at, .. } => Some(at),
            State::New(_) | State::UnderWay => None,
        }
    }

    /// The answer to a question that is settled.
    pub(crate) fn answer(&self, id: EntryId) -> Option<&Answer> {
        match &self.entry(id)?.state {
            State::Settled { answer, .. } => Some(answer),
            State::New(_) | State::UnderWay => None,
        }
    }

    fn entry(&self, id: EntryId) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.id == id)
    }

    /// Nobody waits for this question any more. One that is not sent yet is not sent.
    pub(crate) fn forget(&mut self, id: EntryId) {
        if let Some(asked) = &mut self.asked {
            asked.entries.retain(|entry| entry.id != id || !matches!(entry.state, State::New(_)));
        }
    }

    /// Drops what the last run has not asked for.
    pub fn drop_unasked(&mut self) {
        if let Some(asked) = &mut self.asked {
            asked.entries.retain(|entry| entry.is_asked);
        }
    }

    /// Whether there is any question.
    pub fn has_entries(&self) -> bool {
        !self.entries().is_empty()
    }

    /// Whether this entry has its answer.
    pub fn is_settled(&self, id: EntryId) -> bool {
        self.settled_at(id).is_some()
    }

    /// Whether this entry is still there.
    pub fn holds(&self, id: EntryId) -> bool {
        self.entry(id).is_some()
    }

    /// Takes the questions with which nobody has begun, to begin with them.
    pub fn take_new(&mut self) -> Vec<(EntryId, Ask)> {
        let new = self.entries_mut().iter_mut().filter_map(|entry| {
            match std::mem::replace(&mut entry.state, State::UnderWay) {
                State::New(ask) => Some((entry.id, ask)),
                other => {
                    entry.state = other;
                    None
                }
            }
        });
        new.collect()
    }

    /// The answer to a question that is under way. It counts as settled when the wait ends.
    pub fn settle(&mut self, id: EntryId, answer: Answer) {
        if let Some(entry) = self.entries_mut().iter_mut().find(|entry| entry.id == id) {
            entry.state = State::Settled { at: Duration::MAX, answer };
        }
    }

    /// Ends a wait, `since_begin` after the event has begun: what was settled in it is settled now. A wait for a
    /// timer counts as a request.
    pub fn end_wait(&mut self, since_begin: Duration, was_for_timer: bool) {
        let asked = self.asked();
        asked.horizon = asked.horizon.max(since_begin);
        asked.requests += usize::from(was_for_timer);
        for entry in &mut asked.entries {
            if let State::Settled { at, .. } = &mut entry.state
                && *at == Duration::MAX
            {
                *at = asked.horizon;
            }
        }
    }

    /// How many bytes it holds.
    pub fn bytes(&self) -> usize {
        let of_entry = |entry: &Entry| {
            ENTRY_BYTES
                + match &entry.state {
                    State::New(ask) => ask.bytes(),
                    State::UnderWay => 0,
                    State::Settled { answer, .. } => answer.bytes(),
                }
        };
        let Some(asked) = &self.asked else { return 0 };
        let repeated = asked.repeated.iter().map(|it| it.what.len() + it.stack.len());
        asked.random.capacity()
            + asked.entries.iter().map(of_entry).sum::<usize>()
            + repeated.sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask() -> Ask {
        Ask::Compute { work: Box::new(Answer::default), cost: Duration::ZERO, bytes: 0 }
    }

    fn answer(body: &'static str) -> Answer {
        Answer { head: Bytes::new(), body: Bytes::from_static(body.as_bytes()) }
    }

    /// Asks as a run does.
    fn asked(journal: &mut Journal, question: &str) -> EntryId {
        let fingerprint = Fingerprint::of(&[question.as_bytes()]);
        match journal.find(fingerprint) {
            Some(id) => id,
            None => journal.add(fingerprint, None, ask()),
        }
    }

    #[test]
    fn the_kth_question_of_one_kind_gets_the_kth_answer() {
        let mut journal = Journal::begin(1);
        journal.begin_run();
        let ids = ["a", "b", "a"].map(|question| asked(&mut journal, question));
        assert_eq!(journal.take_new().len(), 3);
        for (id, body) in ids.into_iter().zip(["1", "2", "3"]) {
            journal.settle(id, answer(body));
        }
        journal.end_wait(Duration::from_secs(2), false);
        journal.begin_run();
        let again = ["a", "a", "b"].map(|question| asked(&mut journal, question));
        let bodies = again.map(|id| journal.answer(id).expect("it is settled").body.clone());
        assert_eq!(bodies, ["1", "3", "2"]);
        assert_eq!(journal.settled_at(again[0]), Some(Duration::from_secs(2)));
        assert!(journal.take_new().is_empty());
    }

    #[test]
    fn what_a_run_does_not_ask_for_again_is_dropped() {
        let mut journal = Journal::begin(1);
        journal.begin_run();
        let old = asked(&mut journal, "a");
        journal.take_new();
        journal.settle(old, answer("1"));
        journal.end_wait(Duration::ZERO, false);
        journal.begin_run();
        asked(&mut journal, "b");
        journal.drop_unasked();
        assert!(!journal.holds(old));
        assert_eq!(journal.take_new().len(), 1);
    }

    #[test]
    fn later_runs_draw_the_same_random_bytes() {
        let mut journal = Journal::begin(1);
        let mut drawn = 0;
        let mut read = |journal: &mut Journal, position, len: usize| {
            let mut bytes = vec![0; len];
            let draw = |to: &mut [u8]| {
                drawn += to.len();
                to.fill_with(|| u8::try_from(drawn).expect("a small number"));
                Ok(())
            };
            journal.random(position, &mut bytes, draw).expect("it draws");
            bytes
        };
        let first = read(&mut journal, 0, 4);
        assert_eq!(read(&mut journal, 0, 4), first);
        assert_eq!(read(&mut journal, 2, 4)[..2], first[2..]);
        assert_eq!(drawn, 6);
    }

    #[test]
    fn parts_of_a_question_are_told_apart() {
        assert_ne!(Fingerprint::of(&[b"ab", b"c"]), Fingerprint::of(&[b"a", b"bc"]));
        assert_ne!(Fingerprint::of(&[b"a"]), Fingerprint::of(&[b"a", b""]));
    }
}
