//! `export const schedules`: when signals come that nobody has sent. The compiler checks them, the server plans by them.
//!
//! A cron expression has five fields: minute, hour, day of the month, month, day of the week. All times are UTC. It is
//! read here alone, so what the compiler has accepted means the same to the server. There is no clock here.

use std::cmp::Ordering;

use croner::errors::CronError as Unread;
use croner::parser::{CronParser, Seconds, Year};
use croner::time::{CivilDate, CivilDateTime, CivilTime, CronDateTime, Resolution, Weekday};

use crate::api::{MAX_KEY_BYTES, MAX_ROOM_BYTES};
use crate::manifest::Schedule;

/// Most schedules of a handler.
pub const MAX_SCHEDULES: usize = 100;

/// Most bytes of a cron expression.
pub const MAX_CRON_BYTES: usize = 256;

/// Most times that are counted between two.
pub const MAX_COUNTED: u64 = 10_000;

const MINUTE_MS: u64 = 60_000;

/// The fields of an expression: what each is called, what may stand in it, and the names and letters it may have.
const FIELDS: [Field; 5] = [
    Field { name: "minute", range: "0-59", names: &[], letters: "" },
    Field { name: "hour", range: "0-23", names: &[], letters: "" },
    Field { name: "day of the month", range: "1-31", names: &[], letters: "LW" },
    Field {
        name: "month",
        range: "1-12 or JAN-DEC",
        names: &[
            "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
        ],
        letters: "",
    },
    Field {
        name: "day of the week",
        range: "0-7 or SUN-SAT",
        names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
        letters: "L",
    },
];

/// Expressions with a name.
const NICKNAMES: [&str; 6] = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@hourly"];

struct Field {
    name: &'static str,
    range: &'static str,
    names: &'static [&'static str],
    letters: &'static str,
}

/// The times of a schedule.
#[derive(Clone, Debug)]
pub struct Cron(croner::Cron);

/// Why an expression is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CronError {
    #[error("has {0} bytes, it may have 1 to {MAX_CRON_BYTES}")]
    Length(usize),
    /// Six are taken for one with seconds.
    #[error("has {0} fields, not 5: minute, hour, day of the month, month, day of the week")]
    Fields(usize),
    #[error("has no name of its own: there are {}", NICKNAMES.join(", "))]
    Nickname,
    /// What its field may have is a part of the message.
    #[error(
        "has `{text}` as its {field}, which may have {range}, `*`, lists `1,5`, ranges `1-5` and steps `*/5`"
    )]
    Field { field: &'static str, text: String, range: &'static str },
    /// Such as the 30th of February.
    #[error("stands for no time: there is no such day")]
    Never,
}

/// Why a schedule cannot be served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    #[error("there are {0} schedules, there may be {MAX_SCHEDULES}")]
    TooMany(usize),
    #[error("the cron expression {cron:?} {error}")]
    Cron { cron: String, error: CronError },
    #[error("the room of a schedule has {0} bytes, it may have 1 to {MAX_ROOM_BYTES}")]
    Room(usize),
    #[error("the name of a schedule has {0} bytes, it may have 1 to {MAX_KEY_BYTES}")]
    Name(usize),
}

/// Whether schedules can be served.
///
/// # Errors
/// The first that is wrong.
pub fn check(schedules: &[Schedule]) -> Result<(), ScheduleError> {
    if schedules.len() > MAX_SCHEDULES {
        return Err(ScheduleError::TooMany(schedules.len()));
    }
    for Schedule { cron, room, name } in schedules {
        let failed = |error| ScheduleError::Cron { cron: cron.clone(), error };
        Cron::parse(cron).map_err(failed)?;
        if !(1..=MAX_ROOM_BYTES).contains(&room.len()) {
            return Err(ScheduleError::Room(room.len()));
        }
        if !(1..=MAX_KEY_BYTES).contains(&name.len()) {
            return Err(ScheduleError::Name(name.len()));
        }
    }
    Ok(())
}

impl Cron {
    /// Reads an expression, or a name for one such as `@daily`.
    ///
    /// # Errors
    /// When it is none, or there is no such time.
    pub fn parse(text: &str) -> Result<Cron, CronError> {
        if !(1..=MAX_CRON_BYTES).contains(&text.len()) {
            return Err(CronError::Length(text.len()));
        }
        let parser =
            CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let fields: Vec<&str> = text.split_whitespace().collect();
        if text.contains('@') {
            let is_known = |name: &&str| name.eq_ignore_ascii_case(text);
            if !NICKNAMES.iter().any(is_known) {
                return Err(CronError::Nickname);
            }
        } else if fields.len() != FIELDS.len() {
            return Err(CronError::Fields(fields.len()));
        } else {
            // One at a time, so that the one is named that is wrong.
            for (index, (text, field)) in fields.iter().zip(&FIELDS).enumerate() {
                let mut alone = ["*"; FIELDS.len()];
                alone[index] = *text;
                if !field.takes(text) || parser.parse(&alone.join(" ")).is_err() {
                    let Field { name: field, range, .. } = *field;
                    return Err(CronError::Field { field, text: (*text).to_owned(), range });
                }
            }
        }
        let cron = Cron(parser.parse(text).map_err(|_| CronError::Fields(fields.len()))?);
        // The calendar is the same every 400 years, and croner looks ahead for thousands.
        cron.next_after(0).ok_or(CronError::Never)?;
        Ok(cron)
    }

    /// The first of its times after one. Both are in milliseconds since 1970.
    pub fn next_after(&self, after: u64) -> Option<u64> {
        let after = Utc(i64::try_from(after / 1000).ok()?);
        let Utc(seconds) = self.0.find_next_occurrence(&after, false).ok()?;
        u64::try_from(seconds).ok()?.checked_mul(1000)
    }

    /// How many of its times come after one time and not after another: at most [`MAX_COUNTED`] are counted.
    pub fn count(&self, after: u64, until: u64) -> u64 {
        let (mut count, mut at) = (0, after);
        while count < MAX_COUNTED
            && until.saturating_sub(at) >= MINUTE_MS
            && let Some(next) = self.next_after(at)
            && next <= until
        {
            (count, at) = (count + 1, next);
        }
        count
    }
}

impl Field {
    /// Whether names and letters stand where they may: croner replaces names wherever they are, so `1MON` is 11.
    fn takes(&self, text: &str) -> bool {
        text.split([',', '-', '/']).all(|part| {
            let part = part.to_ascii_uppercase();
            let named = self.names.iter().find_map(|name| part.strip_prefix(name));
            let rest = named.unwrap_or(&part);
            let is_letter = |it: char| it.is_ascii_digit() || !it.is_alphanumeric();
            (named.is_none() || !rest.starts_with(|it: char| it.is_ascii_digit()))
                && rest.chars().all(|it| is_letter(it) || self.letters.contains(it))
        })
    }
}

/// A time in UTC: seconds since 1970.
#[derive(Clone, Copy, Debug)]
struct Utc(i64);

const DAY: i64 = 24 * 3600;

impl CronDateTime for Utc {
    fn to_civil(&self) -> CivilDateTime {
        let (year, month, day) = date(self.0.div_euclid(DAY));
        let second = u32::try_from(self.0.rem_euclid(DAY)).unwrap_or(0);
        CivilDateTime::new(
            CivilDate::from_parts_unchecked(i32::try_from(year).unwrap_or(i32::MAX), month, day),
            CivilTime::from_parts_unchecked(second / 3600, second / 60 % 60, second % 60),
        )
    }

    fn civil_weekday(&self) -> Weekday {
        // 1970 began on a Thursday.
        let day = (self.0.div_euclid(DAY) + 4).rem_euclid(7);
        Weekday::from_days_from_sunday(u32::try_from(day).unwrap_or(0))
    }

    fn resolve_civil(&self, civil: CivilDateTime) -> Result<Resolution<Utc>, Unread> {
        let days = day_number(civil.year().into(), civil.month().into(), civil.day().into());
        let seconds = civil.hour() * 3600 + civil.minute() * 60 + civil.second();
        Ok(Resolution::Single(Utc(days * DAY + i64::from(seconds))))
    }

    fn checked_add_seconds(&self, seconds: i64) -> Option<Utc> {
        self.0.checked_add(seconds).map(Utc)
    }

    fn cmp_instant(&self, other: &Utc) -> Ordering {
        self.0.cmp(&other.0)
    }
}

/// Days of 400 years, after which the calendar is the same.
const ERA: i64 = 146_097;

/// From the first of March of the year 0 to 1970.
const BEFORE_1970: i64 = 719_468;

/// The date of a day, by its number since 1970. Years are counted from March, so that the leap day is their last.
fn date(day: i64) -> (i64, u32, u32) {
    let (era, day) = ((day + BEFORE_1970).div_euclid(ERA), (day + BEFORE_1970).rem_euclid(ERA));
    let year = (day - day / 1460 + day / 36_524 - day / (ERA - 1)) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let small = |number| u32::try_from(number).unwrap_or(1);
    (era * 400 + year + i64::from(month <= 2), small(month), small(day))
}

/// The number of a day since 1970.
fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * ERA + 365 * year + year / 4 - year / 100 + of_year - BEFORE_1970
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Monday, the 21st of September 2026, 14:13:20.
    const NOW: u64 = 1_790_000_000_000;

    fn next(cron: &str, times: usize) -> Vec<String> {
        let cron = Cron::parse(cron).expect(cron);
        let mut at = NOW;
        let mut told = Vec::new();
        for _ in 0..times {
            at = cron.next_after(at).expect("there is one");
            told.push(Utc((at / 1000) as i64).to_civil().to_string());
        }
        told
    }

    #[test]
    fn times_are_those_of_cron_in_utc() {
        for (cron, expected) in [
            ("* * * * *", ["2026-09-21T14:14:00", "2026-09-21T14:15:00"]),
            ("0 9 * * *", ["2026-09-22T09:00:00", "2026-09-23T09:00:00"]),
            ("13 14 * * *", ["2026-09-22T14:13:00", "2026-09-23T14:13:00"]),
            ("*/20 9-17 * * mon-fri", ["2026-09-21T14:20:00", "2026-09-21T14:40:00"]),
            ("0 0 * JAN,FEB 0", ["2027-01-03T00:00:00", "2027-01-10T00:00:00"]),
            ("0 0 * * 7", ["2026-09-27T00:00:00", "2026-10-04T00:00:00"]),
            ("@daily", ["2026-09-22T00:00:00", "2026-09-23T00:00:00"]),
            ("@yearly", ["2027-01-01T00:00:00", "2028-01-01T00:00:00"]),
            ("0 0 29 2 *", ["2028-02-29T00:00:00", "2032-02-29T00:00:00"]),
            ("0 0 L * *", ["2026-09-30T00:00:00", "2026-10-31T00:00:00"]),
            ("0 0 * * FRI#3", ["2026-10-16T00:00:00", "2026-11-20T00:00:00"]),
            ("30 23 31 12 ?", ["2026-12-31T23:30:00", "2027-12-31T23:30:00"]),
        ] {
            assert_eq!(next(cron, 2), expected, "{cron}");
        }
    }

    #[test]
    fn what_is_no_expression_is_named() {
        for (cron, expected) in [
            ("", "has 0 bytes, it may have 1 to 256"),
            ("0 9 * *", "has 4 fields, not 5"),
            ("0 0 9 * * *", "has 6 fields, not 5"),
            ("0 24 * * *", "has `24` as its hour, which may have 0-23"),
            ("60 * * * *", "has `60` as its minute"),
            ("0 0 0 * *", "has `0` as its day of the month"),
            ("0 0 * 13 *", "has `13` as its month"),
            ("0 0 * * 8", "has `8` as its day of the week"),
            ("0 0 * * MONDAY", "has `MONDAY` as its day of the week"),
            ("1MON * * * *", "has `1MON` as its minute"),
            ("0 0 * JAN1 *", "has `JAN1` as its month"),
            ("*/0 * * * *", "has `*/0` as its minute"),
            ("é * * * *", "has `é` as its minute"),
            ("@reboot", "has no name of its own"),
            ("@daily ", "has no name of its own"),
            ("0 0 30 2 *", "stands for no time"),
            ("0 0 31 4,6 *", "stands for no time"),
        ] {
            let error = Cron::parse(cron).expect_err(cron).to_string();
            assert!(error.starts_with(expected), "{cron}: {error}");
        }
        let long = format!("0 0 {} * *", ["1"; 130].join(","));
        assert_eq!(Cron::parse(&long).expect_err("it is long"), CronError::Length(long.len()));
    }

    #[test]
    fn times_in_between_are_counted_up_to_a_bound() {
        let cron = Cron::parse("*/15 * * * *").expect("it is one");
        // 14:15 up to 16:00.
        assert_eq!(cron.count(NOW, NOW + 2 * 3_600_000), 8);
        assert_eq!([99_999, 100_000].map(|later| cron.count(NOW, NOW + later)), [0, 1]);
        assert_eq!(cron.count(NOW, NOW), 0);
        assert_eq!(cron.count(NOW, 0), 0);
        let every_minute = Cron::parse("* * * * *").expect("it is one");
        assert_eq!(every_minute.count(0, NOW), MAX_COUNTED);
        assert_eq!(every_minute.next_after(u64::MAX), None);
    }

    #[test]
    fn dates_and_numbers_of_days_belong_together() {
        for (day, expected) in [
            (0, (1970, 1, 1)),
            (-1, (1969, 12, 31)),
            (59, (1970, 3, 1)),
            (11_016, (2000, 2, 29)),
            (47_540, (2100, 2, 28)),
            (47_541, (2100, 3, 1)),
        ] {
            assert_eq!(date(day), expected, "{day}");
        }
        for day in (-1_000_000..1_000_000).step_by(11) {
            let (year, month, of_month) = date(day);
            assert_eq!(day_number(year, month.into(), of_month.into()), day);
        }
    }

    #[test]
    fn schedules_out_of_bounds_are_refused() {
        let schedule = |cron: &str, room: usize, name: usize| Schedule {
            cron: cron.to_owned(),
            room: "r".repeat(room),
            name: "n".repeat(name),
        };
        assert_eq!(check(&vec![schedule("@daily", 1024, 512); 100]), Ok(()));
        for (schedules, expected) in [
            (vec![schedule("@daily", 1, 1); 101], ScheduleError::TooMany(101)),
            (vec![schedule("@daily", 1025, 1)], ScheduleError::Room(1025)),
            (vec![schedule("@daily", 0, 1)], ScheduleError::Room(0)),
            (vec![schedule("@daily", 1, 513)], ScheduleError::Name(513)),
            (
                vec![schedule("x", 1, 1)],
                ScheduleError::Cron { cron: "x".to_owned(), error: CronError::Fields(1) },
            ),
        ] {
            assert_eq!(check(&schedules), Err(expected));
        }
    }
}
