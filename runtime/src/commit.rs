//! An event's effects take effect: first the attachments are written, then frames are queued.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, MutexGuard};

use crate::attachment::AttachmentError;
use crate::connection::Connection;
use crate::connection_id::ConnectionId;
use crate::counters::Counters;
use crate::effects::{Effect, Effects};
use crate::hub::Hub;
use crate::rooms::{Members, Room};

/// Connections whose frames a commit writes itself; a system call each.
const MAX_FLUSHED: usize = 128;

/// Commits what an event has collected. `own` is the connection whose event it was: its task is
/// running this, and writes when it has handled all that it has read.
///
/// # Errors
/// When an attachment cannot be written; then nothing has taken effect.
pub(crate) async fn commit(
    hub: &Hub,
    effects: Effects,
    own: Option<ConnectionId>,
) -> Result<(), AttachmentError> {
    if effects.is_empty() {
        return Ok(());
    }
    let (effects, mut touched) = effects.into_parts();
    let writes: Vec<_> = touched
        .values_mut()
        .filter_map(|touched| Some((Arc::clone(&touched.connection), touched.attachment.take()?)))
        .collect();
    if !writes.is_empty() {
        hub.counters.attachment_writes.add(writes.len());
        hub.attachments.write_all(writes).await?;
    }

    let targets: HashMap<ConnectionId, Arc<Connection>> =
        touched.into_iter().map(|(id, touched)| (id, touched.connection)).collect();
    queue(effects, &targets, &hub.counters);
    let others = targets.values().filter(|connection| Some(connection.id) != own);
    for (number, connection) in others.enumerate() {
        // A large room is written by the tasks of its members, on all cores.
        if number < MAX_FLUSHED {
            connection.outbox.flush();
        } else {
            connection.outbox.wake();
        }
    }
    Ok(())
}

/// Queues frames and closes under the locks of the rooms they go to, so that all members of a
/// room see one order.
fn queue(
    effects: Vec<Effect>,
    targets: &HashMap<ConnectionId, Arc<Connection>>,
    counters: &Counters,
) {
    let rooms: BTreeMap<&str, &Room> =
        targets.values().map(|connection| (connection.room.key(), &*connection.room)).collect();
    // In key order, so that two commits that share rooms cannot wait for each other.
    let _members: Vec<MutexGuard<'_, Members>> =
        rooms.values().map(|room| room.members()).collect();
    let (mut frames, mut bytes) = (0, 0);
    for effect in effects {
        match effect {
            Effect::Send { to, frame } => {
                frames += 1;
                bytes += frame.payload().len();
                targets[&to].outbox.push(frame);
            }
            Effect::Close { connection, close } => {
                targets[&connection].outbox.close(close);
            }
            Effect::SetAutoResponse { connection, pair } => {
                targets[&connection].set_auto_response(pair);
            }
            // Written above.
            Effect::SetAttachment { .. } => {}
        }
    }
    counters.sent_frames.add(frames);
    counters.sent_bytes.add(bytes);
}
