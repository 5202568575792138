//! Options of traces, which go to a collector of OpenTelemetry.

use anyhow::Result;
use clap::Args;
use url::Url;

use crate::admin_options::OBSERVING;
use crate::traces::Traces;

/// Where traces go.
#[derive(Args)]
pub struct OtlpOptions {
    // Not a doc comment: rustdoc would make links of the URL.
    #[arg(
        long,
        env,
        help = "Send traces of events, their requests and their commits to this collector of OpenTelemetry",
        long_help = "Send traces of events, their requests and their commits to this collector of OpenTelemetry: OTLP \
                     over HTTP, such as http://localhost:4318. The variables OTEL_EXPORTER_OTLP_HEADERS, \
                     OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES count. For a build with the feature otlp.",
        value_name = "URL",
        value_parser = endpoint,
        help_heading = OBSERVING
    )]
    otlp_endpoint: Option<Url>,
}

impl OtlpOptions {
    /// Begins to export.
    ///
    /// # Errors
    /// When nothing can be exported.
    pub fn start(self) -> Result<Traces> {
        self.otlp_endpoint.map_or_else(|| Ok(Traces::none()), |endpoint| Traces::start(&endpoint))
    }
}

fn endpoint(text: &str) -> Result<Url, &'static str> {
    let is_endpoint = |url: &Url| {
        matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
    };
    text.parse().ok().filter(is_endpoint).ok_or("write a collector as http://localhost:4318")
}
