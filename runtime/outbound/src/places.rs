//! How many requests are under way: in all, to one host, and of one group. Others wait for a place.
//!
//! Those that wait are served in order, but one whose host and group have a place overtakes those that
//! have none: a slow host holds up nobody but its own callers.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::options::Options;

pub(crate) struct Places {
    limits: Limits,
    state: Mutex<State>,
}

struct Limits {
    all: usize,
    host: usize,
    group: usize,
}

#[derive(Default)]
struct State {
    taken: usize,
    hosts: HashMap<String, usize>,
    groups: HashMap<Arc<str>, usize>,
    waiting: VecDeque<Waiter>,
}

struct Waiter {
    host: String,
    group: Option<Arc<str>>,
    /// Closed once its request has given up.
    place: oneshot::Sender<Place>,
}

/// The right to have one request under way, given back when it is dropped.
pub(crate) struct Place {
    places: Arc<Places>,
    host: String,
    group: Option<Arc<str>>,
}

impl Places {
    pub(crate) fn new(options: &Options) -> Arc<Places> {
        let limits = Limits {
            all: options.max_requests,
            host: options.max_host_requests,
            group: options.max_group_requests,
        };
        Arc::new(Places { limits, state: Mutex::default() })
    }

    /// Waits for a place.
    pub(crate) async fn take(self: &Arc<Places>, host: &str, group: Option<Arc<str>>) -> Place {
        let waiting = {
            let mut state = self.lock();
            if state.fits(&self.limits, host, group.as_ref()) {
                return self.admit(&mut state, host.to_owned(), group);
            }
            let (sender, waiting) = oneshot::channel();
            // So that those that gave up are not kept until a place is free.
            state.waiting.retain(|waiter| !waiter.place.is_closed());
            state.waiting.push_back(Waiter { host: host.to_owned(), group, place: sender });
            waiting
        };
        waiting.await.expect("a waiter is dropped only once its request has given up")
    }

    /// How many requests are under way.
    pub(crate) fn taken(&self) -> usize {
        self.lock().taken
    }

    /// How many requests wait for a place.
    pub(crate) fn waiting(&self) -> usize {
        self.lock().waiting.iter().filter(|waiter| !waiter.place.is_closed()).count()
    }

    fn admit(
        self: &Arc<Places>,
        state: &mut State,
        host: String,
        group: Option<Arc<str>>,
    ) -> Place {
        state.taken += 1;
        *state.hosts.entry(host.clone()).or_default() += 1;
        if let Some(group) = &group {
            *state.groups.entry(Arc::clone(group)).or_default() += 1;
        }
        Place { places: Arc::clone(self), host, group }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn fits(&self, limits: &Limits, host: &str, group: Option<&Arc<str>>) -> bool {
        let of_host = self.hosts.get(host).copied().unwrap_or_default();
        let of_group = group.and_then(|group| self.groups.get(group)).copied().unwrap_or_default();
        self.taken < limits.all && of_host < limits.host && of_group < limits.group
    }
}

impl Place {
    /// The host that it is for.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut admitted = Vec::new();
        {
            let mut state = self.places.lock();
            state.taken -= 1;
            leave(&mut state.hosts, &self.host);
            if let Some(group) = &self.group {
                leave(&mut state.groups, group);
            }
            let mut index = 0;
            while index < state.waiting.len() && state.taken < self.places.limits.all {
                let waiter = &state.waiting[index];
                let is_gone = waiter.place.is_closed();
                if !is_gone && !state.fits(&self.places.limits, &waiter.host, waiter.group.as_ref())
                {
                    index += 1;
                    continue;
                }
                let Some(waiter) = state.waiting.remove(index) else { break };
                if !is_gone {
                    let place = self.places.admit(&mut state, waiter.host, waiter.group);
                    admitted.push((waiter.place, place));
                }
            }
        }
        for (sender, place) in admitted {
            // One that gave up meanwhile drops its place, which needs the lock.
            drop(sender.send(place));
        }
    }
}

/// Counts one less.
fn leave<K: Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn places(all: usize, host: usize, group: usize) -> Arc<Places> {
        Places::new(&Options {
            max_requests: all,
            max_host_requests: host,
            max_group_requests: group,
            ..Options::default()
        })
    }

    fn room(name: &str) -> Option<Arc<str>> {
        Some(Arc::from(name))
    }

    #[tokio::test]
    async fn places_are_given_in_order_and_those_that_fit_overtake_those_that_do_not() {
        let places = places(2, 1, 2);
        let first = places.take("slow.example", None).await;
        let mut second = Box::pin(places.take("slow.example", None));
        assert!(second.as_mut().now_or_never().is_none());
        let other = places.take("other.example", None).await;
        let mut third = Box::pin(places.take("third.example", None));
        assert!(third.as_mut().now_or_never().is_none());
        assert_eq!((places.taken(), places.waiting()), (2, 2));
        drop(other);
        let third = third.await;
        assert!(second.as_mut().now_or_never().is_none());
        drop(first);
        let second = second.await;
        assert_eq!(second.host(), "slow.example");
        drop((second, third));
        assert_eq!((places.taken(), places.waiting()), (0, 0));
        assert!(places.lock().hosts.is_empty());
    }

    #[tokio::test]
    async fn a_group_has_its_own_bound() {
        let places = places(10, 10, 1);
        let first = places.take("a.example", room("/one")).await;
        let mut second = Box::pin(places.take("b.example", room("/one")));
        assert!(second.as_mut().now_or_never().is_none());
        let other = places.take("a.example", room("/two")).await;
        let none = places.take("a.example", None).await;
        drop(first);
        drop((second.await, other, none));
        assert!(places.lock().groups.is_empty());
    }

    #[tokio::test]
    async fn one_that_gives_up_takes_no_place() {
        let places = places(1, 1, 1);
        let first = places.take("a.example", None).await;
        let mut second = Box::pin(places.take("a.example", None));
        assert!(second.as_mut().now_or_never().is_none());
        let mut third = Box::pin(places.take("a.example", None));
        assert!(third.as_mut().now_or_never().is_none());
        drop(second);
        assert_eq!(places.waiting(), 1);
        drop(first);
        // It has its place, and is dropped before it looks.
        drop(third);
        assert_eq!((places.taken(), places.waiting()), (0, 0));
    }
}
