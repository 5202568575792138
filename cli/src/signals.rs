//! The signals by which an operator stops a server or reloads its files. They are handled from the start
//! on: until then a SIGHUP would end the process.

use anyhow::{Context, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};
use zigttp_runtime::on_own_thread;

use crate::output;

/// SIGHUP, for each part that reads its files again. One that comes while the server starts is kept.
///
/// # Errors
/// When signals cannot be listened to.
pub fn hang_up() -> Result<Signal> {
    listen(SignalKind::hangup())
}

/// Lets a write over the limit of files (`ulimit -f`) fail, as on a full disk, instead of ending the process.
///
/// # Errors
/// When signals cannot be listened to.
pub fn survive_large_files() -> Result<()> {
    // The stream is not needed: it is enough that the signal has a listener.
    listen(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw())).map(drop)
}

/// Completes at Ctrl-C or SIGTERM. A second one ends the process at once.
///
/// # Errors
/// When signals cannot be listened to.
pub fn stop() -> Result<impl Future<Output = ()> + Unpin> {
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let mut either = async move || {
        tokio::select! {
            _ = interrupt.recv() => SignalKind::interrupt(),
            _ = terminate.recv() => SignalKind::terminate(),
        }
    };
    Ok(Box::pin(async move {
        either().await;
        tokio::spawn(async move {
            let signal = either().await;
            tracing::warn!("stopped at once");
            output::flush();
            // As a shell reports a process that a signal has ended.
            std::process::exit(128 + signal.as_raw_value());
        });
    }))
}

/// Does the work of a server's start; returns `None` if a signal stops the server meanwhile. Unfinished
/// work then ends with the process.
///
/// # Errors
/// The error of the work, or that the system gives no thread for it.
pub async fn start<T: Send + 'static>(
    stop: &mut (impl Future<Output = ()> + Unpin),
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<Option<T>> {
    tokio::select! {
        done = on_own_thread(work) => done.context("cannot start")?.map(Some),
        () = stop => {
            tracing::info!("stopped before it served");
            Ok(None)
        }
    }
}

fn listen(kind: SignalKind) -> Result<Signal> {
    signal(kind).context("cannot listen for signals")
}
