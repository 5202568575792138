//! Who may use the inspector, and how many events it keeps.

use crate::config::token::AdminToken;

/// Options of the inspector.
#[derive(Clone, Debug)]
pub struct InspectorOptions {
    /// Who may use it.
    pub access: InspectorAccess,
    /// Most events that it keeps; the oldest is dropped for a new one.
    pub max_events: usize,
}

impl InspectorOptions {
    /// The default of `max_events`.
    pub const DEFAULT_MAX_EVENTS: usize = 1000;
}

/// Who may use the inspector.
#[derive(Clone, Debug)]
pub enum InspectorAccess {
    /// Everyone on this machine: for a server that accepts no other requests
    /// ([`Config::loopback_only`](crate::Config::loopback_only)).
    ThisMachine,
    /// Clients with the token.
    Token(AdminToken),
}
