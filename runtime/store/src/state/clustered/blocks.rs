//! What a transaction changes, room by room, as the script takes it.

use std::sync::Arc;

use redis::Cmd;
use zigttp_abi::connection_id::ConnectionId;

use crate::cluster::keys::{Keys, RoomKeys};
use crate::cluster::packed::{pack, pack_signal, pack_timer, put};
use crate::cluster::record::Record;
use crate::ids::node_of;
use crate::state::shared::{MemberChange, Told};
use crate::state::signal_plan::{Plan, TimerChange};
use crate::state::signals::Signal;
use crate::state::transaction::Transaction;

/// Records that a room's log keeps at most, and the bytes that decide it when they are large.
const MOST_RECORDS: usize = 1024;
const FEWEST_RECORDS: usize = 16;
const LOG_BYTES: usize = 1 << 20;

/// What a transaction changes of one room.
pub(crate) struct Block {
    pub(crate) room: Arc<str>,
    pub(crate) keys: RoomKeys,
    pub(crate) record: Record,
    /// The record as the log has it.
    pub(crate) encoded: Vec<u8>,
    /// Signals that wait from now on.
    adds: Vec<Arc<Signal>>,
    removes: Vec<u64>,
    parks: Vec<Arc<Signal>>,
}

/// What a transaction changes, the event's own room first.
pub(crate) struct Blocks {
    pub(crate) rooms: Vec<Block>,
    /// Fields of other hashes: the key, the field, and its value or nothing.
    fields: Vec<(String, Vec<u8>, Vec<u8>)>,
}

impl Blocks {
    /// `own` is the room whose log is read first.
    pub(crate) fn of(
        keys: &Keys,
        own: Option<&Arc<str>>,
        transaction: &Transaction,
        plan: &Plan,
    ) -> Blocks {
        let mut blocks = Blocks { rooms: Vec::new(), fields: Vec::new() };
        if let Some(own) = own {
            blocks.room(keys, own);
        }
        if let Some(room) = transaction.changed_room() {
            blocks.room(keys, room).record.changes = transaction.changes.clone();
        }
        for (room, told) in transaction.told.iter().flat_map(|told| told.iter()) {
            let Told { members, notice, arrived, ended } = told;
            let record = &mut blocks.room(keys, room).record;
            (record.members, record.notice) = (members.clone(), notice.clone());
            for id in arrived {
                blocks.connection(keys, *id, Some(room));
            }
            for id in ended {
                blocks.connection(keys, *id, None);
            }
        }
        for (id, room) in &plan.removed {
            blocks.room(keys, room).removes.push(*id);
        }
        for signal in plan.changed.iter().chain(&plan.added) {
            blocks.room(keys, &signal.room).adds.push(Arc::clone(signal));
            if signal.is_planned() {
                let field = planned_field(signal);
                blocks.fields.push((keys.planned.clone(), field, signal.id.to_string().into()));
            }
        }
        for signal in plan.parked.iter().chain(&plan.added_parked) {
            blocks.room(keys, &signal.room).parks.push(Arc::clone(signal));
        }
        for TimerChange { room, name, timer } in &plan.timers {
            let timers = &mut blocks.room(keys, room).record.timers;
            timers.retain(|(other, _)| other != name);
            timers.push((name.clone(), *timer));
        }
        for (room, charge) in &plan.charges {
            blocks.room(keys, room).record.charge.add(*charge);
        }
        for block in &mut blocks.rooms {
            block.encoded = block.record.encode();
        }
        blocks
    }

    /// Removes the next run of a schedule from those that are planned.
    pub(crate) fn unplan(&mut self, keys: &Keys, signal: &Signal) {
        self.fields.push((keys.planned.clone(), planned_field(signal), Vec::new()));
    }

    /// A connection of a node has this own room, or has ended.
    fn connection(&mut self, keys: &Keys, id: ConnectionId, room: Option<&str>) {
        // A value that is empty removes; a room's name may be empty.
        let value = room.map_or_else(Vec::new, |room| format!("={room}").into());
        self.fields.push((keys.connections_of(node_of(id)), id.to_string().into(), value));
    }

    fn room(&mut self, keys: &Keys, room: &Arc<str>) -> &mut Block {
        let known = self.rooms.iter().position(|block| block.room == *room);
        let place = known.unwrap_or_else(|| {
            self.rooms.push(Block {
                room: Arc::clone(room),
                keys: keys.of_room(room),
                record: Record::default(),
                encoded: Vec::new(),
                adds: Vec::new(),
                removes: Vec::new(),
                parks: Vec::new(),
            });
            self.rooms.len() - 1
        });
        &mut self.rooms[place]
    }

    /// Whether nothing of it takes more memory.
    pub(crate) fn only_delete(&self) -> bool {
        let only_deletes = |Block { record, adds, parks, .. }: &Block| {
            let Record { changes, timers, members, .. } = record;
            changes.entries.values().all(Option::is_none)
                && timers.iter().all(|(_, timer)| timer.is_none())
                && members.iter().all(|(_, change)| *change == MemberChange::Remove)
                && adds.is_empty()
                && parks.is_empty()
        };
        self.rooms.iter().all(only_deletes)
    }

    /// All keys of its rooms, and those of its fields.
    pub(crate) fn write_keys(&self, command: &mut Cmd) {
        for block in &self.rooms {
            command.arg(&block.keys.all());
        }
        for key in self.field_keys() {
            command.arg(key);
        }
    }

    pub(crate) fn key_count(&self) -> usize {
        self.rooms.len() * 8 + self.field_keys().len()
    }

    fn field_keys(&self) -> Vec<&str> {
        let mut keys: Vec<&str> = self.fields.iter().map(|(key, ..)| &**key).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// The rooms, as `read_room` of the script takes them, and the fields.
    pub(crate) fn write(&self, command: &mut Cmd) {
        command.arg(self.rooms.len());
        for block in &self.rooms {
            block.write(command);
        }
        let keys = self.field_keys();
        command.arg(self.fields.len());
        for (key, field, value) in &self.fields {
            let place = keys.binary_search(&&**key).expect("it is one of them");
            command.arg(place + 1).arg(field).arg(value);
        }
    }
}

impl Block {
    fn write(&self, command: &mut Cmd) {
        let Block { room, keys: _, record, encoded, adds, removes, parks } = self;
        let Record { changes, timers, charge, members, notice: _ } = record;
        let records = (LOG_BYTES / encoded.len().max(1)).clamp(FEWEST_RECORDS, MOST_RECORDS);
        command.arg(&**room).arg(encoded).arg(records);
        command.arg(u8::from(changes.clears)).arg(changes.entries.len());
        for (key, entry) in &changes.entries {
            command.arg(&**key);
            match entry {
                Some(entry) => {
                    match entry.expires {
                        Some(expires) => command.arg(expires),
                        None => command.arg(""),
                    };
                    command.arg(pack(entry));
                }
                None => {
                    command.arg("").arg("");
                }
            }
        }
        command.arg(timers.len());
        for (name, timer) in timers {
            command.arg(&**name);
            match timer {
                Some(timer) => command.arg(&pack_timer(*timer)[..]),
                None => command.arg(""),
            };
        }
        command.arg(members.len());
        let mut touched = Vec::new();
        for (id, change) in members {
            command.arg(id.number());
            match change {
                MemberChange::Add(member) | MemberChange::Update(member) => {
                    command.arg(&member[..])
                }
                MemberChange::Remove => command.arg(""),
            };
            touched.push(format!("a{id}"));
            if !matches!(change, MemberChange::Update(_)) {
                touched.push("m".to_owned());
            }
        }
        command.arg(touched.len()).arg(touched);
        command.arg(adds.len());
        for signal in adds {
            command.arg(name_of(signal.id)).arg(signal.due).arg(pack_signal(signal));
        }
        command.arg(removes.len());
        for id in removes {
            command.arg(name_of(*id));
        }
        command.arg(parks.len());
        for signal in parks {
            command.arg(name_of(signal.id)).arg(signal.due).arg(pack_signal(signal));
        }
        command.arg(charge.timers).arg(charge.sent).arg(charge.bytes);
    }
}

/// A signal's number as Redis has it: of the same length for all, so that those that are due together have an order.
pub(crate) fn name_of(signal: u64) -> String {
    format!("{signal:020}")
}

/// The field of a schedule among those that are planned.
fn planned_field(signal: &Signal) -> Vec<u8> {
    let mut field = Vec::new();
    let cron = signal.cron.as_deref().unwrap_or_default();
    for text in [&*signal.room, &*signal.name, cron] {
        put(&mut field, Some(text.as_bytes()));
    }
    field
}
