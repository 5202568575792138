//! What a client has left, reserved for one handshake of it.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::timeout;
use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::value::Value;
use zigttp_store::error::AdoptError;

use crate::attachments::Inheritance;
use crate::connection::Connection;
use crate::hub::Hub;
use crate::leftovers::{Key, Leftovers, Sought, Taken};
use crate::recovery::FAREWELL_TIME;

/// A reserved leftover with its value. Unless a connection inherits it, dropping this gives it back: then it
/// waits again for its client.
pub struct Reservation {
    hub: Arc<Hub>,
    /// `None` once it was inherited, or has proved to be gone.
    taken: Option<Taken>,
    prior: ConnectionId,
    /// Set once it was read.
    left: Option<Left>,
}

/// What a connection has left.
struct Left {
    value: Value,
    /// The rooms that it had joined.
    joined: Vec<Arc<str>>,
}

impl Reservation {
    /// Reserves what the client of a connection that is about to open has left on its URL, if there is
    /// anything. If that had moved to another room, the connection opens there. Ends a predecessor that proves dead, and waits for its `onClose`. `prior` is the connection
    /// that the client proves to have had.
    pub async fn find(
        hub: &Arc<Hub>,
        connection: &Connection,
        prior: Option<ConnectionId>,
    ) -> Option<Reservation> {
        let (Some(leftovers), Some(browser)) = (&hub.leftovers, connection.browser) else {
            return None;
        };
        let key = Key::new(browser, &connection.url, connection.rooms.first().key());
        // Other handshakes of this client may come in between, each for a while.
        let taken = timeout(2 * FAREWELL_TIME, seek(hub, leftovers, key, prior)).await.ok()??;
        let prior = taken.id;
        let mut reservation =
            Reservation { hub: Arc::clone(hub), taken: Some(taken), prior, left: None };
        match hub.attachments.read(&hub.states.storage, prior).await {
            Ok((header, value)) => {
                if header.room != header.opened_in() {
                    hub.open_in(connection, &header.room);
                }
                let joined = header.joined.into_iter().map(Arc::from).collect();
                reservation.left = Some(Left { value, joined });
                Some(reservation)
            }
            // It had stored nothing.
            Err(AdoptError::NoAttachment(_)) => {
                reservation.settle();
                None
            }
            Err(error) => {
                // Its file still exists, and counts.
                tracing::error!(conn = %connection.id, %error, "cannot resume");
                None
            }
        }
    }

    /// What a commit does that opens this connection.
    pub fn inheritance(&self, heir: &Arc<Connection>) -> Option<Box<Inheritance>> {
        let Left { value, joined } = self.left.as_ref()?;
        Some(Box::new(Inheritance {
            prior: self.prior,
            heir: Arc::clone(heir),
            value: value.clone(),
            joined: joined.clone(),
        }))
    }

    /// The value for `req.resumable`.
    pub fn value(&self) -> Option<Value> {
        self.left.as_ref().map(|left| left.value.clone())
    }

    /// The rooms that the connection had joined.
    pub fn joined(&self) -> &[Arc<str>] {
        self.left.as_ref().map_or(&[], |left| &left.joined)
    }

    /// It was inherited.
    pub fn settle(mut self) {
        self.taken = None;
        if let Some(leftovers) = &self.hub.leftovers {
            leftovers.settle(self.prior);
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let (Some(taken), Some(leftovers)) = (self.taken.take(), &self.hub.leftovers) {
            let evicted = leftovers.give_back(taken);
            self.hub.discard(evicted);
        }
    }
}

/// Reserves a leftover, once others of this client have let it go.
async fn seek(
    hub: &Hub,
    leftovers: &Leftovers,
    key: Key,
    prior: Option<ConnectionId>,
) -> Option<Taken> {
    let mut sought = leftovers.seek(key, prior);
    loop {
        sought = match sought {
            Sought::Left(taken) => return Some(taken),
            Sought::Nothing => return None,
            Sought::Reserved(ended) => {
                // It never sends.
                let _ = ended.await;
                leftovers.seek(key, prior)
            }
            Sought::Open(predecessor) => {
                if !is_ended_if_dead(hub, leftovers, predecessor).await {
                    return None;
                }
                leftovers.seek(key, Some(predecessor))
            }
        }
    }
}

/// Asks a connection whether its client is still there: one whose network was lost looks open until its
/// client is pinged. If not, waits until its `onClose` has ended.
async fn is_ended_if_dead(hub: &Hub, leftovers: &Leftovers, predecessor: ConnectionId) -> bool {
    if let Some(connection) = hub.find(predecessor) {
        let (alive, is_alive) = oneshot::channel();
        connection.outbox.probe(alive);
        if matches!(timeout(FAREWELL_TIME, is_alive).await, Ok(Ok(()))) {
            return false;
        }
    }
    if let Some(parting) = leftovers.parting(predecessor)
        && timeout(FAREWELL_TIME, parting).await.is_err()
    {
        leftovers.parted(predecessor);
    }
    true
}
