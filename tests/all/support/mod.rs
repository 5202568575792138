//! What the tests share: the two programs, a server in a process of its own, a client.

pub(crate) mod client;
pub(crate) mod programs;
pub(crate) mod server;
pub(crate) mod silent;

use std::time::Duration;

/// How long anything may take before the test that waits for it fails. Nothing is timed by it:
/// it only has to be longer than the slowest machine needs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits, but not for ever.
pub(crate) async fn patiently<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_elapsed) => panic!("{what} did not happen within {PATIENCE:?}"),
    }
}
