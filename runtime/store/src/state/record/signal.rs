//! A timer or a signal in a record.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use zigttp_abi::api::{LONGEST_PERIOD, MAX_SIGNAL_BYTES};

use crate::state::record::error::{RecordError, check_room, check_signal_name};
use crate::state::record::value::ValueRecord;
use crate::state::signals::{Signal, StoredSignal};

/// The last time of a Date, in milliseconds since 1970.
const LAST_TIME: u64 = 8_640_000_000_000_000;

/// A timer or a signal.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignalRecord {
    /// The room that gets it. In an export it is the one that the `room` before has named, and not here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<Box<str>>,
    pub name: Box<str>,
    /// The room that has sent it, if a room has. A timer has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Box<str>>,
    /// When it is to run, as its event has said.
    pub scheduled: u64,
    /// When it is to run next, which is later after it has failed.
    pub due: u64,
    /// The time between two runs of a timer that runs again and again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<u64>,
    /// The attempts that have failed.
    #[serde(default)]
    pub attempts: u16,
    #[serde(default)]
    pub parked: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_fail: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<ValueRecord>,
}

impl SignalRecord {
    pub fn of(StoredSignal { signal, is_parked }: &StoredSignal) -> SignalRecord {
        SignalRecord {
            room: None,
            name: signal.name.clone(),
            from: signal.sender.as_deref().map(Box::from),
            scheduled: signal.scheduled,
            due: signal.due,
            period: signal.period,
            attempts: u16::try_from(signal.attempt).unwrap_or(u16::MAX),
            parked: *is_parked,
            on_fail: signal.on_fail.clone(),
            data: signal.data.as_ref().map(ValueRecord::of),
        }
    }

    /// The signal or timer that it stands for in a room, without a number.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub fn signal(self, room: &Arc<str>, is_timer: bool) -> Result<StoredSignal, RecordError> {
        let SignalRecord { name, from, period, on_fail, .. } = &self;
        let kind = if is_timer { "timer" } else { "signal" };
        for (field, is_misfit) in [
            ("from", is_timer && from.is_some()),
            ("onFail", is_timer && on_fail.is_some()),
            ("period", !is_timer && period.is_some()),
        ] {
            if is_misfit {
                return Err(RecordError::SignalFields { kind, field });
            }
        }
        check_signal_name(name)?;
        if let Some(on_fail) = on_fail {
            check_signal_name(on_fail)?;
        }
        if let Some(from) = from {
            check_room(from)?;
        }
        for time in [self.scheduled, self.due] {
            if time > LAST_TIME {
                return Err(RecordError::Time { name: self.name, time });
            }
        }
        if let Some(period) = *period
            && !(1..=LONGEST_PERIOD as u64).contains(&period)
        {
            return Err(RecordError::Period { name: self.name, period });
        }
        let data = self.data.map(ValueRecord::value).transpose()?;
        let bytes = data.as_ref().map_or(0, |data| data.bytes().len());
        if bytes > MAX_SIGNAL_BYTES {
            return Err(RecordError::SignalData { name: self.name, bytes });
        }
        let signal = Signal {
            id: 0,
            room: Arc::clone(room),
            sender: self.from.map(Arc::from),
            name: self.name,
            is_timer,
            cron: None,
            scheduled: self.scheduled,
            due: self.due,
            period: self.period,
            attempt: self.attempts.into(),
            data,
            on_fail: self.on_fail,
        };
        Ok(StoredSignal { signal, is_parked: self.parked })
    }
}

#[cfg(test)]
mod tests {
    use zigttp_abi::value::Value;

    use super::*;
    use crate::state::record::Record;

    fn stored(is_timer: bool) -> StoredSignal {
        let signal = Signal {
            id: 0,
            room: "/a".into(),
            sender: (!is_timer).then(|| "/b".into()),
            name: "name".into(),
            is_timer,
            cron: None,
            scheduled: 5,
            due: 7,
            period: is_timer.then_some(100),
            attempt: 3,
            data: Some(Value::text("data")),
            on_fail: (!is_timer).then(|| "failed".into()),
        };
        StoredSignal { signal, is_parked: !is_timer }
    }

    #[test]
    fn timers_and_signals_are_the_same_after_a_line() {
        for is_timer in [true, false] {
            let stored = stored(is_timer);
            let line = serde_json::to_string(&Record::of_signal(&stored)).expect("it serialises");
            let read = serde_json::from_str(&line).expect(&line);
            let read = match read {
                Record::Timer(record) if is_timer => record.signal(&"/a".into(), true),
                Record::Signal(record) if !is_timer => record.signal(&"/a".into(), false),
                other => panic!("{other:?}"),
            };
            assert_eq!(read.expect("it fits"), stored);
        }
    }

    #[test]
    fn what_no_event_could_have_stored_is_an_error() {
        let long = format!(r#""name":"{}""#, "n".repeat(513));
        let large = format!(r#","data":{{"kind":"string","text":"{}"}}"#, "x".repeat(16_385));
        for (is_timer, name, rest, expected) in [
            (true, "", r#","from":"/b""#, "a timer has no `from`"),
            (true, "", r#","onFail":"f""#, "a timer has no `onFail`"),
            (false, "", r#","period":5"#, "a signal has no `period`"),
            (
                false,
                &*long,
                "",
                "the name of a signal or timer has 513 bytes, it may have 1 to 512",
            ),
            (false, "", r#","onFail":"""#, "the name of a signal or timer has 0 bytes"),
            (false, "", r#","from":"""#, "the name of a room has 0 bytes"),
            (true, "", r#","period":0"#, "the period of \"n\" is 0 ms, it may be 1 to 31622400000"),
            (true, "", &large, "the data of \"n\" has 16385 bytes, it may have 16384"),
            (true, "", r#","data":{"kind":"JSON","text":""}"#, "a value of kind JSON has `json`"),
        ] {
            let name = if name.is_empty() { r#""name":"n""# } else { name };
            let line = format!(r#"{{{name},"scheduled":1,"due":1{rest}}}"#);
            let record: SignalRecord = serde_json::from_str(&line).expect(&line);
            let error = record.signal(&"/a".into(), is_timer).expect_err(&line).to_string();
            assert!(error.starts_with(expected), "{error}");
        }
        let line = r#"{"name":"n","scheduled":1,"due":8640000000000001}"#;
        let record: SignalRecord = serde_json::from_str(line).expect(line);
        let error = record.signal(&"/a".into(), true).expect_err(line).to_string();
        assert_eq!(error, "a time of \"n\" is 8640000000000001, which is no time of a Date");
    }
}
