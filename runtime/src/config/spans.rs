//! Who records traces.

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use zigttp_rooms::spans::SpanRecorder;

/// Whoever records traces; by default nobody does.
#[derive(Clone, Default)]
pub struct Spans(pub Option<Arc<dyn SpanRecorder>>);

impl Debug for Spans {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_some() { "recorded" } else { "not recorded" })
    }
}
