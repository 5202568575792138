//! Options of traces, which go to a collector of OpenTelemetry. A build without the feature `otlp` has none.

use anyhow::Result;
use clap::Args;
use zigttp_runtime::Spans;

#[cfg(feature = "otlp")]
use {crate::admin_options::OBSERVING, std::sync::Arc, url::Url};
#[cfg(feature = "otlp")]
use {zigttp_otlp::exporter::Exporter, zigttp_otlp::recorder::Recorder};

/// How long the last traces have to be sent when the server has stopped.
#[cfg(feature = "otlp")]
const FLUSH_TIME: std::time::Duration = std::time::Duration::from_secs(2);

/// Where traces go.
#[derive(Args)]
pub struct OtlpOptions {
    // Not a doc comment: rustdoc would make links of the URL.
    #[cfg(feature = "otlp")]
    #[arg(
        long,
        env,
        help = "Send traces of events, their requests and their commits to this collector of OpenTelemetry",
        long_help = "Send traces of events, their requests and their commits to this collector of OpenTelemetry: OTLP \
                     over HTTP, such as http://localhost:4318. The variables OTEL_EXPORTER_OTLP_HEADERS, \
                     OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES count.",
        value_name = "URL",
        value_parser = endpoint,
        help_heading = OBSERVING
    )]
    otlp_endpoint: Option<Url>,
}

/// Traces on their way to a collector, if there is one.
pub struct Traces {
    #[cfg(feature = "otlp")]
    recorder: Option<Arc<Recorder>>,
}

#[cfg(feature = "otlp")]
impl OtlpOptions {
    /// Begins to export.
    ///
    /// # Errors
    /// When nothing can be exported.
    pub fn start(self) -> Result<Traces> {
        let Some(endpoint) = self.otlp_endpoint else { return Ok(Traces { recorder: None }) };
        let (exporter, recorder) = Exporter::new(&endpoint, env!("CARGO_PKG_VERSION"))?;
        // Ends with the process.
        tokio::spawn(exporter.run());
        Ok(Traces { recorder: Some(Arc::new(recorder)) })
    }
}

#[cfg(feature = "otlp")]
impl Traces {
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

#[cfg(feature = "otlp")]
fn endpoint(text: &str) -> Result<Url, &'static str> {
    let is_endpoint = |url: &Url| {
        matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
    };
    text.parse().ok().filter(is_endpoint).ok_or("write a collector as http://localhost:4318")
}

#[cfg(not(feature = "otlp"))]
impl OtlpOptions {
    /// There are no traces.
    ///
    /// # Errors
    /// None.
    pub fn start(self) -> Result<Traces> {
        Ok(Traces {})
    }
}

#[cfg(not(feature = "otlp"))]
impl Traces {
    /// Nobody records them.
    pub fn spans(&self) -> Spans {
        Spans::default()
    }

    /// There are none.
    pub async fn flush(self) {}
}
