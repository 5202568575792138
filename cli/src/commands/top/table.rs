//! The table of the rooms that use most.

use std::fmt::Write;

use zigts_rules::printable::printable;
use zigttp_runtime::{RoomOrder, RoomSummary, RoomsPage};

/// Width of the columns before the room's name.
const BEFORE_NAME: usize = 78;

/// Prints a page. All but what waits and who is a member is for one second.
pub(super) fn print(
    page: &RoomsPage,
    order: RoomOrder,
    width: Option<usize>,
    has_colours: bool,
) -> String {
    let (bold, red, plain) =
        if has_colours { ("\x1b[1m", "\x1b[31m", "\x1b[0m") } else { ("", "", "") };
    let mut text = format!(
        "rooms: {}, paused: {}; use over {:.1} s, by {}\n\n",
        page.all_rooms,
        page.paused_rooms,
        page.seconds,
        order.name()
    );
    let head = format!(
        "{:>6}  {:>9}  {:>9}  {:>9}  {:>9}  {:>7}  {:>7}  {:<6}  ROOM",
        "CPU %", "WAIT ms/s", "SENT /s", "SIGNALS/s", "EVENTS/s", "WAITING", "MEMBERS", "STATE"
    );
    writeln!(text, "{bold}{head}{plain}").expect(MEMORY);
    for room in &page.rooms {
        let state = state(room);
        let per_second = |number: f64| number / page.seconds.max(f64::MIN_POSITIVE);
        let line = format!(
            "{:>6.1}  {:>9.1}  {:>9}  {:>9.1}  {:>9.1}  {:>7}  {:>7}  {:<6}  {}",
            per_second(room.cpu_ms) / 10.0,
            per_second(room.wait_ms),
            bytes(per_second(room.sent_bytes as f64)),
            per_second(room.signals as f64),
            per_second(room.events as f64),
            room.waiting_events,
            room.members,
            state,
            name(room, width),
        );
        let colour = if state.is_empty() { "" } else { red };
        writeln!(text, "{colour}{}{}", line.trim_end(), if colour.is_empty() { "" } else { plain })
            .expect(MEMORY);
    }
    text
}

const MEMORY: &str = "writing to a string cannot fail";

/// `over`: too much waits, and it is not read.
fn state(room: &RoomSummary) -> &'static str {
    match (room.is_paused, room.is_over) {
        (true, _) => "paused",
        (false, true) => "over",
        (false, false) => "",
    }
}

/// The name, cut where the line ends.
fn name(room: &RoomSummary, width: Option<usize>) -> String {
    let name = printable(&room.room).into_owned();
    let Some(fits) = width.map(|width| width.saturating_sub(BEFORE_NAME).max(8)) else {
        return name;
    };
    if name.chars().count() <= fits {
        return name;
    }
    name.chars().take(fits - 1).chain(['…']).collect()
}

/// Bytes in a unit that makes the number short.
fn bytes(bytes: f64) -> String {
    match bytes {
        0.0..10_000.0 => format!("{bytes:.0} B"),
        10_000.0..10_000_000.0 => format!("{:.0} kB", bytes / 1e3),
        _ => format!("{:.0} MB", bytes / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(name: &str) -> RoomSummary {
        RoomSummary {
            room: name.to_owned(),
            members: 3,
            waiting_events: 1000,
            waiting_bytes: 5,
            is_over: true,
            is_paused: false,
            cpu_ms: 1500.0,
            wait_ms: 20.0,
            sent_bytes: 400_000,
            signals: 1,
            events: 3000,
        }
    }

    #[test]
    fn a_table_has_rates_and_names_that_fit() {
        let calm = RoomSummary {
            is_over: false,
            waiting_events: 0,
            sent_bytes: 10,
            ..room("/a\u{1b}[2J")
        };
        let rooms = vec![room(&"/long".repeat(20)), calm];
        let page = RoomsPage { seconds: 2.0, all_rooms: 7, paused_rooms: 0, rooms };
        let text = print(&page, RoomOrder::Cpu, Some(100), false);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "rooms: 7, paused: 0; use over 2.0 s, by cpu");
        let expected = "  75.0       10.0     200 kB        0.5     1500.0     1000        3  over    /long/long";
        assert!(lines[3].starts_with(expected), "{text}");
        assert!(lines[3].ends_with('…') && lines[3].chars().count() <= 100, "{text}");
        assert!(lines[4].contains("5 B") && !text.contains('\u{1b}'), "{text}");
        let at = lines[2].find("ROOM").expect("a head");
        assert_eq!(at, BEFORE_NAME);
        assert!(lines[4][at..].starts_with("/a"), "{text}");
        assert!(print(&page, RoomOrder::Cpu, None, true).contains("\u{1b}[31m"));
    }
}
