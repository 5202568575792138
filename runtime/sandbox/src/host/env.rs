//! `env(name)`: a setting that the operator gives.

use wasmtime::{Caller, Linker};
use zigttp_abi::guest::IMPORT_MODULE;

use crate::event_state::HostData;
use crate::guest_memory::{self, Span};
use crate::host::answer;
use crate::view::View;

pub(super) fn link<V: View>(linker: &mut Linker<HostData<V>>) -> wasmtime::Result<()> {
    linker.func_wrap(
        IMPORT_MODULE,
        "env_get",
        |mut caller: Caller<'_, HostData<V>>, name: i32, name_len: i32, ptr: i32, cap: i32| {
            let name = Span::new(name, name_len);
            let setting = guest_memory::with_bytes(&mut caller, name, |state, name| {
                let name = std::str::from_utf8(name).ok()?;
                let setting = state.view.setting(name);
                if let Some(given) = &mut state.given {
                    given.setting(name, setting.as_deref());
                }
                setting
            })?;
            let Some(setting) = setting else { return wasmtime::Result::Ok(-1) };
            let len =
                i32::try_from(setting.len()).expect("the size of a file of settings is limited");
            answer::offer(&mut caller, Span::new(ptr, cap), &setting, || setting.clone())?;
            Ok(len)
        },
    )?;
    Ok(())
}
