//! What a journal holds when its event has ended, as plain values: for a recording of the event.

use serde::{Deserialize, Serialize};

/// The journal of an event as its last run has left it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalRecord {
    /// That of `Math.random`.
    pub seed: [u8; 8],
    /// When the event began, in nanoseconds since 1970, if anybody has asked.
    pub began: Option<u64>,
    /// Boxed, because most events ask nothing.
    pub asked: Option<Box<AskedRecord>>,
}

/// What the last run has asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedRecord {
    /// How long the event has waited, in nanoseconds.
    pub horizon: u64,
    pub random: Vec<u8>,
    pub entries: Vec<EntryRecord>,
    /// How many requests earlier runs have made.
    pub requests: usize,
    /// Nanoseconds of CPU time of long computations.
    pub computed: u64,
}

/// One question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryRecord {
    pub fingerprint: [u8; 32],
    /// `None`: nothing has waited for it, and it was sent when the event had committed.
    pub answer: Option<AnswerRecord>,
}

/// The answer to a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerRecord {
    /// When it was settled, in nanoseconds since the event began.
    pub at: u64,
    pub head: Vec<u8>,
    pub body: Vec<u8>,
}
