//! Logs a failed event.

use zigttp_sandbox::event::Event;
use zigttp_sandbox::failure::Failure;
use zigttp_sandbox::journal::{Journal, Repeated};
use zigttp_sandbox::source_position::SourceMaps;

use crate::handler_log::{HANDLER_LOG_TARGET, printable};
use crate::handlers::Handler;
use crate::hub::Hub;

/// Logs the requests that an event has made again, because what they say has changed between two runs.
pub(crate) fn log_repeated(journal: &Journal, event: &Event, handler: &Handler, hub: &Hub) {
    for Repeated { what, stack } in journal.repeated() {
        hub.counters.repeated_requests.add_one();
        if !hub.handler_log.permits(&hub.counters.dropped_log_lines, hub.clock.now()) {
            continue;
        }
        let conn = event.open_connection().map(tracing::field::display);
        let event = event.kind().name();
        let stack = handler.app.source_maps.rewrite(stack);
        let text = printable(&format!(
            "fetch: {what} was made again, because its content has changed while the event waited \
             (`key` binds the answer to a name)\n{stack}"
        ));
        tracing::warn!(target: HANDLER_LOG_TARGET, conn, event, "{text}");
    }
}

/// Logs a failure: one for the operator always, one for the handler's author within the rate of the handler's
/// log lines. Control characters are escaped, because the text comes from the handler or a client.
pub fn log(failure: &Failure, event: &Event, source_maps: &SourceMaps, hub: &Hub) {
    let is_operators = failure.is_operators();
    if !is_operators && !hub.handler_log.permits(&hub.counters.dropped_log_lines, hub.clock.now()) {
        return;
    }
    let name = event.kind().name();
    let conn = event.open_connection().map(tracing::field::display);
    let room = event.room.as_ref().map(|room| room.escape_debug());
    let room = room.as_ref().map(tracing::field::display);
    let text = printable(&failure.text(source_maps));
    if is_operators {
        tracing::error!(conn, room, event = name, "{text}");
    } else {
        tracing::error!(target: HANDLER_LOG_TARGET, conn, room, event = name, "{text}");
    }
}
