//! An event's effects take effect: first the attachments are written, then frames are queued.

use std::sync::{Arc, MutexGuard};

use crate::attachment::AttachmentError;
use crate::connection_id::{ById, ConnectionId};
use crate::counters::Counters;
use crate::deflate::{Variants, WindowBits};
use crate::effects::{Effect, Effects, Touched};
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
    let (mut effects, mut touched) = effects.into_parts();
    if effects.iter().any(|effect| compression_of(effect, &touched, hub).is_some()) {
        // Boxed, so that other commits do not hold room for it.
        Box::pin(compress(&mut effects, &touched, hub)).await;
    }
    let writes: Vec<_> = touched
        .values_mut()
        .filter_map(|touched| Some((Arc::clone(&touched.connection), touched.attachment.take()?)))
        .collect();
    if !writes.is_empty() {
        hub.counters.attachment_writes.add(writes.len());
        hub.attachments.write_all(writes).await?;
    }

    queue(effects, &touched, &hub.counters);
    let connections = touched.values().map(|touched| &touched.connection);
    let others = connections.filter(|connection| Some(connection.id) != own);
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

/// How an effect is compressed: a frame that is worth it, for a receiver who has agreed on that.
fn compression_of(effect: &Effect, touched: &ById<Touched>, hub: &Hub) -> Option<WindowBits> {
    match effect {
        Effect::Send { to, frame } if hub.compression.applies_to(frame) => {
            touched[to].connection.window
        }
        _ => None,
    }
}

/// Compresses frames for those who have agreed on it: before any lock is taken, as it takes longer
/// than all else here.
async fn compress(effects: &mut [Effect], touched: &ById<Touched>, hub: &Hub) {
    let mut variants = Variants::default();
    for effect in effects {
        if let Some(window) = compression_of(effect, touched, hub)
            && let Effect::Send { frame, .. } = effect
        {
            *frame = variants.of(frame, window, hub.compression).await;
        }
    }
}

/// Queues frames and closes under the locks of the rooms they go to, so that all members of a
/// room see one order.
fn queue(effects: Vec<Effect>, touched: &ById<Touched>, counters: &Counters) {
    let mut rooms: Vec<&Room> = touched.values().map(|touched| &*touched.connection.room).collect();
    // Mostly there is one. In one order for all, so that two commits that share rooms cannot wait
    // for each other; a room that was left and entered anew has the same key and is another.
    rooms.dedup_by_key(|room| std::ptr::from_ref(*room));
    rooms.sort_unstable_by_key(|room| (room.key(), std::ptr::from_ref(*room)));
    rooms.dedup_by_key(|room| std::ptr::from_ref(*room));
    let _members: Vec<MutexGuard<'_, Members>> = rooms.iter().map(|room| room.members()).collect();
    let outbox = |id: &ConnectionId| &touched[id].connection.outbox;
    let (mut frames, mut bytes, mut compressed) = (0, 0, 0);
    for effect in effects {
        match effect {
            Effect::Send { to, frame } => {
                frames += 1;
                bytes += frame.message_len();
                if frame.is_compressed() {
                    compressed += frame.payload().len();
                }
                outbox(&to).push(frame);
            }
            Effect::Close { connection, close } => {
                outbox(&connection).close(close);
            }
            Effect::SetAutoResponse { connection, pair } => {
                touched[&connection].connection.set_auto_response(pair);
            }
            // Written above.
            Effect::SetAttachment { .. } => {}
        }
    }
    counters.sent_frames.add(frames);
    counters.sent_bytes.add(bytes);
    counters.sent_compressed_bytes.add(compressed);
}
