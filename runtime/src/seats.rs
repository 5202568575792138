//! So many transports at a time, of which a newcomer always gets one.
//!
//! Whoever waits for an answer to a probe must get it, however many others hold a transport and ask
//! nothing: a server that is well, and cannot say so, is killed. So where all seats are taken, one is given
//! up for the newcomer: of the address that has the most, the oldest of those that ask nothing at present
//! (only a whole request asks). Who has few seats, as a probe has, keeps them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::task::AbortHandle;
use tokio::time::Instant;

/// The seats of one listener.
pub(crate) struct Seats {
    limit: usize,
    taken: Vec<Seat>,
}

struct Seat {
    /// Nothing for those that have no address.
    address: Option<IpAddr>,
    since: Instant,
    asking: Arc<AtomicUsize>,
    task: AbortHandle,
}

/// Counts the whole requests of a transport that are being answered.
#[derive(Clone, Default)]
pub(crate) struct Asking(Arc<AtomicUsize>);

/// A whole request.
pub(crate) struct Asked(Arc<AtomicUsize>);

impl Asking {
    pub(crate) fn begin(&self) -> Asked {
        self.0.fetch_add(1, Ordering::Relaxed);
        Asked(Arc::clone(&self.0))
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Seats {
    pub(crate) fn new(limit: usize) -> Seats {
        Seats { limit, taken: Vec::new() }
    }

    /// Gives a transport that is served by this task a seat. Answers whether another was dropped for it.
    pub(crate) fn take(
        &mut self,
        address: Option<IpAddr>,
        asking: &Asking,
        task: AbortHandle,
    ) -> bool {
        self.taken.retain(|seat| !seat.task.is_finished());
        let victim =
            if self.taken.len() < self.limit { None } else { self.oldest_of_the_greediest() };
        if let Some(victim) = victim {
            self.taken.remove(victim).task.abort();
        }
        let asking = Arc::clone(&asking.0);
        self.taken.push(Seat { address, since: Instant::now(), asking, task });
        victim.is_some()
    }

    fn oldest_of_the_greediest(&self) -> Option<usize> {
        let mut seats_of = HashMap::<_, usize>::new();
        for seat in &self.taken {
            *seats_of.entry(seat.address).or_default() += 1;
        }
        // In the order they were taken: of two that are alike, the first is the older one.
        let is_asking = |seat: &Seat| seat.asking.load(Ordering::Relaxed) > 0;
        let rank = |&index: &usize| {
            let seat = &self.taken[index];
            (std::cmp::Reverse(seats_of[&seat.address]), is_asking(seat), seat.since)
        };
        (0..self.taken.len()).min_by_key(rank)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Room {
        seats: Seats,
        tasks: Vec<tokio::task::JoinHandle<()>>,
    }

    impl Room {
        /// Takes a seat for a transport that never ends. Answers who was dropped for it.
        async fn take(&mut self, address: [u8; 4], asking: &Asking) -> Option<usize> {
            let task = tokio::spawn(std::future::pending());
            let was_taken = self.seats.take(Some(address.into()), asking, task.abort_handle());
            self.tasks.push(task);
            tokio::task::yield_now().await;
            let ended: Vec<_> =
                (0..self.tasks.len()).filter(|&index| self.tasks[index].is_finished()).collect();
            assert_eq!(was_taken, !ended.is_empty());
            for &index in &ended {
                self.tasks[index] = tokio::spawn(std::future::pending());
            }
            assert!(ended.len() <= 1, "{ended:?}");
            ended.first().copied()
        }
    }

    const PROBE: [u8; 4] = [192, 0, 2, 1];
    const CLIENT: [u8; 4] = [192, 0, 2, 2];

    #[tokio::test]
    async fn the_one_of_the_greediest_that_has_waited_longest_gives_way() {
        let mut room = Room { seats: Seats::new(3), tasks: Vec::new() };
        let idle = Asking::default();
        assert_eq!(room.take(PROBE, &idle).await, None);
        assert_eq!(room.take(CLIENT, &idle).await, None);
        assert_eq!(room.take(CLIENT, &idle).await, None);
        assert_eq!(room.take(CLIENT, &idle).await, Some(1));
        assert_eq!(room.take(CLIENT, &idle).await, Some(2));
        assert_eq!(room.take(PROBE, &idle).await, Some(3));
    }

    #[tokio::test]
    async fn who_has_asked_is_answered_before_who_has_not() {
        let mut room = Room { seats: Seats::new(2), tasks: Vec::new() };
        let (asking, idle) = (Asking::default(), Asking::default());
        let asked = asking.begin();
        assert_eq!(room.take(CLIENT, &asking).await, None);
        assert_eq!(room.take(CLIENT, &idle).await, None);
        assert_eq!(room.take(CLIENT, &idle).await, Some(1));
        drop(asked);
        assert_eq!(room.take(CLIENT, &idle).await, Some(0));
    }

    #[tokio::test]
    async fn a_transport_that_has_ended_holds_no_seat() {
        let mut seats = Seats::new(1);
        let task = tokio::spawn(async {});
        assert!(!seats.take(None, &Asking::default(), task.abort_handle()));
        task.await.expect("it ends");
        let task = tokio::spawn(std::future::pending::<()>());
        assert!(!seats.take(None, &Asking::default(), task.abort_handle()));
    }
}
