//! The requests that handlers make to other servers.

use zigttp_outbound::counters::HostClass;
use zigttp_outbound::error::ErrorKind;
use zigttp_rooms::histogram::Distribution;

use crate::operator::metrics::page::Page;
use crate::server::Server;

pub(super) fn fetches(page: &mut Page, server: &Server) {
    let (client, counters) = (&server.outbound, server.outbound.counters());
    for (name, help, value) in [
        (
            "zigttp_fetches",
            "Requests of handlers under way, without those of streams",
            client.in_flight(),
        ),
        (
            "zigttp_fetches_limit",
            "Most requests of handlers under way (--max-fetches)",
            server.config.max_fetches,
        ),
        (
            "zigttp_waiting_fetches",
            "Requests of handlers that wait because too many are under way (--max-fetches, --max-host-fetches, --max-room-fetches)",
            client.waiting(),
        ),
        (
            "zigttp_fetch_connections",
            "Connections to other servers, idle ones included",
            counters.open_connections(),
        ),
        (
            "zigttp_fetch_streams",
            "Answers of other servers that are read as they come",
            counters.open_responses(),
        ),
    ] {
        page.family(name, "gauge", help);
        page.sample(name, &[], value);
    }
    let name = "zigttp_fetches_total";
    page.family(name, "counter", "Requests that handlers have made, by how their host is allowed");
    for class in HostClass::ALL {
        page.sample(name, &[("host", class.name())], counters.requests(class));
    }
    let name = "zigttp_fetch_failures_total";
    page.family(name, "counter", "Requests of handlers without an answer, by reason");
    for kind in ErrorKind::ALL {
        page.sample(name, &[("kind", kind.name())], counters.failures(kind));
    }
    for (name, help, value) in [
        ("fetch_redirects", "Redirects of requests that were followed", counters.redirects()),
        (
            "fetch_received_bytes",
            "Bytes of answers, before they are decoded",
            counters.received_bytes(),
        ),
        ("fetch_connects", "Connections made to other servers", counters.connections()),
    ] {
        let name = format!("zigttp_{name}_total");
        page.family(&name, "counter", help);
        page.sample(&name, &[], value);
    }
    let (name, durations) = ("zigttp_fetch_duration_seconds", counters.durations());
    page.family(name, "histogram", "Time of a request of a handler, with its wait for a place");
    page.distribution(
        name,
        &[],
        &Distribution {
            buckets: durations.buckets(),
            count: durations.count(),
            sum: durations.sum(),
        },
    );
}

/// Traces that were recorded for a collector.
pub(super) fn spans(page: &mut Page, server: &Server) {
    let counts = server.config.spans.0.as_ref().map(|spans| spans.counts()).unwrap_or_default();
    let name = "zigttp_spans_total";
    page.family(name, "counter", "Parts of traces (--otlp-endpoint), by what has become of them");
    for (result, count) in
        [("exported", counts.exported), ("failed", counts.failed), ("dropped", counts.dropped)]
    {
        page.sample(name, &[("result", result)], count);
    }
}
