//! When what an event commits is forced to the disk.

/// When attachments and the state of rooms are forced to the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fsync {
    /// When the system decides: they survive a crash or kill of the process.
    #[default]
    Never,
    /// Before any frame of the same event is sent: they survive the loss of power too.
    Always,
}
