//! RangeErrors that the guest throws for the host.

use wasmtime::Caller;

use crate::event_state::HostData;
use crate::view::View;

/// The text of a RangeError for the guest.
pub(super) type RangeError = String;

/// The result for the guest: of a RangeError the negative length of its text, which is kept for `take`.
pub(super) fn result_of<V: View>(
    caller: &mut Caller<'_, HostData<V>>,
    result: Result<i32, RangeError>,
) -> wasmtime::Result<i32> {
    match result {
        Ok(result) => Ok(result),
        Err(text) => {
            let len = i32::try_from(text.len()).expect("messages are short");
            caller.data_mut().keep(text.into())?;
            Ok(-len)
        }
    }
}
