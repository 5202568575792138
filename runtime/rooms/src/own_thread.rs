//! Work that blocks, on a thread of its own.
//!
//! Not tokio's pool for it: where the system gives no thread (`ulimit -u`, a control group's `pids.max`), that
//! panics, and what it has in its queue then may never be run. This is for what happens seldom.

use std::io;
use std::thread;

use tokio::sync::oneshot;

/// Does this work. It goes on when the future is dropped.
///
/// # Errors
/// When the system gives no thread, or the work panics.
pub async fn on_own_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let (done, result) = oneshot::channel();
    thread::Builder::new()
        .name("zigttp-work".to_owned())
        // Nobody may wait any more.
        .spawn(move || drop(done.send(work())))
        .map_err(|error| {
            io::Error::new(error.kind(), format!("no thread is to be had: {error}"))
        })?;
    result.await.map_err(|_dropped| io::Error::other("it has panicked"))
}

#[cfg(test)]
mod tests {
    use super::on_own_thread;

    #[tokio::test]
    async fn a_panic_is_an_error_and_all_else_a_result() {
        assert_eq!(on_own_thread(|| 1).await.expect("a thread is to be had"), 1);
        let panics = on_own_thread(|| assert_eq!(1, 2, "on purpose"));
        assert_eq!(panics.await.expect_err("it panics").to_string(), "it has panicked");
    }
}
