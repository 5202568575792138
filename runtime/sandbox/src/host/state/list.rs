//! `list(room, options)`: the entries of a range, those that this event has changed included.

use std::ops::{Bound, RangeBounds};

use wasmtime::Caller;
use zigttp_abi::guest::list::{AFTER_START, HAS_END, HEAD_BYTES, REVERSE};
use zigttp_abi::state::{Entry, KeyRange, ListLimits};

use super::open::{open, wait};
use crate::event_state::HostData;
use crate::given::GivenList;
use crate::guest_memory::Span;
use crate::host::answer;
use crate::host::range_error::RangeError;
use crate::host::room_argument::{quoted, room};
use crate::read_log::{ListRead, WhatWasRead, shortened};
use crate::state::{RoomChanges, RoomName, RoomState, Space};
use crate::view::View;

/// Most entries of a list, and most bytes of their keys and values. A longer one is never cut.
const LIMITS: ListLimits = ListLimits { entries: 1_000, bytes: 1 << 20 };

/// The options, as the guest gives them.
pub(super) struct Options {
    pub(super) flags: u32,
    /// 0 without one.
    pub(super) limit: u32,
    pub(super) prefix: Box<str>,
    pub(super) start: Box<str>,
    pub(super) end: Box<str>,
}

type Entries = Vec<(Box<str>, Entry)>;

/// A list as the guest takes it.
#[derive(Default)]
struct Encoded {
    entries: usize,
    bytes: Vec<u8>,
}

/// Offers a list to the guest. Returns its length in bytes.
pub(super) async fn list<V: View>(
    caller: &mut Caller<'_, HostData<V>>,
    space: Space,
    room_name: Span,
    options: Options,
    to: Span,
) -> wasmtime::Result<Result<i32, RangeError>> {
    let room = room(caller, room_name)?;
    let read = caller.data().read_log.is_some().then(|| options.as_read());
    let asked = if options.limit == 0 { usize::MAX } else { options.limit as usize };
    let listed = match options.range() {
        Some(range) => encoded(caller, space, &room, range, asked).await?,
        None => Ok(Encoded::default()),
    };
    if let Some(read) = read {
        let entries = listed.as_ref().ok().map(|listed| listed.entries);
        let read = ListRead { entries, ..read };
        caller.data_mut().note_read(space, &room, || WhatWasRead::List(read));
    }
    let encoded = match listed {
        Ok(listed) => listed.bytes,
        Err(error) => return Ok(Err(error)),
    };
    let len = i32::try_from(encoded.len()).expect("a list has about a MiB");
    if encoded.len() <= to.len() {
        answer::offer(caller, to, &encoded, bytes::Bytes::new)?;
    } else {
        caller.data_mut().keep(encoded.into())?;
    }
    Ok(Ok(len))
}

/// The entries of a range, at most as many as were asked for.
async fn encoded<V: View>(
    caller: &mut Caller<'_, HostData<V>>,
    space: Space,
    room: &RoomName,
    range: KeyRange,
    asked: usize,
) -> wasmtime::Result<Result<Encoded, RangeError>> {
    let limits = ListLimits { entries: asked.min(LIMITS.entries), ..LIMITS };
    let now = caller.data_mut().unix_millis();
    caller.data_mut().used.state_reads += 1;

    let changes = caller.data().changes(space, room);
    let clears = changes.is_some_and(|changes| changes.changes.clears);
    let own = changes.map_or_else(Entries::new, |changes| own_entries(changes, &range, now));
    let hidden = changes.map_or_else(Vec::new, |changes| keys_in(changes, &range));
    let reverse = range.reverse;
    let committed = if clears {
        Entries::new()
    } else {
        let state = open(caller, space, room).await?;
        let asked = || GivenList::of(&range, &hidden, limits, now);
        let asked = caller.data().given.is_some().then(asked);
        let listed = wait(caller, state.list(range, hidden, limits, now)).await?;
        if let (Some(given), Some(asked)) = (&mut caller.data_mut().given, asked) {
            given.list(space, room, asked.with(&listed));
        }
        listed
    };

    let mut encoded = Encoded::default();
    let mut bytes = 0;
    for (index, (key, entry)) in merge(committed, own, reverse).enumerate() {
        if index == asked {
            break;
        }
        if index == LIMITS.entries {
            return Ok(Err(format!(
                "more than {} entries are in this range: pass limit: {0} and page with startAfter",
                LIMITS.entries
            )));
        }
        bytes += key.len() + entry.value.bytes().len();
        if bytes > LIMITS.bytes && index == 0 {
            return Ok(Err(format!(
                "the first key of this range, {}, has more than the {} bytes of a list: get it, and list what \
                 follows with startAfter",
                quoted(&key),
                LIMITS.bytes
            )));
        }
        if bytes > LIMITS.bytes {
            return Ok(Err(format!(
                "the first {index} entries of this range fill the {} bytes of a list: pass limit: {index} \
                 and page with startAfter",
                LIMITS.bytes
            )));
        }
        encoded.entries += 1;
        encode(&key, &entry, &mut encoded.bytes);
    }
    Ok(Ok(encoded))
}

/// See [`zigttp_abi::guest::list`].
fn encode(key: &str, entry: &Entry, to: &mut Vec<u8>) {
    let value = entry.value.bytes();
    let number = |len: usize| u32::try_from(len).expect("keys and values are short").to_le_bytes();
    let head = [
        number(key.len()),
        u32::from(entry.value.kind().number()).to_le_bytes(),
        number(value.len()),
    ];
    debug_assert_eq!(head.as_flattened().len(), HEAD_BYTES);
    to.extend_from_slice(head.as_flattened());
    to.extend_from_slice(key.as_bytes());
    to.extend_from_slice(value);
    to.push(0);
}

/// The entries that the event has set in a range.
fn own_entries(changes: &RoomChanges, range: &KeyRange, now: u64) -> Entries {
    let entries = changes.changes.entries.iter().filter(|(key, _)| contains(range, key));
    let there = entries
        .filter_map(|(key, entry)| Some((key.clone(), entry.clone()?)))
        .filter(|(_, entry)| entry.is_there_at(now));
    let mut entries: Entries = there.collect();
    if range.reverse {
        entries.reverse();
    }
    entries
}

/// The keys of a range that the event has changed.
fn keys_in(changes: &RoomChanges, range: &KeyRange) -> Vec<Box<str>> {
    let keys = changes.changes.entries.keys();
    keys.filter(|key| contains(range, key)).cloned().collect()
}

fn contains(range: &KeyRange, key: &str) -> bool {
    let [start, end] = [&range.start, &range.end].map(|bound| bound.as_ref().map(|key| &**key));
    RangeBounds::<str>::contains(&(start, end), key)
}

/// Two lists with different keys as one, in the order of the keys or its reverse.
fn merge(one: Entries, other: Entries, reverse: bool) -> impl Iterator<Item = (Box<str>, Entry)> {
    let (mut one, mut other) = (one.into_iter().peekable(), other.into_iter().peekable());
    std::iter::from_fn(move || match (one.peek(), other.peek()) {
        (Some((first, _)), Some((second, _))) => {
            if (first < second) != reverse {
                one.next()
            } else {
                other.next()
            }
        }
        (Some(_), None) => one.next(),
        _ => other.next(),
    })
}

impl Options {
    fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    /// What is asked for, as a note.
    fn as_read(&self) -> ListRead {
        ListRead {
            prefix: shortened(&self.prefix),
            start: shortened(&self.start),
            is_after: self.has(AFTER_START),
            end: self.has(HAS_END).then(|| shortened(&self.end)),
            is_reverse: self.has(REVERSE),
            limit: (self.limit > 0).then_some(self.limit),
            entries: None,
        }
    }

    /// The range of keys; `None` if no key can be in it.
    fn range(self) -> Option<KeyRange> {
        let reverse = self.has(REVERSE);
        let mut start = match (self.has(AFTER_START), self.start.is_empty()) {
            (true, _) => Bound::Excluded(self.start.clone()),
            (false, false) => Bound::Included(self.start.clone()),
            (false, true) => Bound::Unbounded,
        };
        let mut end =
            if self.has(HAS_END) { Bound::Excluded(self.end.clone()) } else { Bound::Unbounded };
        if !self.prefix.is_empty() {
            if self.start < self.prefix {
                start = Bound::Included(self.prefix.clone());
            }
            if let Some(after) = after_prefix(&self.prefix)
                && (!self.has(HAS_END) || after < self.end)
            {
                end = Bound::Excluded(after);
            }
        }
        let is_possible = match (&start, &end) {
            (Bound::Included(start) | Bound::Excluded(start), Bound::Excluded(end)) => start < end,
            (Bound::Unbounded, Bound::Excluded(end)) => !end.is_empty(),
            _ => true,
        };
        is_possible.then_some(KeyRange { start, end, reverse })
    }
}

/// The first text after all texts that begin with this one; `None` if there is none. Texts are in the order
/// of their UTF-8, which is that of their characters.
fn after_prefix(prefix: &str) -> Option<Box<str>> {
    let mut characters: Vec<char> = prefix.chars().collect();
    while let Some(last) = characters.pop() {
        // The ranges of characters leave out the surrogates.
        if let Some(next) = (last..=char::MAX).nth(1) {
            characters.push(next);
            return Some(characters.into_iter().collect::<String>().into_boxed_str());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(flags: u32, prefix: &str, start: &str, end: &str) -> Options {
        let [prefix, start, end] = [prefix, start, end].map(Box::from);
        Options { flags, limit: 0, prefix, start, end }
    }

    #[test]
    fn a_range_is_what_prefix_start_and_end_have_in_common() {
        let keys = ["a", "b", "b/1", "b/2", "b0", "c"];
        for (flags, prefix, start, end, expected) in [
            (0, "", "", "", &keys[..]),
            (0, "b/", "", "", &["b/1", "b/2"]),
            (0, "b", "b/2", "", &["b/2", "b0"]),
            (AFTER_START, "b", "b/2", "", &["b0"]),
            (AFTER_START, "", "", "", &keys[..]),
            (HAS_END, "b", "", "b/2", &["b", "b/1"]),
            (HAS_END, "", "b0", "b", &[]),
            (HAS_END, "", "", "", &[]),
            (0, "b", "c", "", &[]),
            (AFTER_START, "b", "a", "", &["b", "b/1", "b/2", "b0"]),
        ] {
            let range = options(flags, prefix, start, end).range();
            let found: Vec<&str> = keys
                .into_iter()
                .filter(|key| range.as_ref().is_some_and(|range| contains(range, key)))
                .collect();
            assert_eq!(found, expected, "{flags} {prefix} {start} {end}");
        }
    }

    #[test]
    fn the_text_after_a_prefix_leaves_out_surrogates_and_what_there_is_not() {
        for (prefix, expected) in [
            ("a", Some("b")),
            ("\u{d7ff}", Some("\u{e000}")),
            ("a\u{10ffff}", Some("b")),
            ("\u{10ffff}", None),
        ] {
            assert_eq!(after_prefix(prefix).as_deref(), expected);
        }
    }
}
