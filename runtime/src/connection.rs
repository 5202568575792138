//! One connection on its transport: its frames, whether its client is still there, and its life.

pub(crate) mod lifecycle;
pub(crate) mod liveness;
pub(crate) mod socket;
