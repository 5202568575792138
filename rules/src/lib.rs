//! What `zigts` has to say about a handler: one file per rule.
//!
//! A rule is a record (its manual page) and a check (a function from facts to findings):
//!
//! ```text
//! HandlerModel ──▶ registry::check ──▶ each Rule::check ──▶ Vec<Diagnostic>
//!  (model.rs)        (registry.rs)      (zts*.rs)            (diagnostic.rs)
//! ```
//!
//! - [`model`]: the handler as plain values, each with its place in the source;
//! - [`rule`]: what a rule is, and the record everything about it is printed from;
//! - [`registry`]: the one list of rules;
//! - [`diagnostic`]: a finding, before anybody decides how to show it;
//! - [`span`]: places in the source.
//!
//! This crate knows no parser, no file and no terminal. Rules do not know each other, and nobody
//! else knows a rule by name: a new one is a file, a row in [`registry`] and a fixture folder.

pub mod diagnostic;
pub mod model;
pub mod registry;
pub mod rule;
pub mod span;
pub mod spelling;

mod zts002_syntax_error;
mod zts037_invalid_import;
mod zts319_no_event_exports;
mod zts320_websocket_import_without_events;
mod zts321_websocket_events_without_import;
mod zts340_source_too_large;
mod zts341_top_level_throws;
mod zts342_top_level_over_budget;
