//! Commits the effects of an event: first state and attachments are stored, then frames are queued.

use std::sync::{Arc, MutexGuard};

use smallvec::SmallVec;
use zigttp_protocol::deflate::window::WindowBits;
use zigttp_sandbox::effect::{Effect, PeerIndex};
use zigttp_sandbox::effects::{AllAddressed, Effects};
use zigttp_sandbox::failure::Cause;
use zigttp_sandbox::shared_text::SharedText;
use zigttp_store::state::signals::Done;

use crate::attachments::{self, Inheritance};
use crate::compression::Variants;
use crate::connection::Connection;
use crate::counters::Counters;
use crate::hub::Hub;
use crate::members::Members;
use crate::rooms::Room;
use crate::stored::{ToStore, store};
use crate::unwritten::{self, Unwritten};
use crate::world::LocalPeer;

/// Commits what an event of a room, or of none, has collected, with what its connection inherits, or what it
/// leaves that has `closed`. Returns the duty to write what it has queued, unless another task has that.
///
/// # Errors
/// When state or an attachment cannot be stored; then nothing has taken effect.
pub async fn commit(
    hub: &Arc<Hub>,
    own_room: Option<&SharedText>,
    effects: &mut Effects<LocalPeer>,
    inheritance: Option<Box<Inheritance>>,
    closed: Option<Arc<Connection>>,
    handled: Option<Done>,
) -> Result<Option<Unwritten>, Cause> {
    if effects.is_empty() && inheritance.is_none() && handled.is_none() {
        return Ok(None);
    }
    let state = effects.take_state();
    let (effects, addressed) = effects.parts();
    if effects.iter().any(|effect| compression_of(effect, addressed, hub).is_some()) {
        // Boxed, so that other commits hold no memory for it.
        Box::pin(compress(effects, addressed, hub)).await;
    }
    let values: Vec<_> = addressed
        .0
        .iter_mut()
        .filter_map(|addressed| Some((Arc::clone(&addressed.peer), addressed.attachment.take()?)))
        .collect();
    // What a connection leaves that has closed is removed afterwards, unless its event stores something.
    if !values.is_empty() || inheritance.is_some() || state.is_some() || handled.is_some() {
        let attachments = attachments::Changes { values, inheritance, closed };
        let to_store = ToStore { room: own_room.cloned(), attachments, state, handled };
        // Boxed like the above.
        Box::pin(store(hub, to_store)).await?;
    }

    let bytes = queue(effects.drain(..), addressed, own_room, &hub.counters);
    Ok(unwritten::gather(addressed.0.drain(..).map(|addressed| addressed.peer.0), bytes))
}

/// The window with which a frame is compressed, if it is large enough and its receiver has agreed on
/// compression.
fn compression_of(
    effect: &Effect,
    addressed: &AllAddressed<LocalPeer>,
    hub: &Hub,
) -> Option<WindowBits> {
    match effect {
        Effect::Send { to, frame } if hub.compression.applies_to(frame) => {
            addressed[*to].peer.window
        }
        _ => None,
    }
}

/// Compresses frames for the receivers that have agreed on it. This happens before any lock is taken,
/// because it takes longer than everything else here.
async fn compress(effects: &mut [Effect], addressed: &AllAddressed<LocalPeer>, hub: &Hub) {
    let mut variants = Variants::default();
    for effect in effects {
        if let Some(window) = compression_of(effect, addressed, hub)
            && let Effect::Send { frame, .. } = effect
        {
            *frame = variants.of(frame, window, hub.compression).await;
        }
    }
}

/// Queues frames and closes under the locks of the receivers' rooms, so that all members of a room see one
/// order. Returns how many bytes of messages it has queued.
fn queue(
    effects: impl Iterator<Item = Effect>,
    addressed: &AllAddressed<LocalPeer>,
    own_room: Option<&SharedText>,
    counters: &Counters,
) -> usize {
    let mut rooms: SmallVec<[&Room; 1]> =
        addressed.0.iter().map(|addressed| &*addressed.peer.room).collect();
    // Mostly there is one room. Several are locked in one fixed order, so that two commits with the same
    // rooms cannot deadlock. A room that was left and entered again has the same key, but is another room.
    rooms.dedup_by_key(|room| std::ptr::from_ref(*room));
    if rooms.len() > 1 {
        rooms.sort_unstable_by_key(|room| (room.key(), std::ptr::from_ref(*room)));
        rooms.dedup_by_key(|room| std::ptr::from_ref(*room));
    }
    let mut members: SmallVec<[MutexGuard<'_, Members>; 1]> =
        rooms.iter().map(|room| room.members()).collect();
    let outbox = |index: PeerIndex| &addressed[index].peer.outbox;
    let (mut frames, mut bytes, mut compressed) = (0, 0, 0);
    for effect in effects {
        match effect {
            Effect::Send { to, frame } => {
                frames += 1;
                bytes += frame.message_len();
                if frame.is_compressed() {
                    compressed += frame.payload().len();
                }
                outbox(to).push(frame);
            }
            Effect::Close { connection: closed, close } => {
                outbox(closed).close(close);
                let connection = &addressed[closed].peer;
                // One that its own room closes leaves with this event: what it held is for the event to
                // hand over. Others stay listed until their `onClose` has its turn.
                if own_room.is_some_and(|own| **own == *connection.room.key()) {
                    let same = |room: &&Room| std::ptr::eq(*room, &*connection.room);
                    let index = rooms.iter().position(same).expect("the room of each is locked");
                    members[index].remove(connection.id);
                }
            }
            Effect::SetAutoResponse { connection, pair } => {
                addressed[connection].peer.set_auto_response(pair);
            }
            // Written above.
            Effect::SetAttachment { .. } => {}
        }
    }
    counters.sent_frames.add(frames);
    counters.sent_bytes.add(bytes);
    if compressed > 0 {
        counters.sent_compressed_bytes.add(compressed);
    }
    bytes
}
