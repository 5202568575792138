//! Places where a test lets the process die.
//!
//! In builds with debug assertions, and in no others, the process aborts when it reaches the place
//! named in `ZIGTTP_FAILPOINT` (`name` or `name:count`, to pass it some times before).

/// Dies here if a test wants that.
#[cfg(debug_assertions)]
pub(crate) fn reached(name: &str) {
    use std::sync::atomic::{AtomicU32, Ordering};
    static PASSED: AtomicU32 = AtomicU32::new(0);

    let Ok(wanted) = std::env::var("ZIGTTP_FAILPOINT") else { return };
    let (wanted, count) = wanted.split_once(':').unwrap_or((&wanted, "0"));
    if wanted == name && PASSED.fetch_add(1, Ordering::Relaxed) == count.parse().unwrap_or(0) {
        std::process::abort();
    }
}

/// Nothing, where nobody tests.
#[cfg(not(debug_assertions))]
pub(crate) fn reached(_name: &str) {}
