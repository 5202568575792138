//! What events, their requests to other servers and their commits were, for whoever records traces.
//!
//! Without a recorder an event costs the check of an `Option`.

use std::time::{Duration, SystemTime};

use zigttp_sandbox::event::EventKind;

use crate::trace_context::TraceContext;

/// Records traces. It must not wait.
pub trait SpanRecorder: Send + Sync + 'static {
    fn record(&self, span: Span);

    /// What has become of the spans so far.
    fn counts(&self) -> SpanCounts;
}

/// What has become of spans since the recorder was made.
#[derive(Clone, Copy, Debug, Default)]
pub struct SpanCounts {
    pub exported: u64,
    /// Those that whoever collects them did not take.
    pub failed: u64,
    /// Those that were dropped because too many waited.
    pub dropped: u64,
}

/// A piece of work that has ended.
pub struct Span {
    /// The trace that it is a part of, with its own id.
    pub context: TraceContext,
    /// The part that has caused it.
    pub parent: Option<Parent>,
    pub work: Work,
    pub began: SystemTime,
    pub took: Duration,
    /// What went wrong, as a metric's label names it.
    pub failure: Option<&'static str>,
}

/// The part of a trace that has caused another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    pub span: u64,
    /// Whether it is the part of another program.
    pub is_remote: bool,
}

pub enum Work {
    Event(EventSpan),
    Fetch(FetchSpan),
    /// What an event stores, until that is as safe as the operator wants it.
    Commit,
}

/// A request to another server. Neither path nor query: they may hold secrets.
pub struct FetchSpan {
    pub method: String,
    pub host: String,
    pub port: Option<u16>,
    pub status: Option<u16>,
}

/// An event over all of its runs.
pub struct EventSpan {
    pub kind: EventKind,
    pub room: Option<String>,
    pub connection: Option<u64>,
    /// The method and the path, without query, of a request or an upgrade.
    pub request: Option<(String, String)>,
    pub status: Option<u16>,
    pub runs: u32,
}
