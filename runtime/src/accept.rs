//! Accepts transports, and goes on when the machine has no descriptor left for one.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use crate::counters::Counter;

/// Pause after an accept that failed for want of something: what is missing does not come by asking
/// at once, and what waits in the listener's queue waits on.
const PAUSE: Duration = Duration::from_millis(50);

/// A listener, and whether it can accept at present.
pub(crate) struct Acceptor {
    listener: TcpListener,
    is_failing: bool,
    spare: Option<Arc<Spare>>,
}

/// A descriptor that is kept for one transport: whoever asks there is answered although others have taken
/// all that there are.
pub(crate) struct Spare(Mutex<Option<File>>);

/// The right to the descriptor of a transport that is served: it becomes the spare one again.
pub(crate) struct KeepSpare(Arc<Spare>);

impl Spare {
    fn new() -> Arc<Spare> {
        let spare = Arc::new(Spare(Mutex::default()));
        spare.refill();
        spare
    }

    fn lock(&self) -> MutexGuard<'_, Option<File>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the descriptor up, if it is there.
    fn give_up(&self) -> bool {
        self.lock().take().is_some()
    }

    fn refill(&self) {
        let mut file = self.lock();
        if file.is_none() {
            // Anything that can be opened holds a descriptor.
            *file = File::open("/dev/null").ok();
        }
    }
}

impl Drop for KeepSpare {
    fn drop(&mut self) {
        self.0.refill();
    }
}

impl Acceptor {
    pub(crate) fn new(listener: TcpListener) -> Acceptor {
        Acceptor { listener, is_failing: false, spare: None }
    }

    /// One that keeps a descriptor for itself. What is to be dropped after each transport comes with it.
    pub(crate) fn with_spare(listener: TcpListener) -> (Acceptor, impl Fn() -> KeepSpare) {
        let spare = Spare::new();
        let acceptor = Acceptor { spare: Some(Arc::clone(&spare)), ..Acceptor::new(listener) };
        (acceptor, move || KeepSpare(Arc::clone(&spare)))
    }

    /// The next transport. Failures are counted, and logged when they begin and when they are over.
    /// Dropping the future loses no transport.
    pub(crate) async fn next(&mut self, failures: &Counter) -> (TcpStream, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok(accepted) => {
                    if std::mem::take(&mut self.is_failing) {
                        tracing::info!("connections are accepted again");
                    }
                    return accepted;
                }
                // It went while it waited: the next one may be there already.
                Err(error) if is_of_the_peer(&error) => {}
                Err(_) if let Some(spare) = &self.spare => {
                    // Where it is in use, it comes back soon. Whoever has none of their own tells of it.
                    if !spare.give_up() {
                        tokio::time::sleep(PAUSE).await;
                    }
                }
                Err(error) => {
                    failures.add_one();
                    if !std::mem::replace(&mut self.is_failing, true) {
                        tracing::error!(%error, "cannot accept connections");
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

fn is_of_the_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted
    )
}
