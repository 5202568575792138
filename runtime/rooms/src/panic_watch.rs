//! Counts panics. Each ends only its own task.

use std::sync::Arc;

use crate::counter::Counter;

/// A task holds this, so that a panic which ends the task is counted.
pub struct PanicWatch(pub Arc<Counter>);

impl Drop for PanicWatch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.add_one();
        }
    }
}
