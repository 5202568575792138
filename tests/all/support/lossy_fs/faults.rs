//! Counts the changes of a disk, and fails them on demand.

use fuser::Errno;

#[derive(Default)]
pub(super) struct Faults {
    changes: u64,
    failing: Option<Failing>,
}

struct Failing {
    /// The number of the first change that fails.
    first: u64,
    error: Errno,
    failed: u64,
}

impl Faults {
    /// From the n-th change on, counted from now and from 1, all fail.
    pub(super) fn start(&mut self, after: u64, error: rustix::io::Errno) {
        let error = Errno::from_i32(error.raw_os_error());
        self.failing = Some(Failing { first: self.changes + after, error, failed: 0 });
    }

    /// Returns how many changes have failed.
    pub(super) fn stop(&mut self) -> u64 {
        self.failing.take().map_or(0, |failing| failing.failed)
    }

    /// Counts a change.
    ///
    /// # Errors
    /// When it is to fail.
    pub(super) fn count(&mut self) -> Result<(), Errno> {
        self.changes += 1;
        match &mut self.failing {
            Some(failing) if self.changes >= failing.first => {
                failing.failed += 1;
                Err(failing.error)
            }
            _ => Ok(()),
        }
    }
}
