//! Who asks for the turn of a room.

/// Who asks for a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// An event of a connection. It was read and is never refused, so it waits until a pause ends.
    Connection,
    /// A client that can be told to come back, unless so many wait already.
    Client { max_waits: usize },
    /// A signal, which is stored and can come later.
    Signal,
    /// A piece of a stream. It waits until a pause ends, and the other server with it.
    Stream,
    /// An operator, who gets the turn of a paused room too.
    Operator,
}
