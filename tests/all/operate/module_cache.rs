//! The folder of compiled modules holds machine code: the server runs nothing that others could have put
//! there.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use zigttp_tests::echo;

use crate::support::programs;
use crate::support::server::Server;

/// Serves one message with this cache.
async fn serve(cache: &Path) -> Server {
    let cache = cache.to_str().expect("a UTF-8 path");
    let folder = programs::folder();
    let handler = folder.path().join("echo.wasm");
    fs::write(&handler, echo::artifact()).expect("the temporary folder is writable");
    let server = Server::start_with(&handler, &[], &[("XDG_CACHE_HOME", cache)]);
    assert_eq!(server.connect("/").await.ask("hello").await, "hello");
    server
}

/// The compiled modules in a cache.
fn modules(cache: &Path) -> Vec<PathBuf> {
    let Ok(folder) = fs::read_dir(cache.join("zigttp/served")) else { return Vec::new() };
    folder.map(|entry| entry.expect("it can be read").path()).collect()
}

/// The only compiled module in a cache.
fn module(cache: &Path) -> PathBuf {
    let mut modules = modules(cache);
    assert_eq!(modules.len(), 1, "{modules:?}");
    modules.remove(0)
}

#[tokio::test]
async fn a_compiled_module_is_kept_for_its_owner_alone() {
    let cache = programs::folder();
    serve(cache.path()).await;
    for path in [cache.path().join("zigttp"), cache.path().join("zigttp/served")] {
        assert_eq!(fs::metadata(&path).expect("it was made").mode() & 0o777, 0o700, "{path:?}");
    }
    let module = module(cache.path());
    assert_eq!(fs::metadata(&module).expect("it was kept").mode() & 0o777, 0o600);
    let written = fs::metadata(&module).expect("it was kept").modified().expect("a time");
    serve(cache.path()).await;
    let again = fs::metadata(self::module(cache.path())).expect("it is kept");
    assert_eq!(again.modified().expect("a time"), written, "the module is used again");
}

#[tokio::test]
async fn a_folder_open_to_others_or_a_link_is_not_used() {
    let reachable = |cache: &Path, mode| {
        fs::create_dir_all(cache.join("zigttp/served")).expect("writable");
        let private = fs::Permissions::from_mode(0o700);
        fs::set_permissions(cache.join("zigttp"), private).expect("it is ours");
        fs::set_permissions(cache.join("zigttp/served"), fs::Permissions::from_mode(mode))
            .expect("it is ours");
    };
    for mode in [0o777, 0o770, 0o707, 0o750] {
        let cache = programs::folder();
        reachable(cache.path(), mode);
        let server = serve(cache.path()).await;
        server.wait_for_log("it is open to other users; to correct it: chmod 700");
        assert!(modules(cache.path()).is_empty(), "{mode:o}");
    }

    let (cache, elsewhere) = (programs::folder(), programs::folder());
    fs::create_dir(cache.path().join("zigttp")).expect("writable");
    symlink(elsewhere.path(), cache.path().join("zigttp/served")).expect("links can be made");
    let server = serve(cache.path()).await;
    server.wait_for_log("it is a link");
    assert_eq!(fs::read_dir(elsewhere.path()).expect("readable").count(), 0);

    // The folder around it: who can write there can replace it.
    let cache = programs::folder();
    fs::create_dir(cache.path().join("zigttp")).expect("writable");
    let open = fs::Permissions::from_mode(0o777);
    fs::set_permissions(cache.path().join("zigttp"), open).expect("it is ours");
    serve(cache.path()).await;
    assert!(modules(cache.path()).is_empty());

    let cache = programs::folder();
    symlink(elsewhere.path(), cache.path().join("zigttp")).expect("links can be made");
    serve(cache.path()).await;
    assert_eq!(fs::read_dir(elsewhere.path()).expect("readable").count(), 0);
}

#[tokio::test]
#[expect(clippy::print_stderr, reason = "a test that cannot be run here says so")]
async fn a_folder_or_a_file_of_another_user_is_not_used() {
    const ANOTHER: u32 = 12_345;
    let cache = programs::folder();
    fs::create_dir(cache.path().join("zigttp")).expect("writable");
    if chown(cache.path().join("zigttp"), Some(ANOTHER), None).is_err() {
        eprintln!("skipped: only root can give files away");
        return;
    }
    // As where `sudo` keeps HOME.
    serve(cache.path()).await;
    assert!(modules(cache.path()).is_empty());

    let cache = programs::folder();
    serve(cache.path()).await;
    let module = module(cache.path());
    chown(&module, Some(ANOTHER), None).expect("it was root's");
    serve(cache.path()).await;
    let owner = fs::metadata(&module).expect("it was made anew").uid();
    assert_ne!(owner, ANOTHER, "it was not read, but replaced");
}

#[tokio::test]
async fn a_file_that_others_could_have_written_is_replaced() {
    let cache = programs::folder();
    serve(cache.path()).await;
    let module = module(cache.path());
    let good = fs::read(&module).expect("it is ours");

    fs::set_permissions(&module, fs::Permissions::from_mode(0o622)).expect("it is ours");
    serve(cache.path()).await;
    assert_eq!(fs::metadata(&module).expect("it is there").mode() & 0o777, 0o600);

    let elsewhere = cache.path().join("elsewhere");
    fs::rename(&module, &elsewhere).expect("writable");
    symlink(&elsewhere, &module).expect("links can be made");
    serve(cache.path()).await;
    assert!(fs::symlink_metadata(&module).expect("it is there").is_file());
    assert!(fs::read(&elsewhere).expect("it is there") == good, "the link was not written through");
}

#[tokio::test]
async fn what_is_no_module_of_this_server_is_not_run() {
    let cache = programs::folder();
    serve(cache.path()).await;
    let module = module(cache.path());
    let good = fs::read(&module).expect("it is ours");
    for bad in [b"", &b"\x7fELF"[..], b"not machine code at all", &good[..good.len() / 2]] {
        fs::write(&module, bad).expect("it is ours");
        serve(cache.path()).await;
        assert!(fs::read(&module).expect("it is there") == good, "{} bytes", bad.len());
    }
}
