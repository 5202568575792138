//! One connection on its transport: its frames, whether its client still responds, and its life cycle.

pub(crate) mod event_stream;
pub(crate) mod lifecycle;
pub(crate) mod liveness;
pub(crate) mod socket;
