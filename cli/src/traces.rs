//! Traces on their way to a collector, in a build with the feature `otlp`.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use url::Url;
use zigttp_otlp::exporter::Exporter;
use zigttp_otlp::recorder::Recorder;
use zigttp_runtime::Spans;

/// How long the last traces have to be sent when the server has stopped.
const FLUSH_TIME: Duration = Duration::from_secs(2);

/// Traces on their way to a collector, if there is one.
pub struct Traces {
    recorder: Option<Arc<Recorder>>,
}

impl Traces {
    /// Nobody records them.
    pub fn none() -> Traces {
        Traces { recorder: None }
    }

    /// Begins to export.
    ///
    /// # Errors
    /// When nothing can be exported.
    pub fn start(endpoint: &Url) -> Result<Traces> {
        let (exporter, recorder) = Exporter::new(endpoint, env!("CARGO_PKG_VERSION"))?;
        // Ends with the process.
        tokio::spawn(exporter.run());
        Ok(Traces { recorder: Some(Arc::new(recorder)) })
    }

    /// What records them.
    pub fn spans(&self) -> Spans {
        Spans(self.recorder.clone().map(|recorder| recorder as _))
    }

    /// Sends what is left.
    pub async fn flush(self) {
        if let Some(recorder) = self.recorder
            && tokio::time::timeout(FLUSH_TIME, recorder.flush()).await.is_err()
        {
            tracing::warn!("the last traces were not exported in time");
        }
    }
}
