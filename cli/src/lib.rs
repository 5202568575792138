//! The two programs: `zigts` compiles a handler, `zigttp` serves it.
//!
//! Here arguments, files, terminals and exit codes are known, and nothing else: a command reads
//! what the user named, hands it to the compiler or the runtime, and shows what comes back.
//!
//! - [`commands`]: one file per subcommand;
//! - [`exit`]: what a command comes to, and the only place that knows exit codes;
//! - [`show`]: diagnostics and remarks on a terminal;
//! - [`description`]: what a manifest says of a handler, for people and for programs;
//! - [`template`]: what a new project begins with;
//! - [`handler_file`], [`overlay`]: a handler on a disk, as the compiler wants it, and texts that
//!   stand in for files;
//! - [`checking`]: several handlers, found in folders and checked side by side;
//! - [`lsp`]: a language server over the same;
//! - [`lint_options`]: what is to be an error, as flags;
//! - [`artifact`], [`reload`], [`watch`]: what a server serves, and when it is to serve it anew;
//! - [`signals`]: what the operator tells a server, from its start on;
//! - [`dev`]: a handler that is being worked on: built, served, and built again when it changes;
//! - [`building`], [`compilation`]: the compiler's engine, ready to build, and what it makes of a handler;
//! - [`server_options`], [`tls_options`], [`admin_options`], [`inspector_options`], [`variables`], [`changed_options`]: the
//!   options of a server as flags and environment variables, and which of them are not as by default;
//! - [`logging`], [`log_limit`], [`output`]: how a server writes its log, how much of it, and why it never
//!   waits for whoever reads it;
//! - [`user_file`]: writes what the user names, be it a file, a link, a pipe or a device;
//! - [`cache`]: where compiled modules are kept between runs;
//! - [`panic_hook`]: what a user sees of a bug of ours.

pub mod admin_options;
pub mod artifact;
pub mod building;
pub mod cache;
pub mod changed_options;
pub mod checking;
mod choices;
pub mod commands;
pub mod compilation;
mod defaults;
pub mod description;
pub mod dev;
pub mod exit;
pub mod handler_file;
pub mod inspector_options;
pub mod lint_options;
pub mod log_limit;
pub mod logging;
pub mod lsp;
pub mod output;
pub mod overlay;
pub mod panic_hook;
pub mod port_option;
pub mod reload;
pub mod server_options;
pub mod show;
pub mod signals;
pub mod template;
pub mod tls_options;
pub mod user_file;
mod values;
pub mod variables;
pub mod watch;
