//! The door of a guest that runs tests: a text goes out, and a text comes back.
//!
//! It takes the place of the import behind `env(name)`, the one function of the API that takes a text and returns one.
//! So no handler has an import that only tests need, and a guest that is not linked here has no door: there the
//! text is the name of a setting that nobody has given.

use wasmtime::{Caller, Linker};
use zigttp_abi::guest::IMPORT_MODULE;

use crate::door::Door;
use crate::event_state::HostData;
use crate::guest_memory::{self, Span};
use crate::host::answer;
use crate::host::state::open::wait;

pub(crate) fn link<V: Door>(linker: &mut Linker<HostData<V>>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    linker.func_wrap_async(
        IMPORT_MODULE,
        "env_get",
        |mut caller: Caller<'_, HostData<V>>, (text, len, ptr, cap): (i32, i32, i32, i32)| {
            Box::new(async move {
                let text = guest_memory::read_string(&mut caller, Span::new(text, len))?;
                let asked = caller.data().view.ask(text);
                let Some(told) = wait(&mut caller, async { Ok(asked.await) }).await? else {
                    return Ok(-1);
                };
                let len = i32::try_from(told.len())
                    .map_err(|_| wasmtime::Error::msg("the answer is over 2 GiB"))?;
                answer::offer(&mut caller, Span::new(ptr, cap), &told, || told.clone())?;
                Ok(len)
            })
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}
