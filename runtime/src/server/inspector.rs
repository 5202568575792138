//! What the inspector of a server keeps between two looks.

use crate::config::inspector::{InspectorAccess, InspectorOptions};
use crate::server::last_build::Shelf;

/// The inspector of a server that has one.
pub(crate) struct Inspector {
    pub(crate) access: InspectorAccess,
    pub(crate) last_build: Shelf,
}

impl Inspector {
    pub(crate) fn new(options: &InspectorOptions) -> Inspector {
        Inspector { access: options.access.clone(), last_build: Shelf::default() }
    }
}
