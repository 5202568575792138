//! Answers of a length that the guest does not know when it asks.

use bytes::Bytes;
use wasmtime::Caller;

use crate::event_state::HostData;
use crate::guest_memory::{self, Span};
use crate::view::View;

/// Hands an answer to the guest: into the buffer it offers if it fits, else `keep` makes what is kept for
/// `take`. Either way the caller tells the guest the length.
pub(super) fn offer<V: View>(
    caller: &mut Caller<'_, HostData<V>>,
    buffer: Span,
    answer: &[u8],
    keep: impl FnOnce() -> Bytes,
) -> wasmtime::Result<()> {
    if answer.len() > buffer.len() {
        caller.data_mut().keep(keep())?;
        return Ok(());
    }
    Ok(guest_memory::write_owned(caller, buffer.start(), answer)?)
}
