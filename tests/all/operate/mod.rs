//! What an operator sets, sees and needs.

mod bad_artifacts;
mod browser;
mod few_threads;
mod inspected_rooms;
mod inspector;
mod limits;
mod logs;
mod module_cache;
mod observing;
mod settings;
mod shutdown;
mod soak;
mod swap;
mod top;
mod under_attack;
mod variables;
