//! `inputs` and `take`: the guest fetches what the event brings, and answers too large for the
//! place it first offered.

use wasmtime::{Caller, Linker};
use zigttp_abi::guest::IMPORT_MODULE;

use crate::event_state::HostData;
use crate::guest_memory;

pub(super) fn link(linker: &mut Linker<HostData>) -> wasmtime::Result<()> {
    linker.func_wrap(
        IMPORT_MODULE,
        "inputs",
        |mut caller: Caller<'_, HostData>,
         first: i32,
         second: i32,
         third: i32,
         fourth: i32|
         -> wasmtime::Result<()> {
            guest_memory::write_inputs(&mut caller, [first, second, third, fourth])?;
            Ok(())
        },
    )?;
    linker.func_wrap(
        IMPORT_MODULE,
        "take",
        |mut caller: Caller<'_, HostData>, ptr: i32| -> wasmtime::Result<()> {
            guest_memory::write_answer(&mut caller, ptr)?;
            Ok(())
        },
    )?;
    Ok(())
}
