//! Responses to requests for which the handler has given none.

use hyper::{Response, StatusCode};
use zigttp_rooms::no_answer::NoAnswer;
use zigttp_sandbox::budget::OverBudget;
use zigttp_sandbox::failure::Failure;

use crate::http::response::{Body, busy, internal_error, text};
use crate::server::counters::Unanswered;

/// Why a request gets no response of the handler, and what it gets.
pub(crate) type NoResponse = (Unanswered, Response<Body>);

/// The response where the handler has given none. It does not reveal what went wrong inside.
pub(crate) fn error_response(error: &NoAnswer) -> Response<Body> {
    match error {
        NoAnswer::RoomBusy => busy("the room is busy\n"),
        NoAnswer::RoomPaused => busy("the room is paused\n"),
        NoAnswer::Draining => busy("the server is stopping\n"),
        NoAnswer::Busy | NoAnswer::Failed(Failure::OverBudget(OverBudget::EventMemory)) => {
            busy("the server is busy\n")
        }
        NoAnswer::Failed(Failure::OverBudget(OverBudget::Cpu)) => {
            text(StatusCode::GATEWAY_TIMEOUT, "the handler took too long\n")
        }
        NoAnswer::Abandoned | NoAnswer::Failed(_) | NoAnswer::Panicked => internal_error(),
    }
}

pub(crate) fn room_too_long() -> Response<Body> {
    text(StatusCode::URI_TOO_LONG, "the name of the room is too long\n")
}

/// The response where an event has given none, with the reason.
pub(crate) fn unanswered(error: &NoAnswer) -> NoResponse {
    let reason = match error {
        NoAnswer::Busy => Unanswered::TooManyEvents,
        NoAnswer::RoomBusy => Unanswered::RoomBusy,
        NoAnswer::RoomPaused => Unanswered::RoomPaused,
        // Only of upgrades, and where no client is left to hear of it.
        NoAnswer::Draining | NoAnswer::Abandoned => Unanswered::Failed,
        NoAnswer::Failed(Failure::OverBudget(OverBudget::Cpu)) => Unanswered::OverCpuBudget,
        NoAnswer::Failed(_) | NoAnswer::Panicked => Unanswered::Failed,
    };
    (reason, error_response(error))
}
