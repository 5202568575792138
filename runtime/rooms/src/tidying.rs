//! Removes what has had its time: values that have expired, and the memory of rooms where nothing happens.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use zigttp_abi::state::Changes;
use zigttp_store::state::states::States;
use zigttp_store::state::transaction::Transaction;

use crate::hub::Hub;
use crate::rooms::Rooms;
use crate::turn::Asker;

/// How often expired values are looked for.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// How often rooms without events are looked for: one round in so many.
const ROUNDS: u32 = 20;

/// After so many looks without an event, 60 to 80 seconds, the memory of a room that has no connection is gone.
const UNUSED_LOOKS: u32 = 4;

/// Tidies up until the future is dropped.
pub async fn tidy(hub: Arc<Hub>) {
    // What has expired is gone for events at once. In a test nothing else is saved by sweeping more often.
    let (interval, rounds) = match hub.clock.is_simulated() {
        true => (SWEEP_INTERVAL * ROUNDS, 1),
        false => (SWEEP_INTERVAL, ROUNDS),
    };
    let mut interval = tokio::time::interval(interval);
    let mut unused = HashMap::new();
    for round in 1_u32.. {
        interval.tick().await;
        let now = hub.clock.unix_millis();
        hub.states.storage.sweep(now);
        hub.states.memory.sweep(now);
        if round % rounds == 0 {
            unused = look(&hub.states.memory, &hub.rooms, &unused, now).await;
        }
    }
}

/// Rooms that were not used, and at how many looks in a row.
type Unused = HashMap<Arc<str>, u32>;

async fn look(memory: &States, rooms: &Rooms, before: &Unused, now: u64) -> Unused {
    let mut after = Unused::new();
    for room in memory.unused() {
        let looks = before.get(&room).copied().unwrap_or_default() + 1;
        if looks < UNUSED_LOOKS {
            after.insert(room, looks);
        } else {
            forget(memory, rooms, room, now).await;
        }
    }
    after
}

/// Removes the memory of a room that has no connection, in its turn: so no event of it is disturbed.
async fn forget(memory: &States, rooms: &Rooms, room: Arc<str>, now: u64) {
    let entered = rooms.enter((&*room).into());
    let turn = entered.turn(Asker::Operator, 0).await;
    if rooms.is_alone_in(&room) {
        let changes = Changes { clears: true, ..Changes::default() };
        memory.apply(&Transaction {
            room: Some(Arc::clone(&room)),
            changes,
            now,
            ..Transaction::default()
        });
    }
    drop(turn);
    rooms.leave(&room);
}

#[cfg(test)]
mod tests {
    use zigttp_abi::state::Entry;
    use zigttp_abi::value::Value;
    use zigttp_store::state::limits::StateLimits;

    use super::*;

    #[tokio::test]
    async fn the_memory_of_a_room_without_connections_and_events_is_gone_after_a_while() {
        let memory = States::in_memory(StateLimits::of_memory());
        let rooms = Rooms::default();
        let room: Arc<str> = "/room".into();
        let entry = Entry { value: Value::text("kept"), expires: None };
        let changes = Changes { clears: false, entries: [("key".into(), Some(entry))].into() };
        memory.apply(&Transaction {
            room: Some(Arc::clone(&room)),
            changes,
            ..Transaction::default()
        });
        let has = || {
            let state = memory.cached(&room).expect("it is in memory");
            state.usage().keys == 1
        };
        let mut unused = Unused::new();
        // A connection, and then an event now and then.
        rooms.enter((&*room).into());
        for _ in 0..10 {
            unused = look(&memory, &rooms, &unused, 0).await;
        }
        assert!(has());
        rooms.leave(&room);
        for _ in 0..10 {
            unused = look(&memory, &rooms, &unused, 0).await;
            assert!(has());
        }
        for _ in 0..=UNUSED_LOOKS {
            unused = look(&memory, &rooms, &unused, 0).await;
        }
        assert!(!has() && unused.is_empty());
    }
}
