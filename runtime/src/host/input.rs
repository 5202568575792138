//! `input` and `take`: the guest fetches what the event brings, and answers too large for the
//! place it first offered.

use wasmtime::{Caller, Linker};
use zigttp_abi::guest::IMPORT_MODULE;

use crate::event_state::HostData;
use crate::guest_memory::{self, GuestFault};

pub(super) fn link(linker: &mut Linker<HostData>) -> wasmtime::Result<()> {
    linker.func_wrap(
        IMPORT_MODULE,
        "input",
        |mut caller: Caller<'_, HostData>, index: i32, ptr: i32| -> wasmtime::Result<()> {
            guest_memory::write(&mut caller, ptr, |state| {
                state.event.input(index.cast_unsigned()).ok_or(GuestFault("an input there is not"))
            })?;
            Ok(())
        },
    )?;
    linker.func_wrap(
        IMPORT_MODULE,
        "take",
        |mut caller: Caller<'_, HostData>, ptr: i32| -> wasmtime::Result<()> {
            guest_memory::write(&mut caller, ptr, |state| Ok(&state.answer))?;
            Ok(())
        },
    )?;
    Ok(())
}
