//! Who may look at the inspector, and how much it keeps.

use crate::config::token::AdminToken;

/// Options of the inspector.
#[derive(Clone, Debug)]
pub struct InspectorOptions {
    /// Who may look.
    pub access: InspectorAccess,
    /// Events that are kept for whoever looks; older ones give way.
    pub max_events: usize,
}

impl InspectorOptions {
    /// Events that are kept unless something else is said.
    pub const DEFAULT_MAX_EVENTS: usize = 1000;
}

/// Who may look.
#[derive(Clone, Debug)]
pub enum InspectorAccess {
    /// Whoever is on this machine: for a server that answers nobody else
    /// ([`Config::loopback_only`](crate::Config::loopback_only)).
    ThisMachine,
    /// Whoever has the token.
    Token(AdminToken),
}
