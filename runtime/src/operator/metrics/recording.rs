//! The recording of events, and the shadow.

use zigttp_recording::counters::RecordCounters;
use zigttp_recording::ended::Part;
use zigttp_recording::recorder::Recorder;
use zigttp_recording::shadow::Shadow;

use crate::operator::metrics::page::Page;
use crate::server::Server;

pub(super) fn recording(page: &mut Page, server: &Server) {
    let counters = server.dispatcher.recorder.as_deref().map(Recorder::counters);
    let name = "zigttp_record_failing";
    page.family(
        name,
        "gauge",
        "Whether the folder of --record cannot be written, so that no event is recorded",
    );
    page.sample(name, &[], usize::from(counters.is_some_and(RecordCounters::is_stopped)));
    for (name, help, value) in [
        (
            "zigttp_recorded_events_total",
            "Events whose record was written (--record)",
            counters.map(|it| &it.recorded),
        ),
        (
            "zigttp_unrecorded_events_total",
            "Events that were not recorded, because more wait to be written than fit",
            counters.map(|it| &it.dropped),
        ),
        (
            "zigttp_record_failures_total",
            "Events that were not recorded, because the folder could not be written",
            counters.map(|it| &it.failed),
        ),
        (
            "zigttp_recorded_bytes_total",
            "Bytes of records that were written, compressed",
            counters.map(|it| &it.bytes),
        ),
    ] {
        page.family(name, "counter", help);
        page.sample(name, &[], value.map_or(0, |value| value.get()));
    }
}

pub(super) fn shadow(page: &mut Page, server: &Server) {
    let counters = server.dispatcher.shadow.as_deref().map(Shadow::counters);
    for (name, help, value) in [
        (
            "zigttp_shadow_events_total",
            "Events that ran on the handler of --shadow too",
            counters.map(|it| &it.events),
        ),
        (
            "zigttp_shadow_skipped_total",
            "Events that did not, because more wait for it than fit",
            counters.map(|it| &it.skipped),
        ),
    ] {
        page.family(name, "counter", help);
        page.sample(name, &[], value.map_or(0, |value| value.get()));
    }
    let name = "zigttp_shadow_differences_total";
    page.family(
        name,
        "counter",
        "Events that do something else on the handler of --shadow, by what differs",
    );
    for part in Part::ALL {
        let value = counters.map_or(0, |counters| counters.differences[part as usize].get());
        page.sample(name, &[("part", part.name())], value);
    }
}
