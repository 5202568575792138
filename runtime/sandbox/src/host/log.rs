//! `log(level, text)`: a line of `console`.

use wasmtime::{Caller, Linker};
use zigttp_abi::guest::{IMPORT_MODULE, LogLevel};

use crate::event_state::HostData;
use crate::guest_memory::{self, Span};
use crate::view::View;

/// Longest line; a longer one is cut.
pub(super) const MAX_LINE_BYTES: i32 = 16 << 10;

pub(super) fn link<V: View>(linker: &mut Linker<HostData<V>>) -> wasmtime::Result<()> {
    linker.func_wrap(
        IMPORT_MODULE,
        "log",
        |mut caller: Caller<'_, HostData<V>>, level: i32, ptr: i32, len: i32| {
            let level = LogLevel::from_number(level);
            if !caller.data().view.shows(level) {
                return wasmtime::Result::Ok(());
            }
            let is_cut = len.cast_unsigned() > MAX_LINE_BYTES.cast_unsigned();
            let len = if is_cut { MAX_LINE_BYTES } else { len };
            let (span, max) = (Span::new(ptr, len), MAX_LINE_BYTES as usize);
            let mut text = guest_memory::read_cut_string(&mut caller, span, max)?;
            if is_cut {
                text.push('…');
            }
            Ok(caller.data_mut().log(level, text)?)
        },
    )?;
    Ok(())
}
