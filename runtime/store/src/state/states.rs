//! The states of all rooms.

use zigttp_files::own_folder::OwnFolder;

use crate::fsync::Fsync;
use crate::state::durable::Durable;
use crate::state::error::{CommitStateError, OpenStateError, ReadError};
use crate::state::in_memory::InMemory;
use crate::state::limits::{EXPIRED_MS, StateLimits};
use crate::state::room_state::RoomState;
use crate::state::totals::Totals;
use crate::state::transaction::Transaction;

/// The states of all rooms: what live rooms have in memory, and where it is kept.
pub struct States(Kind);

enum Kind {
    InMemory(InMemory),
    Durable(Durable),
}

impl States {
    /// The states of rooms of a server without a durable folder.
    pub fn in_memory(limits: StateLimits) -> States {
        States(Kind::InMemory(InMemory::new(limits)))
    }

    /// Opens `<dir>/store/state.db`; makes it if it does not exist.
    ///
    /// # Errors
    /// See [`OpenStateError`].
    pub fn open(
        durable: &OwnFolder,
        fsync: Fsync,
        limits: StateLimits,
    ) -> Result<States, OpenStateError> {
        Durable::open(durable, fsync, limits).map(|durable| States(Kind::Durable(durable)))
    }

    /// The state of a room whose turn it is, if it is in memory.
    pub fn cached(&self, room: &str) -> Option<RoomState> {
        match &self.0 {
            Kind::InMemory(rooms) => Some(RoomState::Whole(rooms.table(room))),
            Kind::Durable(durable) => durable.live(room),
        }
    }

    /// The state of a room whose turn it is. From then on it is in memory, unless it is large.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn load(&self, room: &str) -> Result<RoomState, ReadError> {
        match &self.0 {
            Kind::InMemory(rooms) => Ok(RoomState::Whole(rooms.table(room))),
            Kind::Durable(durable) => match durable.live(room) {
                Some(state) => Ok(state),
                None => durable.load(room).await,
            },
        }
    }

    /// One committed state of another room, which is read for this look alone.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn look(&self, room: &str) -> Result<RoomState, ReadError> {
        match &self.0 {
            Kind::InMemory(rooms) => Ok(RoomState::Whole(rooms.table(room))),
            Kind::Durable(durable) => durable.look(room).await,
        }
    }

    /// Commits one event, all of it or nothing, and then calls `then`. It is queued when this returns, and is
    /// finished, `then` included, even if the future is dropped.
    pub fn commit<F: FnOnce() + Send + 'static>(
        &self,
        transaction: Transaction,
        then: F,
    ) -> impl Future<Output = Result<(), CommitStateError>> + use<F> {
        let result = match &self.0 {
            Kind::InMemory(rooms) => {
                let result = rooms.commit(&transaction);
                if result.is_ok() {
                    then();
                }
                Ok(result)
            }
            Kind::Durable(durable) => Err(durable.commit(transaction, Box::new(then))),
        };
        async {
            match result {
                Ok(result) => result,
                Err(waiting) => waiting.await.expect("a job is finished before its thread ends"),
            }
        }
    }

    /// Removes what has expired more than a minute ago. To be called about every second with the present time.
    pub fn sweep(&self, now: u64) {
        let expired_before = now.saturating_sub(EXPIRED_MS);
        match &self.0 {
            Kind::InMemory(rooms) => rooms.sweep(expired_before),
            Kind::Durable(durable) => durable.sweep(expired_before),
        }
    }

    /// What the states take, and what was done with them.
    pub fn totals(&self) -> Totals {
        match &self.0 {
            Kind::InMemory(rooms) => rooms.totals(),
            Kind::Durable(durable) => durable.totals(),
        }
    }
}
