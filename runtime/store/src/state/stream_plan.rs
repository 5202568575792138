//! What the changes of one event mean for the streams that are stored.

use std::sync::Arc;

use crate::state::error::CommitStateError;
use crate::state::signals::Charge;
use crate::state::stream_index::StreamIndex;
use crate::state::streams::{Stream, StreamRequest};
use crate::state::transaction::Transaction;

/// What is to be done, in the order of the fields.
#[derive(Debug, Default)]
pub(crate) struct StreamPlan {
    /// Those whose rooms are yet to be told of it.
    pub(crate) cancelled: Vec<u64>,
    /// Those that go.
    pub(crate) removed: Option<u64>,
    pub(crate) added: Vec<(Arc<Stream>, StreamRequest)>,
    /// What the rooms take then.
    pub(crate) charges: Vec<(Arc<str>, Charge)>,
}

impl StreamPlan {
    /// What a transaction means. `uncounted` are those that its group has added before it.
    pub(crate) fn new(
        index: &StreamIndex,
        uncounted: usize,
        most: u64,
        transaction: &Transaction,
        last_id: &mut u64,
    ) -> Result<StreamPlan, CommitStateError> {
        let mut plan = StreamPlan::default();
        let changes = &transaction.streams;
        if let Some(stream) = changes.ended.and_then(|id| index.stream(id)) {
            plan.removed = Some(stream.id);
            plan.charge(&stream, -1);
        }
        plan.cancelled.extend(changes.cancelled);
        let Some(room) = &transaction.room else { return Ok(plan) };
        if changes.cancels_all {
            plan.cancelled.extend(index.of_room(room));
        } else {
            let replaced = changes.names.keys().filter_map(|name| index.find(room, name));
            plan.cancelled.extend(replaced);
        }
        plan.cancelled.retain(|id| Some(*id) != plan.removed);
        for (name, request) in &changes.names {
            let Some(request) = request else { continue };
            *last_id += 1;
            let stream = Arc::new(Stream {
                id: *last_id,
                room: Arc::clone(room),
                name: name.clone(),
                opened: transaction.now,
                bytes: request.counted(name),
            });
            plan.charge(&stream, 1);
            plan.added.push((stream, request.clone()));
        }
        let streams = (index.len() + uncounted + plan.added.len()) as u64;
        if !plan.added.is_empty() && streams > most {
            return Err(CommitStateError::TooManyStreams { streams, most });
        }
        Ok(plan)
    }

    fn charge(&mut self, stream: &Stream, sign: i64) {
        let bytes = i64::try_from(stream.bytes).unwrap_or(i64::MAX);
        let charge = Charge { bytes: sign * bytes, ..Charge::default() };
        self.charges.push((Arc::clone(&stream.room), charge));
    }
}
