//! Where compiled modules are kept between runs.
//!
//! Everybody who can write there can run code as the user. So a folder is not used if it is a link, belongs
//! to another user (`sudo` may keep `HOME`) or can be written by others.

use std::path::{Path, PathBuf};

use zigttp_runtime::make_own_folder;

/// The user's cache folder for this program: `$XDG_CACHE_HOME/zigttp`, or `~/.cache/zigttp`.
///
/// It is made if it does not exist. `None` where that is impossible; everything works without it, but
/// starts a second later.
pub fn folder() -> Option<PathBuf> {
    let base = match std::env::var_os("XDG_CACHE_HOME") {
        Some(cache) if !cache.is_empty() => PathBuf::from(cache),
        _ => Path::new(&std::env::var_os("HOME")?).join(".cache"),
    };
    // The XDG specification says that a relative path must be ignored.
    let folder = base.is_absolute().then(|| base.join("zigttp"))?;
    make_own_folder(&folder).ok().map(|()| folder)
}

/// Where the server keeps compiled handlers, inside [`folder`]. A folder of its own: what is loaded from
/// there is run, so the server makes it, and uses none that is open to others.
pub fn served_modules_folder() -> Option<PathBuf> {
    Some(folder()?.join("served"))
}

/// The compiler's cache of its compiled engine, inside [`folder`].
pub fn compiled_modules() -> Option<wasmtime::Cache> {
    let compiled = folder()?.join("compiled");
    make_own_folder(&compiled).ok()?;
    let mut config = wasmtime::CacheConfig::new();
    config.with_directory(compiled);
    wasmtime::Cache::new(config).ok()
}
