//! What operators see of a server and do with it: metrics and health, the control socket, the states
//! of rooms and what they use, the inspector's page, and stopping it.

pub(crate) mod admin;
pub(crate) mod allocated;
pub(crate) mod backup;
pub(crate) mod control;
pub(crate) mod drain;
pub(crate) mod inspector;
pub(crate) mod metrics;
pub(crate) mod rooms;
pub(crate) mod storage;
pub(crate) mod streams;
pub(crate) mod transports;
