//! `log(level, text)`: a line of `console`.

use wasmtime::{Caller, Linker};
use zigttp_abi::guest::{IMPORT_MODULE, LogLevel};

use crate::event_state::{EventState, HostData};
use crate::guest_memory::{self, Span};
use crate::handler_log::{HANDLER_LOG_TARGET, printable};

/// A longer line is cut: a log is not where a handler's data goes.
pub(super) const MAX_LINE_BYTES: i32 = 16 << 10;

impl EventState {
    pub(super) fn log(&self, level: LogLevel, text: &str) {
        if !is_shown(level) || !self.hub.handler_log.permits(&self.hub.counters.dropped_log_lines) {
            return;
        }
        let conn = self.event.connection().map(|connection| tracing::field::display(connection.id));
        let event = self.event.kind().name();
        let text = printable(text);
        match level {
            LogLevel::Debug => tracing::debug!(target: HANDLER_LOG_TARGET, conn, event, "{text}"),
            LogLevel::Info => tracing::info!(target: HANDLER_LOG_TARGET, conn, event, "{text}"),
            LogLevel::Warn => tracing::warn!(target: HANDLER_LOG_TARGET, conn, event, "{text}"),
            LogLevel::Error => tracing::error!(target: HANDLER_LOG_TARGET, conn, event, "{text}"),
        }
    }
}

/// A line that nobody reads does not count against the rate.
fn is_shown(level: LogLevel) -> bool {
    match level {
        LogLevel::Debug => tracing::enabled!(target: HANDLER_LOG_TARGET, tracing::Level::DEBUG),
        LogLevel::Info => tracing::enabled!(target: HANDLER_LOG_TARGET, tracing::Level::INFO),
        LogLevel::Warn => tracing::enabled!(target: HANDLER_LOG_TARGET, tracing::Level::WARN),
        LogLevel::Error => tracing::enabled!(target: HANDLER_LOG_TARGET, tracing::Level::ERROR),
    }
}

pub(super) fn link(linker: &mut Linker<HostData>) -> wasmtime::Result<()> {
    linker.func_wrap(
        IMPORT_MODULE,
        "log",
        |mut caller: Caller<'_, HostData>, level: i32, ptr: i32, len: i32| {
            let is_cut = len.cast_unsigned() > MAX_LINE_BYTES.cast_unsigned();
            let len = if is_cut { MAX_LINE_BYTES } else { len };
            let (span, max) = (Span::new(ptr, len), MAX_LINE_BYTES as usize);
            let mut text = guest_memory::read_cut_string(&mut caller, span, max)?;
            if is_cut {
                text.push('…');
            }
            caller.data().log(LogLevel::from_number(level), &text);
            wasmtime::Result::Ok(())
        },
    )?;
    Ok(())
}
