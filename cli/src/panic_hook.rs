//! What a user sees of a bug of ours.

use std::io::Write;

/// Makes a panic say that the program is at fault, and what to send to whom.
pub fn install(program: &'static str) {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        // The compiler turns these into diagnostics.
        if panic.location().is_some_and(|place| place.file().contains("swc_ecma_parser")) {
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
