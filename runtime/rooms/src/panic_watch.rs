//! A panic ends its own task alone, and is counted.

use std::sync::Arc;

use crate::counter::Counter;

/// Held by a task: counts it if a panic ends it.
pub struct PanicWatch(pub Arc<Counter>);

impl Drop for PanicWatch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.add_one();
        }
    }
}
