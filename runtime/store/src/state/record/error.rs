//! What cannot be stored of a record.

use zigttp_abi::api::{LONGEST_PERIOD, MAX_KEY_BYTES, MAX_ROOM_BYTES, MAX_SIGNAL_BYTES};

/// Most arrays and objects inside of each other, as for handlers: a deeper value could not be read.
pub(crate) const MAX_LEVELS: usize = 500;

/// A record that cannot be stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    #[error("a key has {bytes} bytes, it may have 1 to {MAX_KEY_BYTES}")]
    Key { bytes: usize },
    #[error("the name of a room has {bytes} bytes, it may have 1 to {MAX_ROOM_BYTES}")]
    Room { bytes: usize },
    #[error("{kind:?} is no kind of value")]
    Kind { kind: String },
    #[error("a value of kind {kind} has `{field}`, and nothing else")]
    Fields { kind: &'static str, field: &'static str },
    #[error("a value's base64 is damaged")]
    Base64,
    #[error("a value of kind {kind} cannot have {bytes} bytes")]
    Length { kind: &'static str, bytes: usize },
    #[error("a value has more than {MAX_LEVELS} levels of arrays and objects")]
    Levels,
    #[error("the name of a signal or timer has {bytes} bytes, it may have 1 to {MAX_KEY_BYTES}")]
    SignalName { bytes: usize },
    #[error("the data of {name:?} has {bytes} bytes, it may have {MAX_SIGNAL_BYTES}")]
    SignalData { name: Box<str>, bytes: usize },
    #[error("a time of {name:?} is {time}, which is no time of a Date")]
    Time { name: Box<str>, time: u64 },
    #[error("the period of {name:?} is {period} ms, it may be 1 to {LONGEST_PERIOD}")]
    Period { name: Box<str>, period: u64 },
    /// Signals have no period, and timers no sender.
    #[error("a {kind} has no `{field}`")]
    SignalFields { kind: &'static str, field: &'static str },
    #[error("two timers of the room have the name {name:?}")]
    TimerTwice { name: Box<str> },
    /// The first or last record of a room, within it.
    #[error("a record of another type is expected")]
    Misplaced,
}

/// Refuses what is no key.
///
/// # Errors
/// When it is too long, or empty.
pub fn check_key(key: &str) -> Result<(), RecordError> {
    match key.len() {
        1..=MAX_KEY_BYTES => Ok(()),
        bytes => Err(RecordError::Key { bytes }),
    }
}

/// Refuses what is no name of a room.
///
/// # Errors
/// When it is too long, or empty.
pub fn check_room(room: &str) -> Result<(), RecordError> {
    match room.len() {
        1..=MAX_ROOM_BYTES => Ok(()),
        bytes => Err(RecordError::Room { bytes }),
    }
}

/// Refuses what is no name of a signal or timer.
///
/// # Errors
/// When it is too long, or empty.
pub fn check_signal_name(name: &str) -> Result<(), RecordError> {
    check_key(name).map_err(|_| RecordError::SignalName { bytes: name.len() })
}
