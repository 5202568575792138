//! The artifact to serve: read, or built from source.

use std::path::Path;

use anyhow::{Context, bail};
use zigts_rules::levels::Levels;

use crate::compilation::Compilation;
use crate::exit::ErrorsFound;
use crate::handler_file;

/// The bytes of a handler's artifact.
///
/// # Errors
/// When the file cannot be read, is of an unknown kind, or does not build.
pub fn load(handler: &Path) -> anyhow::Result<Vec<u8>> {
    if handler_file::is_source(handler) {
        let compilation = Compilation::of(handler, &Levels::default())?;
        compilation.show_diagnostics()?;
        return compilation
            .artifact
            .map(|artifact| artifact.bytes)
            .ok_or_else(|| ErrorsFound.into());
    }
    if handler.extension().is_some_and(|extension| extension == "wasm") {
        return std::fs::read(handler)
            .with_context(|| format!("cannot read {}", handler.display()));
    }
    bail!(
        "cannot serve {}: a handler is a .wasm, or a .ts, .mts, .js or .mjs source",
        handler.display()
    )
}
