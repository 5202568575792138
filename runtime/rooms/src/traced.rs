//! The trace that an event belongs to: handed on with its requests, and recorded if somebody records traces.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use zigttp_sandbox::event::{Call, Event, Request};
use zigttp_sandbox::outgoing::{FetchError, FetchedResponse, OutgoingRequest};

use crate::clock::Clock;
use crate::spans::{EventSpan, FetchSpan, Parent, Span, SpanRecorder, Work};
use crate::trace_context::TraceContext;
use crate::world;

/// Longest text in a span: names of rooms and paths are clients'.
const MAX_TEXT_BYTES: usize = 256;

/// An event as a part of a trace, over all of its runs.
pub(crate) struct Traced {
    context: TraceContext,
    parent: Option<Parent>,
    clock: Clock,
    recorded: Option<Recorded>,
}

struct Recorded {
    recorder: Arc<dyn SpanRecorder>,
    began: SystemTime,
    event: EventSpan,
}

/// A part of the trace that an event has caused, and that goes on.
pub(crate) struct Child {
    context: TraceContext,
    parent: u64,
    clock: Clock,
    recorder: Option<Arc<dyn SpanRecorder>>,
    began: (SystemTime, Instant),
}

impl Traced {
    /// The part of an event that begins. Without a recorder there is none unless its request belongs to a
    /// trace.
    pub(crate) fn begin(
        event: &Event,
        recorder: Option<&Arc<dyn SpanRecorder>>,
        clock: Clock,
    ) -> Option<Box<Traced>> {
        let request = match &event.call {
            Call::Request(request) | Call::RoomOf(request) | Call::Upgrade { request, .. } => {
                Some(&**request)
            }
            _ => None,
        };
        let incoming = request.and_then(|request| TraceContext::of(&request.headers));
        if incoming.is_none() && recorder.is_none() {
            return None;
        }
        let parent = incoming.as_ref().map(|it| Parent { span: it.span, is_remote: true });
        let context = match incoming {
            Some(incoming) => incoming.child(world::span_id()),
            None => TraceContext::begin(world::trace_id(), world::span_id())?,
        };
        // Whoever has begun the trace decides about all of it.
        let recorder = recorder.filter(|_| context.is_sampled);
        let recorded = recorder.map(|recorder| Recorded {
            recorder: Arc::clone(recorder),
            began: clock.wall_clock(),
            event: EventSpan {
                kind: event.kind(),
                room: event.room.as_deref().map(cut),
                connection: event.connection.map(|id| id.number()),
                request: request.map(method_and_path),
                status: None,
                runs: 0,
            },
        });
        Some(Box::new(Traced { context, parent, clock, recorded }))
    }

    /// Begins a part of the trace.
    pub(crate) fn child(&self) -> Child {
        Child {
            context: self.context.child(world::span_id()),
            parent: self.context.span,
            clock: self.clock,
            recorder: self.recorded.as_ref().map(|recorded| Arc::clone(&recorded.recorder)),
            began: (self.clock.wall_clock(), self.clock.now()),
        }
    }

    /// Records the event, which has ended.
    pub(crate) fn ended(
        self,
        took: Duration,
        runs: u32,
        status: Option<u16>,
        failure: Option<&'static str>,
    ) {
        let Traced { context, parent, recorded, .. } = self;
        let Some(Recorded { recorder, began, event }) = recorded else { return };
        let work = Work::Event(EventSpan { status, runs, ..event });
        recorder.record(Span { context, parent, work, began, took, failure });
    }
}

impl Child {
    /// Makes a request part of the trace, unless its handler has done so.
    pub(crate) fn mark(&self, request: &mut OutgoingRequest) {
        let lines = self.context.lines_beside(&request.headers);
        request.headers.push_str(&lines);
    }

    /// What is said of a request, if it is recorded.
    pub(crate) fn fetch(&self, request: &OutgoingRequest) -> Option<FetchSpan> {
        self.recorder.is_some().then(|| {
            let authority = request.url.split('/').nth(2).unwrap_or_default();
            let (host, port) = match authority.rsplit_once(':') {
                Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()),
                _ => (authority, None),
            };
            FetchSpan { method: cut(&request.method), host: cut(host), port, status: None }
        })
    }

    /// Records a request that has ended.
    pub(crate) fn fetched(self, fetch: FetchSpan, fetched: &Result<FetchedResponse, FetchError>) {
        let (status, failure) = match fetched {
            Ok(response) => (Some(response.head.status), None),
            Err(error) => (None, Some(error.kind.name())),
        };
        self.ended(Work::Fetch(FetchSpan { status, ..fetch }), failure);
    }

    /// Records it, now that it has ended.
    pub(crate) fn ended(self, work: Work, failure: Option<&'static str>) {
        let Child { context, parent, clock, recorder, began: (began, started) } = self;
        let Some(recorder) = recorder else { return };
        let parent = Some(Parent { span: parent, is_remote: false });
        let took = clock.now() - started;
        recorder.record(Span { context, parent, work, began, took, failure });
    }
}

fn method_and_path(request: &Request) -> (String, String) {
    let path = request.target.lines().nth(1).unwrap_or_default();
    (cut(&request.method), cut(path))
}

fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(MAX_TEXT_BYTES)].to_owned()
}
