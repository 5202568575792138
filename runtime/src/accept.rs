//! Accepts transports, and goes on when the machine has no descriptor left for one.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
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
}

impl Acceptor {
    pub(crate) fn new(listener: TcpListener) -> Acceptor {
        Acceptor { listener, is_failing: false }
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
