//! A signal that an operator sends to a room: stored like those of events, but from no room.

use std::sync::Arc;

use zigttp_abi::api::MAX_SIGNAL_BYTES;
use zigttp_abi::value::Value;
use zigttp_store::state::error::CommitStateError;
use zigttp_store::state::record::error::{RecordError, check_room, check_signal_name};
use zigttp_store::state::record::value::ValueRecord;
use zigttp_store::state::signals::{NewSignal, SignalChanges};
use zigttp_store::state::states::States;
use zigttp_store::state::transaction::Transaction;

/// A signal that can be stored.
pub struct OperatorSignal {
    room: Arc<str>,
    name: Box<str>,
    data: Option<Value>,
}

impl OperatorSignal {
    /// # Errors
    /// When a name is empty or too long, or the data is no value or too large.
    pub fn new(
        room: &str,
        name: &str,
        data: Option<ValueRecord>,
    ) -> Result<OperatorSignal, RecordError> {
        check_room(room)?;
        check_signal_name(name)?;
        let data = data.map(ValueRecord::value).transpose()?;
        let bytes = data.as_ref().map_or(0, |data| data.bytes().len());
        if bytes > MAX_SIGNAL_BYTES {
            return Err(RecordError::SignalData { name: name.into(), bytes });
        }
        Ok(OperatorSignal { room: room.into(), name: name.into(), data })
    }

    /// Stores it; the room gets it in its turn. It counts in the bytes of that room, because no room has sent it.
    ///
    /// # Errors
    /// When the room or the disk has no space for it.
    pub async fn send(self, storage: &States, now: u64) -> Result<(), CommitStateError> {
        let OperatorSignal { room, name, data } = self;
        let sends = vec![NewSignal { room, name, data, on_fail: None }];
        let signals = SignalChanges { sends, ..SignalChanges::default() };
        let transaction = Transaction { signals, now, ..Transaction::default() };
        storage.commit(transaction, |_committed| {}).await
    }
}
