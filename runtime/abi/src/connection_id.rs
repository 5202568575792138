//! Ids of connections.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};

/// Names one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(u64);

impl ConnectionId {
    /// The id with this number, as guests and file names hold it.
    pub const fn from_number(number: u64) -> ConnectionId {
        ConnectionId(number)
    }

    /// The number guests and file names hold.
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Something of each connection.
pub type ById<T> = HashMap<ConnectionId, T, BuildHasherDefault<IdHasher>>;

/// Hashes an id with one multiplication. Ids are numbered by this server, so no client can choose
/// ones that collide: what std's hasher is slow for.
#[derive(Default)]
pub struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write_u64(&mut self, number: u64) {
        // The golden ratio's bits spread neighbours (Knuth, TAOCP 6.4). hashbrown takes the bucket
        // from the low bits and a tag from the high ones.
        self.0 = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("an id is a u64");
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
