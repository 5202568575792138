//! Results whose length the guest does not know when it calls.

use bytes::Bytes;
use wasmtime::Caller;
use zigttp_abi::value::Value;

use crate::event_state::HostData;
use crate::guest_memory::{self, Span};
use crate::view::View;

/// Gives a result to the guest: in the guest's buffer if it fits; if not, `keep` makes a copy, which the
/// guest fetches with `take`. In both cases the caller returns the length to the guest.
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

/// The same of a value that there may be. Returns its kind and length as the guest gets them; -1 for none.
pub(super) fn offer_value<V: View>(
    caller: &mut Caller<'_, HostData<V>>,
    buffer: Span,
    value: Option<Value>,
) -> wasmtime::Result<i64> {
    let Some(value) = value else { return Ok(-1) };
    let bytes = value.bytes();
    offer(caller, buffer, bytes, || bytes.clone())?;
    Ok(i64::from(value.kind().number()) << 32 | bytes.len() as i64)
}
