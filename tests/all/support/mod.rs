//! What the tests share: the two programs, a server in its own process, a client.

pub(crate) mod admin;
pub(crate) mod called;
pub(crate) mod client;
pub(crate) mod double;
pub(crate) mod durable;
pub(crate) mod editor;
pub(crate) mod events;
pub(crate) mod h2;
pub(crate) mod inspector;
pub(crate) mod left;
#[cfg(target_os = "linux")]
pub(crate) mod lossy_fs;
pub(crate) mod origin;
pub(crate) mod programs;
pub(crate) mod raw;
pub(crate) mod recording;
pub(crate) mod server;
pub(crate) mod tls;
pub(crate) mod wasm;
pub(crate) mod zigts;

use std::io::Write;
use std::time::{Duration, Instant};

/// How long anything may take before the test that waits for it fails. Nothing is timed by it:
/// it only has to be longer than the slowest machine needs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Waits, with a time-out.
pub(crate) async fn patiently<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_elapsed) => panic!("{what} did not happen within {PATIENCE:?}"),
    }
}

/// Says that a test proves nothing on this machine. Not by `eprintln!`, which is only shown for tests that
/// fail.
pub(crate) fn skipped(why: &str) {
    let name = std::thread::current().name().unwrap_or("a test").to_owned();
    writeln!(std::io::stderr(), "skipped {name}: {why}").expect("standard error can be written");
}

/// Checks until the condition is true, with a time-out.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "{what} did not happen within {PATIENCE:?}");
        std::thread::yield_now();
    }
}
