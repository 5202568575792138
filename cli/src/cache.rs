//! Where compiled modules are kept between runs.
//!
//! Whoever can write there can run code as the user, so the folder is the user's alone.

use std::path::{Path, PathBuf};

/// The user's cache folder for this program: `$XDG_CACHE_HOME/zigttp`, or `~/.cache/zigttp`.
///
/// It is made if it is not there. `None` where that is impossible; everything works without it,
/// and starts a second later.
pub fn folder() -> Option<PathBuf> {
    let base = match std::env::var_os("XDG_CACHE_HOME") {
        Some(cache) if !cache.is_empty() => PathBuf::from(cache),
        _ => Path::new(&std::env::var_os("HOME")?).join(".cache"),
    };
    // The specification of XDG: a relative path is to be ignored.
    let folder = base.is_absolute().then(|| base.join("zigttp"))?;
    make_private(&folder).ok().map(|()| folder)
}

/// Where the server keeps compiled handlers, inside [`folder`]. A folder of its own: what is loaded
/// from there is run, so the server makes it, and takes none that is open to others.
pub fn served_modules_folder() -> Option<PathBuf> {
    Some(folder()?.join("served"))
}

/// The compiler's cache of its compiled engine, inside [`folder`].
pub fn compiled_modules() -> Option<wasmtime::Cache> {
    let compiled = folder()?.join("compiled");
    make_private(&compiled).ok()?;
    let mut config = wasmtime::CacheConfig::new();
    config.with_directory(compiled);
    wasmtime::Cache::new(config).ok()
}

/// Makes a folder that is the user's; refuses a link, and one that belongs to somebody else (of `sudo`,
/// which may keep `HOME`) or where others can write.
#[cfg(unix)]
fn make_private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};

    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let found = std::fs::symlink_metadata(folder)?;
    let is_private = found.is_dir()
        && found.uid() == rustix::process::geteuid().as_raw()
        && found.mode() & 0o022 == 0;
    if is_private { Ok(()) } else { Err(std::io::Error::other("it is not this user's alone")) }
}

#[cfg(not(unix))]
fn make_private(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)
}
