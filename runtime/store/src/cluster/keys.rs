//! The names of keys in Redis.
//!
//! The keys of one room have its name in braces: in a Redis Cluster those would be on one server.

use std::fmt::Write as _;

/// The names of the keys that belong to no room.
pub(crate) struct Keys {
    prefix: String,
    pub(crate) epoch: String,
    /// Who the server is that the epoch belongs to.
    pub(crate) server: String,
    /// Until when each node holds its number.
    pub(crate) leases: String,
    /// The token of each node.
    pub(crate) nodes: String,
    pub(crate) names: String,
    /// How far each number's connection ids are given out.
    pub(crate) ids: String,
    /// The rooms that have state.
    pub(crate) rooms: String,
    pub(crate) totals: String,
    /// The entries that expire.
    pub(crate) expiry: String,
    /// The rooms whose signals no node has, and when the first of each is due.
    pub(crate) due: String,
    /// The rooms whose signals a node has, and until when; and which node.
    pub(crate) leased: String,
    pub(crate) holders: String,
    /// The rooms that have members.
    pub(crate) present: String,
    /// The rooms that have parked signals.
    pub(crate) parked: String,
    /// The next runs of schedules.
    pub(crate) planned: String,
}

/// The names of one room's keys.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RoomKeys {
    /// What is known of the room as a whole, and the channel of its records.
    pub(crate) room: String,
    pub(crate) state: String,
    pub(crate) log: String,
    pub(crate) timers: String,
    pub(crate) members: String,
    pub(crate) signals: String,
    /// The signals that wait, by when they are due.
    pub(crate) queue: String,
    pub(crate) parked: String,
}

impl RoomKeys {
    /// In the order in which scripts take them.
    pub(crate) fn all(&self) -> [&str; 8] {
        let RoomKeys { room, state, log, timers, members, signals, queue, parked } = self;
        [room, state, log, timers, members, signals, queue, parked].map(String::as_str)
    }
}

impl Keys {
    pub(crate) fn new(prefix: &str) -> Keys {
        let key = |name: &str| format!("{prefix}:{name}");
        Keys {
            prefix: prefix.to_owned(),
            epoch: key("epoch"),
            server: key("server"),
            leases: key("leases"),
            nodes: key("nodes"),
            names: key("names"),
            ids: key("ids"),
            rooms: key("rooms"),
            totals: key("totals"),
            expiry: key("expiry"),
            due: key("due"),
            leased: key("leased"),
            holders: key("holders"),
            present: key("present"),
            parked: key("parked"),
            planned: key("planned"),
        }
    }

    pub(crate) fn of_room(&self, room: &str) -> RoomKeys {
        let tagged = format!("{}:{{{}}}", self.prefix, tag(room));
        let key = |name: &str| format!("{tagged}:{name}");
        RoomKeys {
            state: key("s"),
            log: key("l"),
            timers: key("t"),
            members: key("m"),
            signals: key("g"),
            queue: key("q"),
            parked: key("p"),
            room: tagged,
        }
    }

    /// The connections of a node, each with its own room.
    pub(crate) fn connections_of(&self, node: u64) -> String {
        format!("{}:n:{node}", self.prefix)
    }
}

/// The room whose channel this is.
pub(crate) fn room_of_channel(channel: &[u8]) -> Option<String> {
    let channel = std::str::from_utf8(channel).ok()?;
    let (_prefix, tag) = channel.strip_suffix('}')?.split_once('{')?;
    Some(match tag {
        "%" => String::new(),
        tag => tag.replace("%7D", "}").replace("%25", "%"),
    })
}

/// A room's name as Redis takes it between braces: not empty, and without a closing brace.
fn tag(room: &str) -> String {
    if room.is_empty() {
        return "%".to_owned();
    }
    let mut tag = String::with_capacity(room.len());
    for letter in room.chars() {
        match letter {
            '%' | '}' => {
                let _ = write!(tag, "%{:02X}", u32::from(letter));
            }
            _ => tag.push(letter),
        }
    }
    tag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_have_tags_that_differ_and_that_redis_reads_whole() {
        let tags = ["", "%", "}", "a}b", "%7D", "/room/a", "{", "ü"].map(tag);
        assert_eq!(tags, ["%", "%25", "%7D", "a%7Db", "%257D", "/room/a", "{", "ü"]);
        for room in ["", "%", "}", "a}b", "%7D", "/room/a", "{", "ü"] {
            let channel = Keys::new("p").of_room(room).room;
            assert_eq!(room_of_channel(channel.as_bytes()).as_deref(), Some(room));
        }
        let keys = Keys::new("p").of_room("a}b");
        assert_eq!((&*keys.room, &*keys.log), ("p:{a%7Db}", "p:{a%7Db}:l"));
    }
}
