//! The order of signals.

/// When a signal is due, and its number: the order in which signals run.
pub(crate) type Place = (u64, u64);

/// A place behind all signals.
pub(super) const BEHIND_ALL: Place = (u64::MAX, u64::MAX);
