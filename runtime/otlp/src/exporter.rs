//! Exports spans to a collector, in batches.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use opentelemetry::{InstrumentationScope, Key};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanExporter as _;
use tokio::sync::mpsc;
use tokio::time::timeout;
use url::Url;
use zigttp_rooms::spans::Span;

use crate::client::CollectorClient;
use crate::error::ExporterError;
use crate::recorder::{Counts, Message, Recorder};
use crate::span_data::span_data;

/// Most spans of a batch.
const BATCH: usize = 512;

/// How long a batch waits for more.
const GATHER_TIME: Duration = Duration::from_secs(1);

/// The path of a collector for traces (OTLP/HTTP).
const TRACES: &str = "v1/traces";

/// Exports what a recorder takes.
pub struct Exporter {
    exporter: SpanExporter,
    scope: InstrumentationScope,
    messages: mpsc::Receiver<Message>,
    counts: Arc<Counts>,
    is_failing: bool,
}

impl Exporter {
    /// An exporter to the collector at this URL, and what takes its spans.
    ///
    /// # Errors
    /// When the URL cannot be called, no certificate could be checked, or a variable of OpenTelemetry says
    /// something that cannot be.
    pub fn new(
        endpoint: &Url,
        version: &'static str,
    ) -> Result<(Exporter, Recorder), ExporterError> {
        let client = CollectorClient::of(endpoint)?;
        let mut exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(traces_url(endpoint))
            .build()
            .map_err(|error| ExporterError(error.to_string()))?;
        exporter.set_resource(&resource(version));
        let scope = InstrumentationScope::builder("zigttp").with_version(version).build();
        let counts = Arc::<Counts>::default();
        let (recorder, messages) = Recorder::new(Arc::clone(&counts));
        Ok((Exporter { exporter, scope, messages, counts, is_failing: false }, recorder))
    }

    /// Exports until the recorder is gone.
    pub async fn run(mut self) {
        let mut is_open = true;
        while is_open {
            let mut batch = Vec::new();
            let mut flushed = None;
            while batch.len() < BATCH && flushed.is_none() {
                let next = self.messages.recv();
                let message = if batch.is_empty() {
                    next.await
                } else {
                    match timeout(GATHER_TIME, next).await {
                        Ok(message) => message,
                        Err(_elapsed) => break,
                    }
                };
                match message {
                    Some(Message::Span(span)) => batch.push(*span),
                    Some(Message::Flush(done)) => flushed = Some(done),
                    None => {
                        is_open = false;
                        break;
                    }
                }
            }
            self.export(batch).await;
            if let Some(done) = flushed {
                // Whoever waited may have gone.
                let _gone = done.send(());
            }
        }
    }

    async fn export(&mut self, batch: Vec<Span>) {
        if batch.is_empty() {
            return;
        }
        let count = batch.len() as u64;
        let batch = batch.into_iter().map(|span| span_data(span, &self.scope)).collect();
        match self.exporter.export(batch).await {
            Ok(()) => {
                self.counts.exported.fetch_add(count, Ordering::Relaxed);
                if std::mem::take(&mut self.is_failing) {
                    tracing::info!("traces are exported again");
                }
            }
            Err(error) => {
                self.counts.failed.fetch_add(count, Ordering::Relaxed);
                if !std::mem::replace(&mut self.is_failing, true) {
                    tracing::warn!(%error, "cannot export traces; further failures are counted");
                }
            }
        }
    }
}

/// The collector's URL for traces: `http://collector:4318` is its base, as in other programs.
fn traces_url(endpoint: &Url) -> String {
    let base = endpoint.as_str().trim_end_matches('/');
    if base.ends_with(TRACES) { base.to_owned() } else { format!("{base}/{TRACES}") }
}

/// What is said of this program, by `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` first of all.
fn resource(version: &'static str) -> Resource {
    let name = Key::new("service.name");
    let detected = Resource::builder().build();
    let is_named =
        detected.get(&name).is_some_and(|value| !value.as_str().starts_with("unknown_service"));
    let builder = Resource::builder()
        .with_attribute(opentelemetry::KeyValue::new("service.version", version));
    if is_named { builder.build() } else { builder.with_service_name("zigttp").build() }
}

#[cfg(test)]
mod tests {
    use super::traces_url;

    #[test]
    fn the_endpoint_is_the_base_of_a_collector_or_its_url_for_traces() {
        for (endpoint, expected) in [
            ("http://localhost:4318", "http://localhost:4318/v1/traces"),
            ("http://localhost:4318/", "http://localhost:4318/v1/traces"),
            ("https://otel.example/tenant", "https://otel.example/tenant/v1/traces"),
            ("https://otel.example/v1/traces", "https://otel.example/v1/traces"),
        ] {
            assert_eq!(traces_url(&endpoint.parse().expect("a URL")), expected);
        }
    }
}
