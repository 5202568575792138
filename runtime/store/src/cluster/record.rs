//! What one commit has changed, as the log of its room has it.
//!
//! A record is a list of parts, each with its kind and length. A node that does not know a kind reads the room anew.

use bytes::{Buf, Bytes};
use zigttp_abi::state::Changes;

use crate::cluster::packed::{pack, unpack};

/// Changes of entries.
const STATE: u8 = 1;

/// In place of the length of an entry that is removed.
const REMOVED: u32 = u32::MAX;

/// What a record says.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Record {
    pub(crate) changes: Changes,
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
        let mut record = Vec::new();
        if !self.changes.is_empty() {
            part(&mut record, STATE, |into| encode_changes(&self.changes, into));
        }
        record
    }

    /// `None` if it is no record that this program writes.
    pub(crate) fn decode(mut record: Bytes) -> Option<Record> {
        let mut decoded = Record::default();
        while !record.is_empty() {
            let kind = record.try_get_u8().ok()?;
            let len = record.try_get_u32().ok()? as usize;
            if len > record.len() {
                return None;
            }
            let part = record.split_to(len);
            match kind {
                STATE => decoded.changes = decode_changes(part)?,
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
    record[start..start + 4].copy_from_slice(&length(len).to_be_bytes());
}

fn length(len: usize) -> u32 {
    u32::try_from(len).expect("what an event changes has far fewer than 4 GiB")
}

fn encode_changes(changes: &Changes, into: &mut Vec<u8>) {
    into.push(u8::from(changes.clears));
    for (key, entry) in &changes.entries {
        into.extend_from_slice(&length(key.len()).to_be_bytes());
        into.extend_from_slice(key.as_bytes());
        match entry {
            Some(entry) => {
                let packed = pack(entry);
                into.extend_from_slice(&length(packed.len()).to_be_bytes());
                into.extend_from_slice(&packed);
            }
            None => into.extend_from_slice(&REMOVED.to_be_bytes()),
        }
    }
}

fn decode_changes(mut part: Bytes) -> Option<Changes> {
    let mut changes = Changes { clears: part.try_get_u8().ok()? != 0, ..Changes::default() };
    let take = |part: &mut Bytes, len: u32| {
        let len = len as usize;
        (len <= part.len()).then(|| part.split_to(len))
    };
    while !part.is_empty() {
        let len = part.try_get_u32().ok()?;
        let key = take(&mut part, len)?;
        let key = std::str::from_utf8(&key).ok()?.into();
        let entry = match part.try_get_u32().ok()? {
            REMOVED => None,
            len => Some(unpack(take(&mut part, len)?)?),
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
        Record { changes: Changes { clears: true, entries } }
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
