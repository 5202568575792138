//! What came of the last build, told by whoever builds: this crate knows artifacts alone.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;

/// A build of the handler, for the inspector's page.
#[derive(Clone, Debug)]
pub struct LastBuild {
    /// The handler's file, as its author knows it.
    pub handler: String,
    /// Whether it is what is served now; otherwise the one before it goes on.
    pub is_served: bool,
    /// What is served instead, in a sentence.
    pub note: String,
    pub took: Duration,
    pub findings: Vec<Finding>,
    /// Why there was no build, where its sources are not the reason.
    pub error: Option<String>,
}

/// Something that there is to say about a handler's source.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// `error` or `warning`.
    pub severity: &'static str,
    pub code: &'static str,
    pub message: String,
    /// The place in the source, framed, with what else there is to say: lines of plain text.
    pub frame: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    number: u64,
    handler: &'a str,
    is_served: bool,
    note: &'a str,
    milliseconds: u64,
    findings: &'a [Finding],
    error: Option<&'a str>,
}

/// Where the last build lies for pages to take.
#[derive(Default)]
pub(crate) struct Shelf(Mutex<(u64, Option<LastBuild>)>);

impl Shelf {
    pub(crate) fn put(&self, build: LastBuild) {
        let mut shelf = self.lock();
        *shelf = (shelf.0 + 1, Some(build));
    }

    /// How many builds there have been; a page that knows this one need not ask for it.
    pub(crate) fn number(&self) -> u64 {
        self.lock().0
    }

    pub(crate) fn print(&self) -> String {
        let shelf = self.lock();
        let (number, build) = &*shelf;
        let shown = build.as_ref().map(|build| Shown {
            number: *number,
            handler: &build.handler,
            is_served: build.is_served,
            note: &build.note,
            milliseconds: u64::try_from(build.took.as_millis()).unwrap_or(u64::MAX),
            findings: &build.findings,
            error: build.error.as_deref(),
        });
        serde_json::to_string(&shown).expect("text and numbers always serialise")
    }

    fn lock(&self) -> MutexGuard<'_, (u64, Option<LastBuild>)> {
        // Every change is a single assignment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
