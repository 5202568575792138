//! What one commit has changed of a room, as the room's log has it.
//!
//! A record is a list of parts, each with its kind and length. A node that does not know a kind reads the room anew.

use bytes::{Buf, Bytes};
use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::state::Changes;

use crate::cluster::packed::{get, pack, pack_timer, put, unpack, unpack_timer};
use crate::state::shared::MemberChange;
use crate::state::signals::{Charge, Timer};

/// The kinds of parts.
const STATE: u8 = 1;
const TIMERS: u8 = 2;
const CHARGE: u8 = 3;
const MEMBERS: u8 = 4;
const NOTICE: u8 = 5;

/// What a record says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Record {
    pub(crate) changes: Changes,
    pub(crate) timers: Vec<(Box<str>, Option<Timer>)>,
    /// What its signals take more.
    pub(crate) charge: Charge,
    pub(crate) members: Vec<(ConnectionId, MemberChange)>,
    /// What the nodes tell each other, in a form of theirs.
    pub(crate) notice: Bytes,
}

/// A record, and how its commit fits into the room's.
#[derive(Debug)]
pub(crate) struct Logged {
    pub(crate) seq: u64,
    /// The id of the record before it, if that is known: then this one follows no other.
    pub(crate) after: Option<Box<str>>,
    pub(crate) id: Box<str>,
    pub(crate) record: Bytes,
}

impl Logged {
    /// What a room's channel has brought: number, id before, id, record.
    pub(crate) fn of_message(message: Vec<u8>) -> Option<Logged> {
        let mut parts = message.splitn(4, |byte| *byte == b' ');
        let mut text = || std::str::from_utf8(parts.next()?).ok();
        let (seq, after, id) = (text()?.parse().ok()?, text()?.into(), Box::from(text()?));
        let start = message.len() - parts.next()?.len();
        let record = Bytes::from(message).slice(start..);
        Some(Logged { seq, after: Some(after), id, record })
    }
}

impl Record {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let Record { changes, timers, charge, members, notice } = self;
        let mut record = Vec::new();
        if !changes.is_empty() {
            part(&mut record, STATE, |into| encode_changes(changes, into));
        }
        if !timers.is_empty() {
            part(&mut record, TIMERS, |into| {
                for (name, timer) in timers {
                    put(into, Some(name.as_bytes()));
                    put(into, timer.map(pack_timer).as_ref().map(|timer| &timer[..]));
                }
            });
        }
        if *charge != Charge::default() {
            part(&mut record, CHARGE, |into| {
                for number in [charge.timers, charge.sent, charge.bytes] {
                    into.extend_from_slice(&number.to_be_bytes());
                }
            });
        }
        if !members.is_empty() {
            part(&mut record, MEMBERS, |into| {
                for (id, change) in members {
                    into.extend_from_slice(&id.number().to_be_bytes());
                    let (kind, member) = match change {
                        MemberChange::Add(member) => (0, Some(&member[..])),
                        MemberChange::Update(member) => (1, Some(&member[..])),
                        MemberChange::Remove => (2, None),
                    };
                    into.push(kind);
                    put(into, member);
                }
            });
        }
        if !notice.is_empty() {
            part(&mut record, NOTICE, |into| into.extend_from_slice(notice));
        }
        record
    }

    /// `None` if it is no record that this program writes.
    pub(crate) fn decode(mut record: Bytes) -> Option<Record> {
        let mut decoded = Record::default();
        while !record.is_empty() {
            let kind = record.try_get_u8().ok()?;
            let mut part = get(&mut record)??;
            match kind {
                STATE => decoded.changes = decode_changes(part)?,
                TIMERS => {
                    while !part.is_empty() {
                        let name = get(&mut part)??;
                        let name = std::str::from_utf8(&name).ok()?.into();
                        let timer = match get(&mut part)? {
                            Some(timer) => Some(unpack_timer(timer)?),
                            None => None,
                        };
                        decoded.timers.push((name, timer));
                    }
                }
                CHARGE => {
                    let mut number = || part.try_get_i64().ok();
                    decoded.charge =
                        Charge { timers: number()?, sent: number()?, bytes: number()? };
                }
                MEMBERS => {
                    while !part.is_empty() {
                        let id = ConnectionId::from_number(part.try_get_u64().ok()?);
                        let kind = part.try_get_u8().ok()?;
                        let change = match (kind, get(&mut part)?) {
                            (0, Some(member)) => MemberChange::Add(member),
                            (1, Some(member)) => MemberChange::Update(member),
                            (2, None) => MemberChange::Remove,
                            _ => return None,
                        };
                        decoded.members.push((id, change));
                    }
                }
                NOTICE => decoded.notice = part,
                _ => return None,
            }
        }
        Some(decoded)
    }
}

fn part(record: &mut Vec<u8>, kind: u8, fill: impl FnOnce(&mut Vec<u8>)) {
    record.push(kind);
    let start = record.len();
    record.extend_from_slice(&[0; 4]);
    fill(record);
    let len = record.len() - start - 4;
    let len = u32::try_from(len).expect("what an event changes has far fewer than 4 GiB");
    record[start..start + 4].copy_from_slice(&len.to_be_bytes());
}

fn encode_changes(changes: &Changes, into: &mut Vec<u8>) {
    into.push(u8::from(changes.clears));
    for (key, entry) in &changes.entries {
        put(into, Some(key.as_bytes()));
        put(into, entry.as_ref().map(pack).as_deref());
    }
}

fn decode_changes(mut part: Bytes) -> Option<Changes> {
    let mut changes = Changes { clears: part.try_get_u8().ok()? != 0, ..Changes::default() };
    while !part.is_empty() {
        let key = get(&mut part)??;
        let key = std::str::from_utf8(&key).ok()?.into();
        let entry = match get(&mut part)? {
            Some(entry) => Some(unpack(entry)?),
            None => None,
        };
        changes.entries.insert(key, entry);
    }
    Some(changes)
}

#[cfg(test)]
mod tests {
    use zigttp_abi::state::Entry;
    use zigttp_abi::value::{Value, ValueKind};

    use super::*;

    fn record() -> Record {
        let bytes = Value::new(ValueKind::Uint16Array, Bytes::from_static(&[0, 32, 10, 255]));
        let entries = [
            ("a b\n", Some(Entry { value: Value::text(""), expires: Some(7) })),
            ("ü", Some(Entry { value: bytes, expires: None })),
            ("gone", None),
        ];
        let entries = entries.into_iter().map(|(key, entry)| (key.into(), entry)).collect();
        let member = |number, change| (ConnectionId::from_number(number), change);
        Record {
            changes: Changes { clears: true, entries },
            timers: vec![
                ("t".into(), Some(Timer { id: 1, scheduled: 2, bytes: 3 })),
                ("u".into(), None),
            ],
            charge: Charge { timers: -1, sent: 2, bytes: -300 },
            members: vec![
                member(5, MemberChange::Add(Bytes::from_static(b"five"))),
                member(1 << 52, MemberChange::Update(Bytes::new())),
                member(7, MemberChange::Remove),
            ],
            notice: Bytes::from_static(b"a notice"),
        }
    }

    #[test]
    fn a_record_reads_back_from_a_message() {
        let mut message = b"17 1:x:4 2:y:9 ".to_vec();
        message.extend(record().encode());
        let Logged { seq, after, id, record: read } =
            Logged::of_message(message).expect("it is one");
        assert_eq!((seq, after.as_deref(), &*id), (17, Some("1:x:4"), "2:y:9"));
        assert_eq!(Record::decode(read), Some(record()));
        let first = Logged::of_message(b"1  1:x:1 ".to_vec()).expect("it is one");
        assert_eq!((first.after.as_deref(), first.record.len()), (Some(""), 0));
    }

    #[test]
    fn what_is_no_record_is_refused() {
        let whole = Bytes::from(record().encode());
        for len in 1..whole.len() {
            assert_ne!(Record::decode(whole.slice(..len)), Some(record()), "{len}");
        }
        assert_eq!(Record::decode(Bytes::from_static(&[9, 0, 0, 0, 0])), None, "an unknown part");
        for message in ["", "x", "1 2 3", "x a b c"] {
            assert!(Logged::of_message(message.into()).is_none(), "{message}");
        }
    }
}
