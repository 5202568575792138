//! `getWebSockets(room)`: every member of a room.

use bytes::Bytes;
use smallvec::SmallVec;
use wasmtime::{Caller, Linker};
use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::guest::IMPORT_MODULE;

use crate::event_state::HostData;
use crate::guest_memory::{self, Span};
use crate::host::answer;
use crate::view::{FEW_MEMBERS, View};

/// Ids as JavaScript numbers.
fn as_numbers(ids: &[ConnectionId]) -> SmallVec<[[u8; size_of::<f64>()]; FEW_MEMBERS]> {
    ids.iter().map(|id| (id.number() as f64).to_le_bytes()).collect()
}

pub(super) fn link<V: View>(linker: &mut Linker<HostData<V>>) -> wasmtime::Result<()> {
    linker.func_wrap(
        IMPORT_MODULE,
        "get_web_sockets",
        |mut caller: Caller<'_, HostData<V>>, room: i32, room_len: i32, ptr: i32, cap: i32| {
            let room = Span::new(room, room_len);
            let numbers = guest_memory::with_bytes(&mut caller, room, |state, room| {
                state.with_members(room, as_numbers)
            })??;
            let count =
                i32::try_from(numbers.len()).expect("there are far fewer connections than 2^31");
            let bytes = numbers.as_flattened();
            let keep = || Bytes::copy_from_slice(bytes);
            answer::offer(&mut caller, Span::new(ptr, cap), bytes, keep)?;
            wasmtime::Result::Ok(count)
        },
    )?;
    Ok(())
}
