//! Commits the effects of an event: first state and attachments are stored, then frames are queued and rooms change.

use std::sync::Arc;

use zigttp_protocol::deflate::window::WindowBits;
use zigttp_sandbox::effect::Effect;
use zigttp_sandbox::effects::{AllAddressed, Effects};
use zigttp_sandbox::failure::Cause;
use zigttp_sandbox::reads::Reads;

use crate::attachments::{self, Inheritance};
use crate::compression::Variants;
use crate::connection::Connection;
use crate::hub::Hub;
use crate::locked_rooms::{FewRooms, contains, with_locked_rooms};
use crate::room_change::RoomChange;
use crate::room_changes::{self, EnteredChanges};
use crate::rooms::Room;
use crate::stored::{Handled, ToStore, store};
use crate::unwritten::{self, Unwritten};
use crate::world::LocalPeer;

/// What a commit has queued.
#[derive(Default)]
pub struct Queued {
    /// The duty to write it, unless another task has that.
    pub unwritten: Option<Unwritten>,
    /// The payload of its frames.
    pub bytes: usize,
}

/// Commits what an event of a room, or of none, has collected, with what its connection inherits, or what it
/// leaves that has `closed`.
///
/// # Errors
/// When state or an attachment cannot be stored; then nothing has taken effect.
pub async fn commit(
    hub: &Arc<Hub>,
    own: Option<&Arc<Room>>,
    effects: &mut Effects<LocalPeer>,
    reads: &Reads,
    inheritance: Option<Box<Inheritance>>,
    closed: Option<Arc<Connection>>,
    handled: Option<Handled>,
) -> Result<Queued, Cause> {
    if effects.is_empty() && inheritance.is_none() && handled.is_none() {
        return Ok(Queued::default());
    }
    // Mostly there is nothing to wait for. Boxed, so that such a commit holds no memory for it.
    let waits = inheritance.is_some() || handled.is_some() || effects.stores();
    let rooms = match waits || compresses(effects, hub) {
        true => Box::pin(prepare(hub, own, effects, inheritance, closed, handled)).await?,
        false => Vec::new(),
    };
    let (effects, addressed) = effects.parts();
    let bytes = take_effect(hub, own, reads, effects, addressed, &rooms);
    let receivers = addressed.0.drain(..).map(|addressed| addressed.peer.0);
    Ok(Queued { unwritten: unwritten::gather(receivers, bytes), bytes })
}

/// Whether any frame is to be compressed.
fn compresses(effects: &mut Effects<LocalPeer>, hub: &Hub) -> bool {
    let (effects, addressed) = effects.parts();
    effects.iter().any(|effect| compression_of(effect, addressed, hub).is_some())
}

/// Compresses frames, and stores what is to be stored. Returns how rooms change.
async fn prepare(
    hub: &Arc<Hub>,
    own: Option<&Arc<Room>>,
    effects: &mut Effects<LocalPeer>,
    inheritance: Option<Box<Inheritance>>,
    closed: Option<Arc<Connection>>,
    handled: Option<Handled>,
) -> Result<Vec<RoomChange>, Cause> {
    let state = effects.take_state();
    let changes_rooms = effects.changes_rooms();
    let (effects, addressed) = effects.parts();
    compress(effects, addressed, hub).await;
    let values: Vec<_> = addressed
        .0
        .iter_mut()
        .filter_map(|addressed| Some((Arc::clone(&addressed.peer), addressed.attachment.take()?)))
        .collect();
    let rooms = match changes_rooms {
        true => room_changes::of(effects, addressed),
        false => Vec::new(),
    };
    let stored_rooms = if hub.durable_dir.is_some() { rooms.clone() } else { Vec::new() };
    // What a connection leaves that has closed is removed afterwards, unless its event stores something.
    if !values.is_empty()
        || !stored_rooms.is_empty()
        || inheritance.is_some()
        || state.is_some()
        || handled.is_some()
    {
        let attachments = attachments::Changes { values, rooms: stored_rooms, inheritance, closed };
        let room = own.map(|own| own.shared_key().clone());
        let to_store = ToStore { room, attachments, state, handled };
        store(hub, to_store).await?;
    }
    Ok(rooms)
}

/// The rooms that a commit locks, so that the members of each see its frames in one order: those that the event has
/// listed or broadcast to, those whose members it changes, and of each other connection that it has addressed its
/// own. The members of a listed room may have as many own rooms as there are members: locking the listed one is
/// enough for them.
fn rooms_to_lock(
    listed: &[Arc<Room>],
    addressed: &AllAddressed<LocalPeer>,
    changes: &EnteredChanges<'_>,
) -> FewRooms {
    let mut rooms = FewRooms::from(listed);
    changes.add_rooms(&mut rooms);
    for addressed in &addressed.0 {
        let connection = &addressed.peer;
        // Mostly it is the same for all, which costs no more than a comparison.
        if rooms.last().is_some_and(|last| connection.rooms.is_own(last)) {
            continue;
        }
        let is_member = |room: &Arc<Room>| room.members().contains(connection.id);
        let own = connection.rooms.own();
        if !contains(&rooms, &own) && !listed.iter().any(is_member) {
            rooms.push(own);
        }
    }
    rooms
}

/// The rooms whose members the event has listed.
fn listed_rooms(hub: &Hub, own: Option<&Arc<Room>>, reads: &Reads) -> FewRooms {
    let mut listed = FewRooms::new();
    listed.extend(own.filter(|_| reads.has_read_own_members()).map(Arc::clone));
    listed.extend(reads.rooms().filter_map(|room| hub.rooms.get(room)));
    listed
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

/// Gives effect to the rest: queues frames and closes, and changes the rooms of connections, under the locks of all
/// rooms concerned, so that the members of each see one order. Returns how many bytes of messages it has queued.
fn take_effect(
    hub: &Hub,
    own: Option<&Arc<Room>>,
    reads: &Reads,
    effects: &mut Vec<Effect>,
    addressed: &AllAddressed<LocalPeer>,
    changes: &[RoomChange],
) -> usize {
    let changes = EnteredChanges::enter(hub, changes);
    let listed = listed_rooms(hub, own, reads);
    let (mut frames, mut bytes, mut compressed) = (0, 0, 0);
    let needed = || rooms_to_lock(&listed, addressed, &changes);
    // Another event may have moved a connection meanwhile. Under the locks none can.
    let left = with_locked_rooms(
        needed,
        |locked| changes.are_within(locked),
        |mut members| {
            for effect in effects.drain(..) {
                match effect {
                    Effect::Send { to, frame } => {
                        frames += 1;
                        bytes += frame.message_len();
                        if frame.is_compressed() {
                            compressed += frame.payload().len();
                        }
                        addressed[to].peer.outbox.push(frame);
                    }
                    Effect::Close { connection: closed, close } => {
                        let connection = &addressed[closed].peer;
                        connection.outbox.close(close);
                        // One that its own room closes leaves with this event: what it held is for the event to
                        // hand over. Others stay listed until their `onClose` has its turn.
                        if let Some(own) = own.filter(|own| connection.rooms.is_own(own)) {
                            members.of(own).remove(connection.id);
                        }
                    }
                    Effect::SetAutoResponse { connection, pair } => {
                        addressed[connection].peer.set_auto_response(pair);
                    }
                    // Stored before.
                    Effect::SetAttachment { .. } => {}
                    // Below: all frames go to those that the event has seen.
                    Effect::Join { .. } | Effect::Leave { .. } | Effect::Move { .. } => {}
                }
            }
            changes.apply(&hub.joins, &mut members)
        },
    );
    // Without a lock of members: whoever lists rooms takes them in the other order.
    for room in left {
        hub.rooms.leave(&room);
    }
    hub.counters.sent_frames.add(frames);
    hub.counters.sent_bytes.add(bytes);
    if compressed > 0 {
        hub.counters.sent_compressed_bytes.add(compressed);
    }
    bytes
}
