//! When attachments are forced to the disk.

/// When attachments are forced to the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fsync {
    /// When the system decides: attachments survive a crash or kill of the process.
    #[default]
    Never,
    /// Before any frame of the same event is sent: attachments survive the loss of power too.
    Always,
}
