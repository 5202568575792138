//! The two programs: `zigts` compiles a handler, `zigttp` serves it.
//!
//! Only this crate knows arguments, files, terminals and exit codes: a command reads what the user named,
//! passes it to the compiler or the runtime, and shows the result.
//!
//! - [`commands`]: one file per subcommand;
//! - [`exit`]: exit codes, which only this module knows;
//! - [`show`]: diagnostics and remarks on a terminal;
//! - [`description`]: a handler's manifest, for people and for programs;
//! - [`template`]: the files of a new project;
//! - [`handler_file`], [`overlay`]: a handler on a disk, as the compiler reads it, and texts that are used
//!   instead of files;
//! - [`checking`]: several handlers, found in folders and checked in parallel;
//! - [`lsp`]: a language server over the same;
//! - [`lint_options`]: which rules are errors, as flags;
//! - [`artifact`], [`reload`], [`watch`]: what a server serves, and when it is loaded again;
//! - [`signals`]: the signals that a server handles, from its start on;
//! - [`dev`]: a handler under development: built, served, and built again when it changes;
//! - [`testing`]: the tests of handlers: found, built, run, and told of;
//! - [`building`], [`compilation`]: the compiler's engine, ready to build, and what it makes of a handler;
//! - [`env_options`], [`dotenv`]: the settings that a handler reads, as flags and in files;
//! - [`server_options`], [`tls_options`], [`admin_options`], [`inspector_options`], [`variables`], [`changed_options`]: the
//!   options of a server as flags and environment variables, and which of them have been changed;
//! - [`logging`], [`log_limit`], [`output`]: how a server writes its log, how much of it, and why it never
//!   waits for its reader;
//! - [`traces`]: traces on their way to a collector, or none in a build without the feature `otlp`;
//! - `typescript`: the project's own `tsc`, run beside the rules;
//! - [`user_file`]: writes to what the user names: a file, a link, a pipe or a device;
//! - [`control`]: requests to a running server, through its control socket;
//! - [`value_output`]: what handlers have stored, shown to an operator;
//! - [`cache`]: where compiled modules are kept between runs;
//! - [`panic_hook`]: what a user sees when a program has a bug.

pub mod admin_options;
pub mod artifact;
pub mod building;
pub mod cache;
pub mod changed_options;
pub mod checking;
mod choices;
pub mod commands;
pub mod compilation;
pub mod control;
mod defaults;
pub mod description;
pub mod dev;
pub mod dotenv;
pub mod env_options;
pub mod exit;
pub mod grant_options;
pub mod handler_file;
pub mod inspector_options;
pub mod lint_options;
pub mod log_limit;
pub mod logging;
pub mod lsp;
pub mod node_packages;
pub mod otlp_options;
pub mod output;
pub mod overlay;
pub mod package_costs;
pub mod panic_hook;
pub mod port_option;
pub mod reload;
pub mod server_options;
pub mod show;
pub mod signals;
pub mod template;
pub mod testing;
pub mod tls_options;
#[cfg(feature = "otlp")]
pub mod traces;
#[cfg(not(feature = "otlp"))]
#[path = "no_traces.rs"]
pub mod traces;
mod typescript;
pub mod user_file;
pub mod value_output;
mod values;
pub mod variables;
pub mod watch;
