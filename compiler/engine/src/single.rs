//! What one thread sees alone.

/// Something that only the one thread of the guest sees.
#[repr(transparent)]
pub(crate) struct SingleThreaded<T>(pub(crate) T);

// SAFETY: wasm32-wasip1 has one thread, and the guest imports nothing that could make a second.
unsafe impl<T> Sync for SingleThreaded<T> {}
