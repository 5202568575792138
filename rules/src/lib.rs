//! What `zigts` checks in a handler: one file per rule.
//!
//! A rule is a record (its manual page) and a check (a function from facts to diagnostics):
//!
//! ```text
//! HandlerModel ──▶ registry::check ──▶ each Rule::check ──▶ Vec<Diagnostic>
//!  (model.rs)        (registry.rs)      (zts*.rs)            (diagnostic.rs)
//! ```
//!
//! - [`model`], [`import`]: the handler as plain values, each with its span in the source;
//! - [`code`], [`resolve`]: what its functions do, and what names and expressions mean;
//! - [`effects`]: the effects of its functions, directly or through others;
//! - [`rule`], [`record`]: what a rule is, and the record everything about it is printed from;
//! - [`registry`]: the one list of rules;
//! - [`diagnostic`]: what a rule reports, independent of how it is shown;
//! - [`settings`]: the settings that a handler reads;
//! - [`levels`]: the caller's settings for rules;
//! - [`printable`]: escapes text for a terminal;
//! - [`signature`]: functions and events as a line of TypeScript;
//! - [`span`]: ranges of the source.
//!
//! This crate knows no parser, no file and no terminal. Rules do not know each other, and no other code
//! knows a rule by name: a new one is a file, a row in [`registry`] and a fixture folder.

pub use zigttp_abi::printable;

mod annotation;
mod call_path;
pub mod code;
mod connection_members;
mod container;
mod container_kinds;
pub mod diagnostic;
pub mod effects;
mod entry_uses;
mod event_containers;
mod event_parameters;
mod first_access;
mod foreign_events;
pub mod globals;
mod host_values;
mod hosts;
pub mod import;
mod import_chain;
mod import_edit;
pub mod levels;
mod listed;
mod literals;
mod memo;
mod mistaken_exports;
pub mod model;
mod module_state;
mod own_room;
mod places;
mod protocol_literals;
mod receiving_event;
pub mod record;
pub mod registry;
pub mod resolve;
mod route_literals;
pub mod rule;
mod schedule_literals;
mod secrets;
pub mod settings;
pub mod signature;
pub mod span;
pub mod spelling;
mod storable;
pub mod suppression;
mod undeclared;
mod waiting;

mod zts002_syntax_error;
mod zts037_invalid_import;
mod zts038_package_needs_module;
mod zts039_package_needs_global;
mod zts306_unused_import;
mod zts310_module_scope_mutation;
mod zts319_no_event_exports;
mod zts320_websocket_import_without_events;
mod zts321_websocket_events_without_import;
mod zts322_event_export_not_function;
mod zts323_misspelled_event_export;
mod zts324_reserved_close_code;
mod zts325_close_reason_too_long;
mod zts326_unstorable_value;
mod zts327_unknown_room_param;
mod zts328_invalid_route;
mod zts329_unavailable_global;
mod zts330_top_level_effect;
mod zts331_build_time_value;
mod zts332_quadratic_broadcast;
mod zts333_invalid_protocols;
mod zts334_request_without_routes;
mod zts335_wrong_argument_count;
mod zts336_foreign_event_export;
mod zts337_wrong_event_result;
mod zts338_invalid_schedule;
mod zts339_connection_member;
mod zts340_source_too_large;
mod zts341_top_level_throws;
mod zts342_top_level_over_budget;
mod zts343_misleading_event_parameter;
mod zts344_wrong_argument_kind;
mod zts345_missing_member;
mod zts346_undeclared_name;
mod zts350_signal_without_event;
mod zts351_write_to_other_room;
mod zts352_list_without_limit;
mod zts353_write_without_room;
mod zts354_schedule_without_event;
mod zts355_unprefixed_room;
mod zts356_stream_without_event;
mod zts360_top_level_setting;
mod zts361_secret_in_source;
mod zts370_dropped_timer;
mod zts371_never_settled;
mod zts372_effect_before_fetch;
mod zts373_unawaited_fetch;
mod zts374_promise_as_condition;
mod zts503_effects_undeclared;
mod zts504_unknown_effect;
mod zts505_effects_over_declared;
mod zts900_unused_suppression;
