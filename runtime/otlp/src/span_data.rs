//! Our spans in the words of OpenTelemetry (its semantic conventions, where they have one).

use std::borrow::Cow;

use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use zigttp_rooms::spans::{EventSpan, FetchSpan, Span, Work};
use zigttp_sandbox::event::EventKind;

/// A span as the exporter takes it.
pub(crate) fn span_data(span: Span, scope: &InstrumentationScope) -> SpanData {
    let Span { context, parent, work, began, took, failure } = span;
    let state = context.state.as_deref().and_then(|state| state.parse::<TraceState>().ok());
    let (name, span_kind, mut attributes) = described(work);
    if let Some(failure) = failure {
        attributes.push(KeyValue::new("error.type", failure));
    }
    SpanData {
        span_context: SpanContext::new(
            TraceId::from(context.trace),
            SpanId::from(context.span),
            TraceFlags::SAMPLED,
            false,
            state.unwrap_or_default(),
        ),
        parent_span_id: parent.map_or(SpanId::INVALID, |parent| SpanId::from(parent.span)),
        parent_span_is_remote: parent.is_some_and(|parent| parent.is_remote),
        span_kind,
        name,
        start_time: began,
        end_time: began + took,
        attributes,
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: match failure {
            Some(failure) => Status::error(failure),
            None => Status::Unset,
        },
        instrumentation_scope: scope.clone(),
    }
}

fn described(work: Work) -> (Cow<'static, str>, SpanKind, Vec<KeyValue>) {
    match work {
        Work::Event(event) => of_event(event),
        Work::Fetch(FetchSpan { method, host, port, status }) => {
            let mut attributes = vec![
                KeyValue::new("http.request.method", method.clone()),
                KeyValue::new("server.address", host),
            ];
            attributes.extend(port.map(|port| KeyValue::new("server.port", i64::from(port))));
            attributes.extend(status_of(status));
            (method.into(), SpanKind::Client, attributes)
        }
        Work::Commit => ("commit".into(), SpanKind::Internal, Vec::new()),
    }
}

fn of_event(event: EventSpan) -> (Cow<'static, str>, SpanKind, Vec<KeyValue>) {
    let EventSpan { kind, room, connection, request, status, runs } = event;
    let mut attributes = vec![
        KeyValue::new("zigttp.event", kind.name()),
        KeyValue::new("zigttp.runs", i64::from(runs)),
    ];
    attributes.extend(room.map(|room| KeyValue::new("zigttp.room", room)));
    attributes.extend(connection.map(|id| KeyValue::new("zigttp.connection", id.to_string())));
    if let Some((method, path)) = request {
        attributes.push(KeyValue::new("http.request.method", method));
        attributes.push(KeyValue::new("url.path", path));
    }
    attributes.extend(status_of(status));
    let span_kind = match kind {
        EventKind::Upgrade | EventKind::Request => SpanKind::Server,
        EventKind::Message | EventKind::Signal => SpanKind::Consumer,
        _ => SpanKind::Internal,
    };
    (kind.name().into(), span_kind, attributes)
}

fn status_of(status: Option<u16>) -> Option<KeyValue> {
    status.map(|status| KeyValue::new("http.response.status_code", i64::from(status)))
}
