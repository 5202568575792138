//! A cache of compiled modules on disk: with it a server starts in milliseconds instead of a second.
//!
//! The files are machine code that runs with the rights of the server. So only the server's user may write
//! in the folder, no link to it or in it is followed, and a file's name is a digest of all that its contents
//! depend on. wasmtime checks that a file is for its own version and settings and for this processor, and a
//! checksum shows that it is complete. Nothing checks that the code is what its artifact compiles to.

use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};
use wasmtime::{Engine, Module};
use zigttp_files::own_folder::{Others, OwnFolder};
use zigttp_files::replace::ReachesDisk;

use crate::restore;

/// A module, and whether it was rewritten.
pub(crate) struct Cached {
    pub(crate) module: Module,
    pub(crate) is_rewritten: bool,
}

/// The cache. Without a folder it stores nothing, and everything else works.
pub(crate) struct ModuleCache {
    folder: Option<OwnFolder>,
}

/// The name of an artifact's module for one engine and one kind of isolation.
pub(crate) struct Key(String);

const REWRITTEN: &str = "rewritten";
const PLAIN: &str = "plain";

impl ModuleCache {
    /// Uses a folder, which is made if it does not exist; does not use it if other users can write there.
    pub(crate) fn new(folder: Option<&Path>) -> ModuleCache {
        let folder = folder.and_then(|path| match OwnFolder::make(path, Others::Nothing) {
            Ok(folder) => Some(folder),
            Err(error) => {
                tracing::warn!("compiled modules are not cached in {}: {error}", path.display());
                None
            }
        });
        ModuleCache { folder }
    }

    /// The key of an artifact's module. `restores` says whether it is rewritten if possible, for memories of
    /// at most `memory_limit` bytes.
    pub(crate) fn key(engine: &Engine, wasm: &[u8], restores: bool, memory_limit: usize) -> Key {
        let mut digest = Sha256::new();
        digest.update(Sha256::digest(wasm));
        digest.update(restore::VERSION.to_le_bytes());
        digest.update([u8::from(restores)]);
        digest.update(memory_limit.to_le_bytes());
        // wasmtime's version, the target, the processor's features and every setting that changes the code.
        let mut hasher = IntoDigest(digest);
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let name = hasher.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Key(name)
    }

    /// Reads a module.
    pub(crate) fn get(&self, engine: &Engine, key: &Key) -> Option<Cached> {
        [true, false].into_iter().find_map(|is_rewritten| {
            let name = name(key, is_rewritten);
            let mut file = self.folder.as_ref()?.open_file(&name, Others::MayRead).ok()?;
            if !is_whole(&mut file).ok()? {
                return None;
            }
            #[expect(unsafe_code, reason = "compiled modules cannot be checked, only protected")]
            // SAFETY: only this user can write in the folder, and `put` writes only modules there that
            // this engine has compiled; files are replaced, never changed.
            let module = unsafe { Module::deserialize_open_file(engine, file) };
            Some(Cached { module: module.ok()?, is_rewritten })
        })
    }

    /// Stores a module, if possible.
    pub(crate) fn put(&self, key: &Key, cached: &Cached) {
        let Some(folder) = &self.folder else { return };
        #[expect(clippy::disallowed_methods, reason = "for a name that no other server uses")]
        let write = || -> io::Result<()> {
            let bytes = cached.module.serialize().map_err(io::Error::other)?;
            // Other servers may write the same module at the same time.
            let temporary = format!("{}.{:016x}.tmp", key.0, fastrand::u64(..));
            let name = name(key, cached.is_rewritten);
            folder.replace(&name, &temporary, &[&bytes, &checksum(&bytes)], ReachesDisk::Nothing)
        };
        if let Err(error) = write() {
            tracing::warn!("cannot cache a compiled module: {error}");
        }
    }
}

fn name(key: &Key, is_rewritten: bool) -> String {
    let kind = if is_rewritten { REWRITTEN } else { PLAIN };
    format!("{}.{kind}", key.0)
}

/// A [`Hasher`] that adds everything to a digest; its own short hash is not used.
struct IntoDigest(Sha256);

impl Hasher for IntoDigest {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}

/// The checksum after the module in its file. A rename may reach the disk before the contents of the file,
/// and waiting for a busy disk takes seconds. So the checksum shows when a loss of power has left an
/// incomplete file. wasmtime ignores bytes after the module.
fn checksum(module: &[u8]) -> [u8; 4] {
    crc32fast::hash(module).to_le_bytes()
}

fn is_whole(file: &mut File) -> io::Result<bool> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let (module, stored) = bytes.split_last_chunk().unwrap_or((&[], &[0; 4]));
    Ok(!module.is_empty() && *stored == checksum(module))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = format!("zigttp-module-cache-{name}-{}", std::process::id());
        std::env::temp_dir().join(folder)
    }

    #[test]
    fn a_module_is_found_only_under_its_own_key() {
        let folder = folder("kept");
        let cache = ModuleCache::new(Some(&folder));
        let engine = Engine::default();
        let wasm = wasm_encoder::Module::new().finish();
        let key = ModuleCache::key(&engine, &wasm, true, 1 << 20);
        assert!(cache.get(&engine, &key).is_none());
        let module = Module::new(&engine, &wasm).expect("the empty module is valid");
        cache.put(&key, &Cached { module, is_rewritten: true });
        assert!(cache.get(&engine, &key).is_some_and(|cached| cached.is_rewritten));
        for other in [
            ModuleCache::key(&engine, b"other", true, 1 << 20),
            ModuleCache::key(&engine, &wasm, false, 1 << 20),
            ModuleCache::key(&engine, &wasm, true, 2 << 20),
        ] {
            assert!(cache.get(&engine, &other).is_none());
        }
        fs::remove_dir_all(&folder).expect("it was made");
    }

    #[test]
    fn a_file_that_has_changed_anywhere_is_refused() {
        let folder = folder("changed");
        let cache = ModuleCache::new(Some(&folder));
        let engine = Engine::default();
        let wasm = wasm_encoder::Module::new().finish();
        let key = ModuleCache::key(&engine, &wasm, true, 0);
        let module = Module::new(&engine, &wasm).expect("the empty module is valid");
        cache.put(&key, &Cached { module, is_rewritten: false });
        let path = folder.join(name(&key, false));
        let whole = fs::read(&path).expect("it was written");
        for at in (0..whole.len()).step_by(97) {
            let mut changed = whole.clone();
            changed[at] ^= 4;
            fs::write(&path, &changed).expect("writable");
            assert!(cache.get(&engine, &key).is_none(), "byte {at}");
            fs::write(&path, &whole[..at]).expect("writable");
            assert!(cache.get(&engine, &key).is_none(), "{at} bytes");
        }
        fs::write(&path, &whole).expect("writable");
        assert!(cache.get(&engine, &key).is_some());
        fs::remove_dir_all(&folder).expect("it was made");
    }

    #[test]
    fn links_and_folders_open_to_others_are_not_used() {
        use std::os::unix::fs::{PermissionsExt, symlink};

        let folder = folder("refused");
        assert!(ModuleCache::new(Some(&folder)).folder.is_some());
        let engine = Engine::default();
        let key = ModuleCache::key(&engine, b"", true, 0);
        let cache = ModuleCache::new(Some(&folder));
        let path = folder.join(name(&key, true));
        let target = folder.join("target");
        let wasm = wasm_encoder::Module::new().finish();
        let module = Module::new(&engine, wasm).expect("the empty module is valid");
        let mut bytes = module.serialize().expect("it was just compiled");
        bytes.extend(checksum(&bytes));
        fs::write(&target, bytes).expect("writable");
        symlink(&target, &path).expect("links can be made");
        assert!(cache.get(&engine, &key).is_none(), "a link was followed");

        let link = folder.join("link");
        symlink(&folder, &link).expect("links can be made");
        assert!(ModuleCache::new(Some(&link)).folder.is_none());
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o770)).expect("it is ours");
        assert!(ModuleCache::new(Some(&folder)).folder.is_none());
        fs::remove_dir_all(&folder).expect("it was made");
    }
}
