//! Accepts transports, and recovers when the process is out of file descriptors.
//!
//! Clients never get the last descriptors: attachments are files, and operators have transports too. The
//! system gives the lowest free number, so the number of a transport shows how many are left.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream as StdStream};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};

use zigttp_rooms::counter::Counter;

/// Pause after an accept that failed for lack of descriptors or memory: trying again at once would not
/// help, and the transports stay in the listener's queue meanwhile.
const PAUSE: Duration = Duration::from_millis(50);
/// Most descriptors that are kept from clients.
const MAX_RESERVE: u64 = 16;

/// Whose transports a listener accepts.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    Clients,
    /// They may use half of the descriptors that are kept from clients; the rest is for files.
    Operators,
}

/// A listener, and whether accepting fails at present.
pub(crate) struct Acceptor {
    listener: TcpListener,
    is_failing: bool,
    /// Only descriptors below this number are for these transports.
    end: RawFd,
    /// Accepted, but waiting for a descriptor below `end`.
    waiting: Option<(StdStream, SocketAddr)>,
}

impl Acceptor {
    pub(crate) fn new(listener: TcpListener, purpose: Purpose) -> Acceptor {
        // Frames are small and gathered before they are written; Nagle's algorithm would only delay them. What is
        // accepted inherits the option, which saves a system call for each.
        if let Err(error) = SockRef::from(&listener).set_tcp_nodelay(true) {
            tracing::warn!(%error, "cannot set TCP_NODELAY");
        }
        let end =
            getrlimit(Resource::Nofile).current.map_or(RawFd::MAX, |limit| end(limit, purpose));
        Acceptor { listener, is_failing: false, end, waiting: None }
    }

    /// Accepts the next transport. Counts failures, and logs when they begin and end. Dropping the future
    /// loses no transport.
    pub(crate) async fn next(&mut self, failures: &Counter) -> (TcpStream, SocketAddr) {
        loop {
            match self.try_next().await {
                Ok(accepted) => return accepted,
                Err(error) => self.pause(&error, failures).await,
            }
        }
    }

    /// Accepts the next transport, for a caller that can free a descriptor.
    ///
    /// # Errors
    /// When nothing can be accepted at present.
    pub(crate) async fn try_next(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        let accepted = match self.waiting.take() {
            Some(waiting) => self.move_down(waiting)?,
            None => {
                let (stream, address) = self.accept().await?;
                if stream.as_raw_fd() >= self.end {
                    self.waiting = Some((stream.into_std()?, address));
                    return Err(Errno::MFILE.into());
                }
                (stream, address)
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
                // The client left before it was accepted: the next one may be there already.
                Err(error) if is_of_the_client(&error) => {}
                result => return result,
            }
        }
    }

    /// Gives the waiting transport a descriptor below `end`, if one is free by now.
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

/// The end of the descriptors for these transports, where the process may have `limit` of them.
fn end(limit: u64, purpose: Purpose) -> RawFd {
    let reserve = (limit / 8).min(MAX_RESERVE);
    let kept = match purpose {
        Purpose::Clients => reserve,
        Purpose::Operators => reserve / 2,
    };
    RawFd::try_from(limit - kept).unwrap_or(RawFd::MAX)
}

/// Whether accepting failed because of this one client.
fn is_of_the_client(error: &io::Error) -> bool {
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
                (end(limit, Purpose::Clients), end(limit, Purpose::Operators)),
                (clients, operators)
            );
        }
        assert_eq!(end(u64::MAX, Purpose::Clients), RawFd::MAX);
    }

    #[tokio::test]
    async fn what_is_written_to_a_client_leaves_at_once() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let mut acceptor = Acceptor::new(listener, Purpose::Clients);
        let _client = TcpStream::connect(address).await.expect("it listens");
        let (stream, _) = acceptor.try_next().await.expect("there is one");
        assert!(stream.nodelay().expect("it is a TCP socket"));
    }

    #[tokio::test]
    async fn a_transport_that_waits_for_a_descriptor_is_served_once_one_is_free() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let mut acceptor = Acceptor::new(listener, Purpose::Clients);
        let client = TcpStream::connect(address).await.expect("it listens");
        acceptor.end = 0;
        for _ in 0..3 {
            assert!(acceptor.try_next().await.is_err(), "there is none");
        }
        acceptor.end = RawFd::MAX;
        let (_stream, address) = acceptor.try_next().await.expect("there is one");
        assert_eq!(address, client.local_addr().expect("it is connected"));
    }
}
