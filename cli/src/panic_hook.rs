//! What a user sees when a program has a bug.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::Write;
use std::panic::PanicHookInfo;

/// Makes a panic say that the program has a bug, and what to report.
pub fn install(program: &'static str) {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if is_of_the_parser(panic) {
            return;
        }
        default(panic);
        // Nothing can be done about a closed stderr.
        let _ = writeln!(
            std::io::stderr(),
            "\nThis is a bug in {program} {}, not in your handler. Please report it with the message \
             above, the command you ran and, if you can share it, the handler.",
            env!("CARGO_PKG_VERSION"),
        );
    }));
}

/// Makes a panic of a server a line of its log: in the log's format, written by the thread that may wait for
/// the reader, and limited as other lines are.
pub fn install_for_a_server() {
    std::panic::set_hook(Box::new(|panic| {
        if is_of_the_parser(panic) {
            return;
        }
        let thread = std::thread::current();
        let (thread, place) = (thread.name().unwrap_or("of no name"), panic.location());
        let place = place.map_or_else(String::new, |place| format!(" at {place}"));
        let message = panic.payload_as_str().unwrap_or("of no text").escape_debug();
        let backtrace = Backtrace::capture();
        let frames = match backtrace.status() {
            BacktraceStatus::Captured => format!("\n{backtrace}"),
            _ => String::new(),
        };
        tracing::error!("a bug: the thread {thread} has panicked{place}: {message}{frames}");
    }));
}

/// The compiler turns these into diagnostics.
fn is_of_the_parser(panic: &PanicHookInfo<'_>) -> bool {
    panic.location().is_some_and(|place| place.file().contains("swc_ecma_parser"))
}
