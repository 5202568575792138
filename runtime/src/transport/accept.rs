//! Accepts transports, and goes on when the machine has no descriptor left for one.
//!
//! Clients never get the last descriptors: attachments are files, and operators have transports too. The
//! system gives the lowest number that is free, so the number of a transport tells how many are left.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream as StdStream};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};
use tokio::net::{TcpListener, TcpStream};

use zigttp_rooms::counter::Counter;

/// Pause after an accept that failed for want of something: what is missing does not come by asking
/// at once, and what waits in the listener's queue waits on.
const PAUSE: Duration = Duration::from_millis(50);
/// Descriptors that clients do not get, at most.
const MAX_RESERVE: u64 = 16;

/// Whose transports a listener accepts.
#[derive(Clone, Copy)]
pub(crate) enum For {
    Clients,
    /// They may have half of what is kept from clients; the rest is for files.
    Operators,
}

/// A listener, and whether it can accept at present.
pub(crate) struct Acceptor {
    listener: TcpListener,
    is_failing: bool,
    /// The first number of a descriptor that is not for these transports.
    end: RawFd,
    /// Accepted, and not served before there is a descriptor for it.
    waiting: Option<(StdStream, SocketAddr)>,
}

impl Acceptor {
    pub(crate) fn new(listener: TcpListener, whose: For) -> Acceptor {
        let end = getrlimit(Resource::Nofile).current.map_or(RawFd::MAX, |limit| end(limit, whose));
        Acceptor { listener, is_failing: false, end, waiting: None }
    }

    /// The next transport. Failures are counted, and logged when they begin and when they are over.
    /// Dropping the future loses no transport.
    pub(crate) async fn next(&mut self, failures: &Counter) -> (TcpStream, SocketAddr) {
        loop {
            match self.try_next().await {
                Ok(accepted) => return accepted,
                Err(error) => self.pause(&error, failures).await,
            }
        }
    }

    /// The same, for a caller that can make room where there is none.
    ///
    /// # Errors
    /// When nothing can be accepted at present.
    pub(crate) async fn try_next(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        let accepted = match self.waiting.take() {
            Some(waiting) => self.move_down(waiting)?,
            None => {
                let (stream, peer) = self.accept().await?;
                if stream.as_raw_fd() >= self.end {
                    self.waiting = Some((stream.into_std()?, peer));
                    return Err(Errno::MFILE.into());
                }
                (stream, peer)
            }
        };
        if std::mem::take(&mut self.is_failing) {
            tracing::info!("connections are accepted again");
        }
        Ok(accepted)
    }

    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        loop {
            match self.listener.accept().await {
                // It went while it waited: the next one may be there already.
                Err(error) if is_of_the_peer(&error) => {}
                result => return result,
            }
        }
    }

    /// Gives a transport that waits one of the descriptors that are for it, if one is free by now.
    fn move_down(
        &mut self,
        waiting: (StdStream, SocketAddr),
    ) -> io::Result<(TcpStream, SocketAddr)> {
        let moved = match waiting.0.try_clone() {
            Ok(moved) if moved.as_raw_fd() < self.end => moved,
            _ => {
                self.waiting = Some(waiting);
                return Err(Errno::MFILE.into());
            }
        };
        Ok((TcpStream::from_std(moved)?, waiting.1))
    }

    /// Counts a failure, and waits until it makes sense to try again.
    pub(crate) async fn pause(&mut self, error: &io::Error, failures: &Counter) {
        failures.add_one();
        if !std::mem::replace(&mut self.is_failing, true) {
            tracing::error!(%error, "cannot accept connections");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Where what these transports may have ends, of so many descriptors.
fn end(limit: u64, whose: For) -> RawFd {
    let reserve = (limit / 8).min(MAX_RESERVE);
    let kept = match whose {
        For::Clients => reserve,
        For::Operators => reserve / 2,
    };
    RawFd::try_from(limit - kept).unwrap_or(RawFd::MAX)
}

fn is_of_the_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_leave_an_eighth_of_all_descriptors_and_16_at_most() {
        for (limit, clients, operators) in
            [(0, 0, 0), (7, 7, 7), (64, 56, 60), (1024, 1008, 1016), (1 << 20, 1048560, 1048568)]
        {
            assert_eq!(
                (end(limit, For::Clients), end(limit, For::Operators)),
                (clients, operators)
            );
        }
        assert_eq!(end(u64::MAX, For::Clients), RawFd::MAX);
    }

    #[tokio::test]
    async fn what_waits_for_a_descriptor_is_served_once_there_is_one() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let mut acceptor = Acceptor::new(listener, For::Clients);
        let client = TcpStream::connect(address).await.expect("it listens");
        acceptor.end = 0;
        for _ in 0..3 {
            assert!(acceptor.try_next().await.is_err(), "there is none");
        }
        acceptor.end = RawFd::MAX;
        let (_stream, peer) = acceptor.try_next().await.expect("there is one");
        assert_eq!(peer, client.local_addr().expect("it is connected"));
    }
}
