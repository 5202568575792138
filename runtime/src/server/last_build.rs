//! The result of the last build. The program that builds reports it, because this crate only knows
//! artifacts.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;

/// The last build of the handler, for the inspector's page.
#[derive(Clone, Debug)]
pub struct LastBuild {
    /// The path of the handler's file, as its author gave it.
    pub handler: String,
    /// Whether this build is served; if not, the build before it stays in use.
    pub is_served: bool,
    /// What is served instead, in a sentence.
    pub note: String,
    /// How long it took.
    pub took: Duration,
    pub findings: Vec<Finding>,
    /// Why there was no build, where the reason is not in the sources.
    pub error: Option<String>,
}

/// A diagnostic about a handler's source.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// `error` or `warning`.
    pub severity: &'static str,
    pub code: &'static str,
    pub message: String,
    /// The position in the source with the lines around it, notes and help, as plain text.
    pub frame: String,
}

/// A build as JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BuildSummary<'a> {
    number: u64,
    handler: &'a str,
    is_served: bool,
    note: &'a str,
    milliseconds: u64,
    findings: &'a [Finding],
    error: Option<&'a str>,
}

/// How many builds there were, and the last of them.
#[derive(Default)]
pub(crate) struct Builds(Mutex<(u64, Option<LastBuild>)>);

impl Builds {
    pub(crate) fn add(&self, build: LastBuild) {
        let mut builds = self.lock();
        *builds = (builds.0 + 1, Some(build));
    }

    /// The number of the last build: a page asks for it when the number has changed.
    pub(crate) fn last_number(&self) -> u64 {
        self.lock().0
    }

    /// The last build as JSON; `null` if there is none.
    pub(crate) fn print_last(&self) -> String {
        let builds = self.lock();
        let (number, build) = &*builds;
        let summary = build.as_ref().map(|build| BuildSummary {
            number: *number,
            handler: &build.handler,
            is_served: build.is_served,
            note: &build.note,
            milliseconds: u64::try_from(build.took.as_millis()).unwrap_or(u64::MAX),
            findings: &build.findings,
            error: build.error.as_deref(),
        });
        serde_json::to_string(&summary).expect("text and numbers always serialise")
    }

    fn lock(&self) -> MutexGuard<'_, (u64, Option<LastBuild>)> {
        // Every change is a single assignment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
