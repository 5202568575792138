//! Sends traces to a collector of OpenTelemetry: OTLP over HTTP, in protobuf.
//!
//! ```text
//!     recorder ── takes spans from events, without waiting: over the bound they are dropped and counted
//!        │
//!     exporter ── batches of them, as OpenTelemetry names things (span_data), to the collector
//! ```
//!
//! The crates of OpenTelemetry make the protobuf and read the variables that their specification names for
//! headers and for the description of this program; the requests are made by `zigttp-outbound`.

pub mod error;
pub mod exporter;
pub mod recorder;

mod client;
mod span_data;
