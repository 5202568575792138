//! Entries, timers and signals as Redis has them. Numbers have their highest byte first; a text has its length before
//! it; what may be missing has a byte before it.

use std::sync::Arc;

use bytes::{Buf, Bytes};
use zigttp_abi::state::Entry;
use zigttp_abi::value::{Value, ValueKind};

use crate::state::signals::{Signal, Timer};

/// An entry: the number of the value's kind, when it expires (or all ones), the value.
pub(crate) fn pack(entry: &Entry) -> Vec<u8> {
    let value = entry.value.bytes();
    let mut packed = Vec::with_capacity(9 + value.len());
    packed.push(entry.value.kind().number());
    packed.extend_from_slice(&entry.expires.unwrap_or(u64::MAX).to_be_bytes());
    packed.extend_from_slice(value);
    packed
}

/// `None` if it is no entry of ours.
pub(crate) fn unpack(mut packed: Bytes) -> Option<Entry> {
    let kind = ValueKind::from_number(u32::from(packed.try_get_u8().ok()?))?;
    let expires = Some(packed.try_get_u64().ok()?).filter(|expires| *expires != u64::MAX);
    Some(Entry { value: Value::new(kind, packed), expires })
}

pub(crate) fn pack_timer(timer: Timer) -> [u8; 24] {
    let mut packed = [0; 24];
    for (place, number) in [timer.id, timer.scheduled, timer.bytes].into_iter().enumerate() {
        packed[place * 8..][..8].copy_from_slice(&number.to_be_bytes());
    }
    packed
}

pub(crate) fn unpack_timer(mut packed: Bytes) -> Option<Timer> {
    let mut number = || packed.try_get_u64().ok();
    Some(Timer { id: number()?, scheduled: number()?, bytes: number()? })
}

/// A signal, without its id and room.
pub(crate) fn pack_signal(signal: &Signal) -> Vec<u8> {
    let Signal {
        id: _,
        room: _,
        sender,
        name,
        is_timer,
        cron,
        scheduled,
        due,
        period,
        attempt,
        data,
        on_fail,
    } = signal;
    let mut packed = Vec::new();
    packed.push(u8::from(*is_timer));
    for number in [*scheduled, *due, period.unwrap_or(u64::MAX), u64::from(*attempt)] {
        packed.extend_from_slice(&number.to_be_bytes());
    }
    put(&mut packed, Some(name.as_bytes()));
    put(&mut packed, sender.as_ref().map(|sender| sender.as_bytes()));
    put(&mut packed, cron.as_ref().map(|cron| cron.as_bytes()));
    put(&mut packed, on_fail.as_ref().map(|on_fail| on_fail.as_bytes()));
    let value = data.as_ref().map(|data| {
        let mut value = vec![data.kind().number()];
        value.extend_from_slice(data.bytes());
        value
    });
    put(&mut packed, value.as_deref());
    packed
}

/// `None` if it is no signal of ours.
pub(crate) fn unpack_signal(id: u64, room: &Arc<str>, mut packed: Bytes) -> Option<Signal> {
    let is_timer = packed.try_get_u8().ok()? != 0;
    let mut number = || packed.try_get_u64().ok();
    let (scheduled, due, period, attempt) = (number()?, number()?, number()?, number()?);
    let text = |packed: &mut Bytes| -> Option<Option<Box<str>>> {
        match get(packed)? {
            Some(text) => Some(Some(std::str::from_utf8(&text).ok()?.into())),
            None => Some(None),
        }
    };
    let name = text(&mut packed)??;
    let sender = text(&mut packed)?.map(Arc::from);
    let (cron, on_fail) = (text(&mut packed)?, text(&mut packed)?);
    let data = match get(&mut packed)? {
        Some(mut value) => {
            let kind = ValueKind::from_number(u32::from(value.try_get_u8().ok()?))?;
            Some(Value::new(kind, value))
        }
        None => None,
    };
    Some(Signal {
        id,
        room: Arc::clone(room),
        sender,
        name,
        is_timer,
        cron,
        scheduled,
        due,
        period: Some(period).filter(|period| *period != u64::MAX),
        attempt: u32::try_from(attempt).ok()?,
        data,
        on_fail,
    })
}

/// In place of the length of what is missing.
const MISSING: u32 = u32::MAX;

/// Adds bytes that may be missing, with their length.
pub(crate) fn put(packed: &mut Vec<u8>, bytes: Option<&[u8]>) {
    let Some(bytes) = bytes else {
        return packed.extend_from_slice(&MISSING.to_be_bytes());
    };
    let len = u32::try_from(bytes.len()).expect("what is stored has far fewer than 4 GiB");
    packed.extend_from_slice(&len.to_be_bytes());
    packed.extend_from_slice(bytes);
}

/// Takes what [`put`] has added; `None` if there is nothing like that.
pub(crate) fn get(packed: &mut Bytes) -> Option<Option<Bytes>> {
    match packed.try_get_u32().ok()? {
        MISSING => Some(None),
        len => {
            let len = len as usize;
            (len <= packed.len()).then(|| Some(packed.split_to(len)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_reads_back() {
        let room: Arc<str> = "/a".into();
        let signal = Signal {
            id: 7,
            room: Arc::clone(&room),
            sender: Some("/b".into()),
            name: "näme".into(),
            is_timer: false,
            cron: Some("".into()),
            scheduled: 5,
            due: 6,
            period: None,
            attempt: 3,
            data: Some(Value::new(ValueKind::Uint8Array, Bytes::from_static(&[0, 255]))),
            on_fail: None,
        };
        let timer = Signal {
            is_timer: true,
            sender: None,
            cron: None,
            period: Some(9),
            data: None,
            ..signal.clone()
        };
        for signal in [signal, timer] {
            let packed = Bytes::from(pack_signal(&signal));
            assert_eq!(unpack_signal(7, &room, packed.clone()), Some(signal));
            for len in 0..packed.len() {
                assert_eq!(unpack_signal(7, &room, packed.slice(..len)), None, "{len}");
            }
        }
        let timer = Timer { id: 1 << 60, scheduled: 2, bytes: 3 };
        assert_eq!(unpack_timer(Bytes::copy_from_slice(&pack_timer(timer))), Some(timer));
    }
}
