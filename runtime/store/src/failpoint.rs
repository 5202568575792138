//! Places where a test lets something end that never should.
//!
//! In builds with debug assertions, and in no others, the place named in `ZIGTTP_FAILPOINT` (`name` or
//! `name:count`, to pass it some times before) ends the process, or panics.

/// Dies here if a test wants that.
pub fn reached(name: &str) {
    if is_wanted(name) {
        std::process::abort();
    }
}

/// Panics here if a test wants that, as a bug would.
pub fn panics(name: &str) {
    assert!(!is_wanted(name), "the failpoint {name:?} was reached");
}

#[cfg(debug_assertions)]
#[expect(clippy::disallowed_methods, reason = "a test sets it from outside of the process")]
fn is_wanted(name: &str) -> bool {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU32, Ordering};
    static WANTED: LazyLock<Option<String>> =
        LazyLock::new(|| std::env::var("ZIGTTP_FAILPOINT").ok());
    static PASSED: AtomicU32 = AtomicU32::new(0);

    let Some(wanted) = &*WANTED else { return false };
    let (wanted, count) = wanted.split_once(':').unwrap_or((wanted, "0"));
    wanted == name && PASSED.fetch_add(1, Ordering::Relaxed) == count.parse().unwrap_or(0)
}

/// Nothing, where nobody tests.
#[cfg(not(debug_assertions))]
fn is_wanted(_name: &str) -> bool {
    false
}
