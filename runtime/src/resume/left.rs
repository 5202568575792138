//! What browsers have left behind and have open, by browser and opening URL.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::Browser;
use crate::connection::Connection;
use crate::connection_id::ConnectionId;

/// Bounded by the connections and attachment files there are.
#[derive(Default)]
pub(super) struct Left {
    places: Mutex<HashMap<Browser, HashMap<Box<str>, Place>>>,
    /// Told when a connection has parted.
    changed: Notify,
}

/// One URL as one browser has it.
#[derive(Default)]
struct Place {
    left: Vec<Leftover>,
    live: Vec<ConnectionId>,
}

struct Leftover {
    id: ConnectionId,
    /// Milliseconds since 1970; the latest is resumed first.
    when: u64,
    until: Instant,
    /// Whether its file goes when that has passed. What a crash or shutdown has left stays, for an
    /// operator, as long as any attachment does.
    is_dropped: bool,
}

impl Left {
    /// A connection has left its attachment, to be had for some time.
    pub(super) fn add(
        &self,
        browser: Browser,
        url: &str,
        id: ConnectionId,
        when: u64,
        window: Duration,
        is_dropped: bool,
    ) {
        let until = Instant::now() + window;
        let mut places = self.lock();
        let place = places.entry(browser).or_default().entry(url.into()).or_default();
        place.left.push(Leftover { id, when, until, is_dropped });
    }

    pub(super) fn arrived(&self, connection: &Connection) {
        if let Some(browser) = connection.browser {
            let mut places = self.lock();
            let places = places.entry(browser).or_default();
            places.entry(connection.url.clone()).or_default().live.push(connection.id);
        }
    }

    pub(super) fn parted(&self, browser: &Browser, url: &str, id: ConnectionId) {
        self.at(browser, url, |place| place.live.retain(|live| *live != id));
        self.changed.notify_waiters();
    }

    /// Takes what was left last, or by this one connection; nobody else gets it.
    pub(super) fn take(
        &self,
        browser: &Browser,
        url: &str,
        prior: Option<ConnectionId>,
    ) -> Option<ConnectionId> {
        let now = Instant::now();
        let take = |place: &mut Place| {
            let (index, _) = place
                .left
                .iter()
                .enumerate()
                .filter(|(_, left)| left.until > now && prior.is_none_or(|id| id == left.id))
                .max_by_key(|(_, left)| (left.when, left.id))?;
            Some(place.left.swap_remove(index).id)
        };
        if let Some(prior) = prior {
            // The token names the connection, whatever the browser.
            let mut places = self.lock();
            let place = places
                .values_mut()
                .filter_map(|urls| urls.get_mut(url))
                .find(|place| place.left.iter().any(|left| left.id == prior && left.until > now))?;
            return take(place);
        }
        self.at(browser, url, take).flatten()
    }

    /// The connection that may have to make room on this URL: the one that is proven, or the only
    /// one that this browser has open there.
    pub(super) fn only_live(
        &self,
        browser: &Browser,
        url: &str,
        prior: Option<ConnectionId>,
    ) -> Option<ConnectionId> {
        if let Some(prior) = prior {
            return self.is_live(url, prior).then_some(prior);
        }
        self.at(browser, url, |place| match place.live[..] {
            [only] => Some(only),
            _ => None,
        })
        .flatten()
    }

    fn is_live(&self, url: &str, id: ConnectionId) -> bool {
        let places = self.lock();
        places.values().filter_map(|urls| urls.get(url)).any(|place| place.live.contains(&id))
    }

    /// Waits until this connection is not there any more.
    pub(super) async fn parting(&self, url: &str, id: ConnectionId) {
        loop {
            // Registered before the look, so that it cannot happen in between.
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if !self.is_live(url, id) {
                return;
            }
            changed.await;
        }
    }

    /// Forgets what nobody has come back for; answers with those of a dropped link.
    pub(super) fn expired(&self) -> Vec<ConnectionId> {
        let now = Instant::now();
        let mut expired = Vec::new();
        let mut places = self.lock();
        places.retain(|_, urls| {
            urls.retain(|_, place| {
                place.left.retain(|left| {
                    let stays = left.until > now;
                    if !stays && left.is_dropped {
                        expired.push(left.id);
                    }
                    stays
                });
                !place.is_empty()
            });
            !urls.is_empty()
        });
        expired
    }

    /// Looks at one place, and forgets it if it is empty then.
    fn at<T>(&self, browser: &Browser, url: &str, look: impl FnOnce(&mut Place) -> T) -> Option<T> {
        let mut places = self.lock();
        let urls = places.get_mut(browser)?;
        let place = urls.get_mut(url)?;
        let seen = look(place);
        if place.is_empty() {
            urls.remove(url);
            if urls.is_empty() {
                places.remove(browser);
            }
        }
        Some(seen)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Browser, HashMap<Box<str>, Place>>> {
        // Every change is a single insert or remove.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    fn is_empty(&self) -> bool {
        self.left.is_empty() && self.live.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: Browser = [1; 16];
    const BOB: Browser = [2; 16];
    const MINUTE: Duration = Duration::from_secs(60);

    fn id(number: u64) -> ConnectionId {
        ConnectionId::from_number(number)
    }

    #[tokio::test(start_paused = true)]
    async fn the_latest_is_taken_first_and_each_once() {
        let left = Left::default();
        left.add(ADA, "/a", id(1), 10, MINUTE, true);
        left.add(ADA, "/a", id(2), 30, MINUTE, true);
        left.add(ADA, "/a", id(3), 20, MINUTE, true);
        left.add(ADA, "/b", id(4), 40, MINUTE, true);
        assert_eq!(left.take(&BOB, "/a", None), None);
        for expected in [Some(id(2)), Some(id(3)), Some(id(1)), None] {
            assert_eq!(left.take(&ADA, "/a", None), expected);
        }
        assert_eq!(left.take(&ADA, "/b", None), Some(id(4)));
        assert!(left.lock().is_empty(), "nothing is remembered for nothing");
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_takes_its_own_on_its_own_url() {
        let left = Left::default();
        left.add(ADA, "/a", id(1), 10, MINUTE, true);
        left.add(ADA, "/a", id(2), 30, MINUTE, true);
        assert_eq!(left.take(&BOB, "/b", Some(id(1))), None);
        assert_eq!(left.take(&BOB, "/a", Some(id(1))), Some(id(1)));
        assert_eq!(left.take(&BOB, "/a", Some(id(1))), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_past_its_time_is_not_taken_and_told_once() {
        let left = Left::default();
        left.add(ADA, "/a", id(1), 10, MINUTE, true);
        left.add(ADA, "/a", id(2), 20, 2 * MINUTE, true);
        tokio::time::advance(MINUTE).await;
        assert_eq!(left.expired(), [id(1)]);
        assert_eq!(left.expired(), []);
        assert_eq!(left.take(&ADA, "/a", None), Some(id(2)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_crash_has_left_is_forgotten_in_time_and_its_file_stays() {
        let left = Left::default();
        left.add(ADA, "/a", id(1), 10, MINUTE, false);
        tokio::time::advance(MINUTE).await;
        assert_eq!(left.expired(), []);
        assert_eq!(left.take(&ADA, "/a", None), None);
        assert!(left.lock().is_empty(), "nothing is remembered for nothing");
    }
}
