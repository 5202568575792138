//! Points in the code where a test makes the process end or panic.
//!
//! Only in builds with debug assertions, the point that `ZIGTTP_FAILPOINT` names does so (`name`, or
//! `name:count` to skip it `count` times first).

/// Aborts the process here if a test asks for it.
pub fn reached(name: &str) {
    if is_wanted(name) {
        std::process::abort();
    }
}

/// Panics here, as a bug would, if a test asks for it.
pub fn panics(name: &str) {
    assert!(!is_wanted(name), "the failpoint {name:?} was reached");
}

#[cfg(debug_assertions)]
#[expect(clippy::disallowed_methods, reason = "a test sets it from outside the process")]
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

/// Does nothing in release builds.
#[cfg(not(debug_assertions))]
fn is_wanted(_name: &str) -> bool {
    false
}
