//! What the durable directory survives.

/// What a committed attachment survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fsync {
    /// A crash or kill of the process.
    #[default]
    Never,
    /// The loss of power as well: files and folder are brought to the disk before any frame of the
    /// same event leaves.
    Always,
}
