//! Limits the transports of operators, and drops one for each newcomer beyond the limit.
//!
//! A probe must get its response, however many idle transports others hold: a server that is healthy but
//! cannot say so is killed. So at the limit one transport is dropped for a newcomer: of the client that has
//! the most (an IPv4 address, or a network of IPv6 addresses), the oldest that has no pending request. A
//! client with few transports, such as a probe, keeps them. The same happens when the process is out of
//! descriptors.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use zigttp_rooms::pace::network;

/// How long a transport that has just been accepted has to send its request before it may be dropped for a
/// newcomer that cannot be accepted. The request is usually there already.
const REQUEST_TIME: Duration = Duration::from_millis(2);

/// The transports of one listener.
pub(crate) struct OperatorTransports {
    limit: usize,
    /// In the order they were accepted.
    open: Vec<Transport>,
}

struct Transport {
    /// The client's network; `None` on a socket without addresses.
    network: Option<IpAddr>,
    since: Instant,
    requests: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

/// Counts the complete requests of a transport that have no response yet.
#[derive(Clone, Default)]
pub(crate) struct PendingRequests(Arc<AtomicUsize>);

/// A complete request, until it has its response.
pub(crate) struct PendingRequest(Arc<AtomicUsize>);

impl PendingRequests {
    pub(crate) fn begin(&self) -> PendingRequest {
        self.0.fetch_add(1, Ordering::Relaxed);
        PendingRequest(Arc::clone(&self.0))
    }
}

impl Drop for PendingRequest {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl OperatorTransports {
    pub(crate) fn new(limit: usize) -> OperatorTransports {
        OperatorTransports { limit, open: Vec::new() }
    }

    /// Adds a transport that this task serves. Returns whether another was dropped for it.
    pub(crate) fn add(
        &mut self,
        address: Option<IpAddr>,
        requests: &PendingRequests,
        task: JoinHandle<()>,
    ) -> bool {
        self.open.retain(|transport| !transport.task.is_finished());
        let dropped = if self.open.len() < self.limit { None } else { self.drop_one() };
        let requests = Arc::clone(&requests.0);
        let network = address.map(network);
        self.open.push(Transport { network, since: Instant::now(), requests, task });
        dropped.is_some()
    }

    /// Drops a transport for a newcomer that cannot be accepted for lack of descriptors. Returns whether
    /// there was one; its task has ended then.
    pub(crate) async fn drop_one_for_newcomer(&mut self) -> bool {
        sleep(REQUEST_TIME).await;
        match self.drop_one() {
            Some(task) => {
                // It was aborted, so it always returns an error.
                let _ = task.await;
                true
            }
            None => false,
        }
    }

    fn drop_one(&mut self) -> Option<JoinHandle<()>> {
        self.open.retain(|transport| !transport.task.is_finished());
        let dropped = self.oldest_of_the_largest_client()?;
        let Transport { task, .. } = self.open.remove(dropped);
        task.abort();
        Some(task)
    }

    fn oldest_of_the_largest_client(&self) -> Option<usize> {
        let mut counts = HashMap::<_, usize>::new();
        for transport in &self.open {
            *counts.entry(transport.network).or_default() += 1;
        }
        // Of two equal ones the first is the older one, as they are in the order they were accepted.
        let has_request = |transport: &Transport| transport.requests.load(Ordering::Relaxed) > 0;
        let rank = |&index: &usize| {
            let transport = &self.open[index];
            let count = counts[&transport.network];
            (std::cmp::Reverse(count), has_request(transport), transport.since)
        };
        (0..self.open.len()).min_by_key(rank)
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::AbortHandle;

    use super::*;

    fn endless() -> JoinHandle<()> {
        tokio::spawn(std::future::pending())
    }

    struct Listener {
        transports: OperatorTransports,
        tasks: Vec<AbortHandle>,
    }

    impl Listener {
        fn new(limit: usize) -> Listener {
            Listener { transports: OperatorTransports::new(limit), tasks: Vec::new() }
        }

        /// Adds a transport that never ends. Returns the number of the one that was dropped for it.
        async fn add(
            &mut self,
            address: impl Into<IpAddr>,
            requests: &PendingRequests,
        ) -> Option<usize> {
            let task = endless();
            self.tasks.push(task.abort_handle());
            let has_dropped = self.transports.add(Some(address.into()), requests, task);
            tokio::task::yield_now().await;
            let ended: Vec<_> =
                (0..self.tasks.len()).filter(|&index| self.tasks[index].is_finished()).collect();
            assert_eq!(has_dropped, !ended.is_empty());
            for &index in &ended {
                self.tasks[index] = endless().abort_handle();
            }
            assert!(ended.len() <= 1, "{ended:?}");
            ended.first().copied()
        }
    }

    const PROBE: [u8; 4] = [192, 0, 2, 1];
    const CLIENT: [u8; 4] = [192, 0, 2, 2];

    #[tokio::test]
    async fn the_oldest_transport_of_the_client_with_the_most_is_dropped() {
        let mut listener = Listener::new(3);
        let idle = PendingRequests::default();
        assert_eq!(listener.add(PROBE, &idle).await, None);
        assert_eq!(listener.add(CLIENT, &idle).await, None);
        assert_eq!(listener.add(CLIENT, &idle).await, None);
        assert_eq!(listener.add(CLIENT, &idle).await, Some(1));
        assert_eq!(listener.add(CLIENT, &idle).await, Some(2));
        assert_eq!(listener.add(PROBE, &idle).await, Some(3));
    }

    #[tokio::test]
    async fn the_addresses_of_one_network_are_one_client() {
        let mut listener = Listener::new(3);
        let idle = PendingRequests::default();
        let of_one_network = |host: u16| [0x2001, 0xdb8, 0, 0, 0, 0, 0, host];
        assert_eq!(listener.add(PROBE, &idle).await, None);
        assert_eq!(listener.add(of_one_network(1), &idle).await, None);
        assert_eq!(listener.add(of_one_network(2), &idle).await, None);
        assert_eq!(listener.add(of_one_network(3), &idle).await, Some(1), "the probe stays");
    }

    #[tokio::test]
    async fn an_idle_transport_is_dropped_before_one_with_a_request() {
        let mut listener = Listener::new(2);
        let (busy, idle) = (PendingRequests::default(), PendingRequests::default());
        let request = busy.begin();
        assert_eq!(listener.add(CLIENT, &busy).await, None);
        assert_eq!(listener.add(CLIENT, &idle).await, None);
        assert_eq!(listener.add(CLIENT, &idle).await, Some(1));
        drop(request);
        assert_eq!(listener.add(CLIENT, &idle).await, Some(0));
    }

    #[tokio::test]
    async fn a_transport_that_has_ended_does_not_count() {
        let mut transports = OperatorTransports::new(1);
        let requests = PendingRequests::default();
        let (ends, ended) = tokio::sync::oneshot::channel::<()>();
        assert!(!transports.add(None, &requests, tokio::spawn(async { drop(ends) })));
        ended.await.expect_err("nothing is sent");
        tokio::task::yield_now().await;
        assert!(!transports.add(None, &requests, endless()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_newcomer_that_cannot_be_accepted_gets_the_descriptor_of_another() {
        let mut listener = Listener::new(3);
        assert!(!listener.transports.drop_one_for_newcomer().await, "there is none");
        let idle = PendingRequests::default();
        for address in [PROBE, CLIENT, CLIENT] {
            listener.add(address, &idle).await;
        }
        let has_ended = |listener: &Listener| {
            listener.tasks.iter().map(AbortHandle::is_finished).collect::<Vec<_>>()
        };
        assert!(listener.transports.drop_one_for_newcomer().await);
        assert_eq!(has_ended(&listener), [false, true, false]);
        assert!(listener.transports.drop_one_for_newcomer().await);
        assert_eq!(has_ended(&listener), [true, true, false]);
    }
}
