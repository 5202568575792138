//! Work that blocks, on a thread of its own.
//!
//! It does not use tokio's pool for blocking work: if the system gives no thread (`ulimit -u`, a control
//! group's `pids.max`), that panics, and the work in its queue may never be done. Only for rare work.

use std::io;
use std::thread;

use tokio::sync::oneshot;

use crate::clock::Clock;

/// Does this work on a thread of its own. It goes on if the future is dropped.
///
/// # Errors
/// When no thread can be started, or the work panics.
pub async fn on_own_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let (done, result) = oneshot::channel();
    thread::Builder::new()
        .name("zigttp-work".to_owned())
        // The receiver may have gone.
        .spawn(move || drop(done.send(work())))
        .map_err(|error| io::Error::new(error.kind(), format!("cannot start a thread: {error}")))?;
    result.await.map_err(|_dropped| io::Error::other("it has panicked"))
}

/// Does this work for an event: on a thread of its own, or here and now where the clock would run on meanwhile.
///
/// # Errors
/// As of [`on_own_thread`].
pub(crate) async fn compute<T: Send + 'static>(
    clock: Clock,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    if clock.is_simulated() {
        return Ok(work());
    }
    on_own_thread(work).await
}

#[cfg(test)]
mod tests {
    use super::on_own_thread;

    #[tokio::test]
    async fn work_returns_its_result_or_an_error_if_it_panics() {
        assert_eq!(on_own_thread(|| 1).await.expect("a thread starts"), 1);
        let panics = on_own_thread(|| assert_eq!(1, 2, "on purpose"));
        assert_eq!(panics.await.expect_err("it panics").to_string(), "it has panicked");
    }
}
