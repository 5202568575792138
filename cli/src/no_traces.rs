//! In place of [`traces`](crate::traces) in a build without the feature `otlp`, which takes half a minute less.

use anyhow::{Result, bail};
use url::Url;
use zigttp_runtime::Spans;

/// No traces.
pub struct Traces;

impl Traces {
    /// The only ones.
    pub fn none() -> Traces {
        Traces
    }

    /// Says what to build instead.
    ///
    /// # Errors
    /// Always.
    pub fn start(endpoint: &Url) -> Result<Traces> {
        bail!(
            "traces cannot be sent to {endpoint}: this zigttp was built without them\n\
             help: build it with `--features otlp`"
        );
    }

    /// Nobody records them.
    pub fn spans(&self) -> Spans {
        Spans::default()
    }

    /// There are none.
    pub async fn flush(self) {}
}
