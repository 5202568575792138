//! What an operator changes of the state of a room: one transaction, in the room's turn like an event.

use std::sync::Arc;

use zigttp_abi::state::Changes;
use zigttp_store::state::error::{CommitStateError, ReadError};
use zigttp_store::state::signals::SignalChanges;
use zigttp_store::state::states::States;
use zigttp_store::state::streams::StreamChanges;
use zigttp_store::state::transaction::Transaction;

use crate::dispatcher::Dispatcher;
use crate::turn::Asker;

/// What an operator changes of the state of one room, all of it or nothing.
#[derive(Debug)]
pub struct OperatorWrite {
    pub room: Arc<str>,
    pub changes: Changes,
    pub signals: SignalChanges,
    /// Whether the room's streams are cancelled.
    pub cancels_streams: bool,
    /// Whether the room must have no state yet.
    pub is_new: bool,
}

/// What was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Keys that were there before and are not there, or have another value now.
    pub replaced: u64,
    /// Timers that were there before and are not there now.
    pub timers: u64,
}

/// Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OperatorWriteError {
    /// The room was to have no state.
    #[error("room {room:?} has state already: {keys} keys")]
    HasState { room: Arc<str>, keys: u64 },
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Commit(#[from] CommitStateError),
}

impl OperatorWrite {
    /// Changes the room's state. The caller has its turn, or there is no server.
    ///
    /// # Errors
    /// See [`OperatorWriteError`].
    pub async fn apply(self, storage: &States, now: u64) -> Result<Written, OperatorWriteError> {
        let OperatorWrite { room, changes, signals, cancels_streams, is_new } = self;
        let before = storage.load(&room).await?;
        let keys = before.usage().keys;
        if is_new && keys > 0 {
            return Err(OperatorWriteError::HasState { room, keys });
        }
        let mut replaced = 0;
        if changes.clears {
            replaced = keys;
        } else {
            for key in changes.entries.keys() {
                let entry = before.get(key).await?;
                replaced += u64::from(entry.is_some_and(|entry| entry.is_there_at(now)));
            }
        }
        let clears_timers = signals.clears_timers || signals.restored.is_some();
        let timers = if clears_timers { before.timers() as u64 } else { 0 };
        let streams = StreamChanges { cancels_all: cancels_streams, ..StreamChanges::default() };
        let room = Some(room);
        let transaction =
            Transaction { room, changes, signals, streams, now, ..Transaction::default() };
        storage.commit(transaction, |_committed| {}).await?;
        Ok(Written { replaced, timers })
    }
}

impl Dispatcher {
    /// Changes the state of a room in its turn, also while it is paused.
    ///
    /// # Errors
    /// See [`OperatorWriteError`].
    pub async fn write_as_operator(
        &self,
        write: OperatorWrite,
    ) -> Result<Written, OperatorWriteError> {
        let entered = self.enter(&(&*write.room).into());
        // Never refused.
        let _turn = entered.room.turn(Asker::Operator, 0).await;
        write.apply(&self.hub.states.storage, self.hub.clock.unix_millis()).await
    }
}
