//! What one event commits.

use std::collections::BTreeMap;
use std::sync::Arc;

use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::state::{Changes, KeyRange};
use zigttp_abi::value::Value;

use crate::attachment_files::{Adoption, Entry};
use crate::state::shared::Told;
use crate::state::signals::SignalChanges;
use crate::state::streams::StreamChanges;

/// What an event has read of its room's state, and of which commit on: where nodes share rooms, none of it may have
/// changed since.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateReads {
    /// See [`Table::seq`](crate::state::table::Table::seq).
    pub since: u64,
    pub keys: Vec<Box<str>>,
    pub ranges: Vec<KeyRange>,
    pub timers: Vec<Box<str>>,
    /// Who the members are.
    pub members: bool,
    /// What is known of these members.
    pub connections: Vec<ConnectionId>,
}

/// What one event commits, all of it or nothing.
#[derive(Default)]
pub struct Transaction {
    /// The event's room. An event that belongs to none changes no state.
    pub room: Option<Arc<str>>,
    pub changes: Changes,
    /// Boxed, because one server alone needs none.
    pub reads: Option<Box<StateReads>>,
    /// The event's time, in milliseconds since 1970.
    pub now: u64,
    /// Attachments that are stored, each of another connection. Only with a durable folder.
    pub files: Vec<Entry>,
    /// What a connection gets of one that has left it, and its value.
    pub adoption: Option<(Adoption, Value)>,
    /// Connections whose attachments are removed.
    pub removed: Vec<ConnectionId>,
    pub signals: SignalChanges,
    pub streams: StreamChanges,
    /// What nodes that share rooms tell each other, of each room once. Boxed, because one server alone tells nothing.
    pub told: Option<Box<BTreeMap<Arc<str>, Told>>>,
}

impl Transaction {
    /// The room whose state it changes.
    pub(crate) fn changed_room(&self) -> Option<&Arc<str>> {
        self.room.as_ref().filter(|_| !self.changes.is_empty())
    }

    pub fn is_empty(&self) -> bool {
        let has_files =
            !self.files.is_empty() || self.adoption.is_some() || !self.removed.is_empty();
        !has_files && !self.changes_state()
    }

    /// Whether it changes entries, signals or streams.
    pub(crate) fn changes_state(&self) -> bool {
        !self.changes.is_empty() || !self.signals.is_empty() || !self.streams.is_empty()
    }

    /// The connections whose files it writes or removes.
    pub(crate) fn connections(&self) -> impl Iterator<Item = ConnectionId> {
        let adoption =
            self.adoption.iter().flat_map(|(adoption, _)| [adoption.prior, adoption.new]);
        let files = self.files.iter().map(|entry| entry.id);
        files.chain(adoption).chain(self.removed.iter().copied())
    }

    /// Whether one step on the disk does all of it.
    pub(crate) fn is_one_file(&self) -> bool {
        let files = self.files.len() + usize::from(self.adoption.is_some()) + self.removed.len();
        let is_alone = self.signals.is_empty() && self.streams.is_empty();
        files == 1 && self.changed_room().is_none() && is_alone
    }

    /// About how many bytes it writes.
    pub(crate) fn bytes(&self) -> u64 {
        let entries = self.changes.entries.iter();
        let state: u64 =
            entries.map(|(key, entry)| entry.as_ref().map_or(0, |entry| entry.bytes(key))).sum();
        let values = self.files.iter().map(|entry| &entry.value);
        let values = values.chain(self.adoption.iter().map(|(_, value)| value));
        let asides = self.signals.bytes() + self.streams.bytes();
        state + asides + values.map(|value| value.bytes().len() as u64).sum::<u64>()
    }
}
