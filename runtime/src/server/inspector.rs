//! The state of a server's inspector.

use crate::config::inspector::{InspectorAccess, InspectorOptions};
use crate::server::last_build::Builds;

/// The state of a server's inspector.
pub(crate) struct Inspector {
    pub(crate) access: InspectorAccess,
    pub(crate) builds: Builds,
}

impl Inspector {
    pub(crate) fn new(options: &InspectorOptions) -> Inspector {
        Inspector { access: options.access.clone(), builds: Builds::default() }
    }
}
