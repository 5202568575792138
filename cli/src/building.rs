//! The compiler's engine, ready to build.

use zigts_compiler::{Builder, TICK};

use crate::{cache, show};

/// A builder whose clock ticks. Its engine comes from the cache after the first time.
///
/// # Errors
/// When wasmtime cannot run on this machine.
pub fn builder() -> anyhow::Result<Builder> {
    let builder = show::while_working("compiling the engine, which is done once", || {
        Builder::new(cache::compiled_modules())
    })?;
    let clock = builder.clock();
    // Ends with the builder, at the latest one tick after it.
    std::thread::spawn(move || {
        while clock.tick() {
            std::thread::sleep(TICK);
        }
    });
    Ok(builder)
}
