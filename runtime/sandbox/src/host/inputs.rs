//! `inputs` and `take`: the guest fetches the inputs of the event, and results that did not fit its buffer.

use wasmtime::{Caller, Linker};
use zigttp_abi::guest::IMPORT_MODULE;

use crate::event_state::HostData;
use crate::guest_memory;
use crate::view::View;

pub(super) fn link<V: View>(linker: &mut Linker<HostData<V>>) -> wasmtime::Result<()> {
    linker.func_wrap(
        IMPORT_MODULE,
        "inputs",
        |mut caller: Caller<'_, HostData<V>>,
         first: i32,
         second: i32,
         third: i32,
         fourth: i32,
         fifth: i32|
         -> wasmtime::Result<()> {
            let buffers = [first, second, third, fourth, fifth];
            guest_memory::write(&mut caller, buffers, |data| data.event.inputs())?;
            Ok(())
        },
    )?;
    linker.func_wrap(
        IMPORT_MODULE,
        "take",
        |mut caller: Caller<'_, HostData<V>>, ptr: i32| -> wasmtime::Result<()> {
            guest_memory::write(&mut caller, [ptr], |data| [&data.answer])?;
            Ok(())
        },
    )?;
    Ok(())
}
