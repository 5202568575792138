//! What a user sees of a bug of ours.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::Write;
use std::panic::PanicHookInfo;

/// Makes a panic say that the program is at fault, and what to send to whom.
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

/// Makes a panic a line of the log, as a server's is: written in the log's own format, by a thread that
/// may wait for whoever reads it, and bounded as other lines are.
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
