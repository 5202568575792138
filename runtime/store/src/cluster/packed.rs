//! Entries as Redis has them: the number of the value's kind, when it expires (in eight bytes, or all ones), the value.

use bytes::Bytes;
use zigttp_abi::state::Entry;
use zigttp_abi::value::{Value, ValueKind};

/// What comes before the value.
const HEAD: usize = 9;

pub(crate) fn pack(entry: &Entry) -> Vec<u8> {
    let value = entry.value.bytes();
    let mut packed = Vec::with_capacity(HEAD + value.len());
    packed.push(entry.value.kind().number());
    packed.extend_from_slice(&entry.expires.unwrap_or(u64::MAX).to_be_bytes());
    packed.extend_from_slice(value);
    packed
}

/// `None` if it is no entry of ours.
pub(crate) fn unpack(packed: Bytes) -> Option<Entry> {
    let (kind, rest) = packed.split_first()?;
    let expires = u64::from_be_bytes(*rest.first_chunk()?);
    let kind = ValueKind::from_number(u32::from(*kind))?;
    let value = Value::new(kind, packed.slice(HEAD..));
    Some(Entry { value, expires: Some(expires).filter(|expires| *expires != u64::MAX) })
}
