//! How much memory is in use. Resident memory does not show it: after 3,000 connections have opened and
//! closed, 30 MiB stay resident, of which 25 are free memory that the allocator keeps for later.

/// Bytes that are allocated and not freed, without the linear memories of sandboxes and mapped files. Takes
/// the allocator's locks, so it should not be called often.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) fn bytes() -> usize {
    // SAFETY: it takes no arguments, reads the allocator's counts under its locks, and returns by value.
    #[expect(unsafe_code, reason = "the C library's counts have no safe interface")]
    let info = unsafe { libc::mallinfo2() };
    // In arenas, and in separate mappings.
    info.uordblks.saturating_add(info.hblkhd)
}

/// Unknown.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn bytes() -> usize {
    0
}
