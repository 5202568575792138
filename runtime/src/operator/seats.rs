//! So many transports at a time, of which a newcomer always gets one.
//!
//! Whoever waits for an answer to a probe must get it, however many others hold a transport and ask
//! nothing: a server that is well, and cannot say so, is killed. So where all seats are taken, one is given
//! up for the newcomer: of the client that has the most (an IPv4 address, or a network of IPv6 ones), the
//! oldest that asks nothing at present (only a whole request asks). Who has few seats, as a probe has,
//! keeps them. The same where it is not the seats that are taken but the descriptors of the process.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use zigttp_rooms::pace::network;

/// What the request of somebody who has just come has to be read, before a newcomer that cannot even be
/// accepted takes its place. Mostly it is there already.
const MOMENT: Duration = Duration::from_millis(2);

/// The seats of one listener.
pub(crate) struct Seats {
    limit: usize,
    taken: Vec<Seat>,
}

struct Seat {
    /// Whom it is counted for; nothing for those that have no address.
    network: Option<IpAddr>,
    since: Instant,
    asking: Arc<AtomicUsize>,
    task: JoinHandle<()>,
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
        task: JoinHandle<()>,
    ) -> bool {
        self.taken.retain(|seat| !seat.task.is_finished());
        let victim = if self.taken.len() < self.limit { None } else { self.drop_one() };
        let asking = Arc::clone(&asking.0);
        let network = address.map(network);
        self.taken.push(Seat { network, since: Instant::now(), asking, task });
        victim.is_some()
    }

    /// Drops one for a newcomer that cannot be accepted for want of a descriptor. Answers whether there was
    /// one; it has ended then.
    pub(crate) async fn give_one_up(&mut self) -> bool {
        sleep(MOMENT).await;
        match self.drop_one() {
            Some(dropped) => {
                // It was cut off, which is no news.
                let _ = dropped.await;
                true
            }
            None => false,
        }
    }

    fn drop_one(&mut self) -> Option<JoinHandle<()>> {
        self.taken.retain(|seat| !seat.task.is_finished());
        let victim = self.oldest_of_the_greediest()?;
        let Seat { task, .. } = self.taken.remove(victim);
        task.abort();
        Some(task)
    }

    fn oldest_of_the_greediest(&self) -> Option<usize> {
        let mut seats_of = HashMap::<_, usize>::new();
        for seat in &self.taken {
            *seats_of.entry(seat.network).or_default() += 1;
        }
        // In the order they were taken: of two that are alike, the first is the older one.
        let is_asking = |seat: &Seat| seat.asking.load(Ordering::Relaxed) > 0;
        let rank = |&index: &usize| {
            let seat = &self.taken[index];
            (std::cmp::Reverse(seats_of[&seat.network]), is_asking(seat), seat.since)
        };
        (0..self.taken.len()).min_by_key(rank)
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::AbortHandle;

    use super::*;

    fn endless() -> JoinHandle<()> {
        tokio::spawn(std::future::pending())
    }

    struct Room {
        seats: Seats,
        tasks: Vec<AbortHandle>,
    }

    impl Room {
        /// Takes a seat for a transport that never ends. Answers who was dropped for it.
        async fn take(&mut self, address: impl Into<IpAddr>, asking: &Asking) -> Option<usize> {
            let task = endless();
            self.tasks.push(task.abort_handle());
            let was_taken = self.seats.take(Some(address.into()), asking, task);
            tokio::task::yield_now().await;
            let ended: Vec<_> =
                (0..self.tasks.len()).filter(|&index| self.tasks[index].is_finished()).collect();
            assert_eq!(was_taken, !ended.is_empty());
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
    async fn the_addresses_of_one_network_are_one_client() {
        let mut room = Room { seats: Seats::new(3), tasks: Vec::new() };
        let idle = Asking::default();
        let of_one_network = |host: u16| [0x2001, 0xdb8, 0, 0, 0, 0, 0, host];
        assert_eq!(room.take(PROBE, &idle).await, None);
        assert_eq!(room.take(of_one_network(1), &idle).await, None);
        assert_eq!(room.take(of_one_network(2), &idle).await, None);
        assert_eq!(room.take(of_one_network(3), &idle).await, Some(1), "the probe stays");
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
        let (ends, ended) = tokio::sync::oneshot::channel::<()>();
        assert!(!seats.take(None, &Asking::default(), tokio::spawn(async { drop(ends) })));
        ended.await.expect_err("nothing is sent");
        tokio::task::yield_now().await;
        assert!(!seats.take(None, &Asking::default(), endless()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_newcomer_that_cannot_be_accepted_gets_the_descriptor_of_another() {
        let mut room = Room { seats: Seats::new(3), tasks: Vec::new() };
        assert!(!room.seats.give_one_up().await, "nobody has one");
        let idle = Asking::default();
        for address in [PROBE, CLIENT, CLIENT] {
            room.take(address, &idle).await;
        }
        let has_ended =
            |room: &Room| room.tasks.iter().map(AbortHandle::is_finished).collect::<Vec<_>>();
        assert!(room.seats.give_one_up().await);
        assert_eq!(has_ended(&room), [false, true, false]);
        assert!(room.seats.give_one_up().await);
        assert_eq!(has_ended(&room), [true, true, false]);
    }
}
