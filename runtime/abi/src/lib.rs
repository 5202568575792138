//! The contract between a `handler.wasm` and whoever builds or serves it, as plain data.
//!
//! - [`api`]: the one table of functions a handler may import from `zigttp:websocket`;
//! - [`events`]: the functions a handler may export;
//! - [`guest`]: names and numbers of the wasm interface between the engine and its host;
//! - [`value`]: the values that cross that interface, and their kinds;
//! - [`connection_id`]: what JavaScript holds as `ws`;
//! - [`state`]: the state of a room, and what an event changes of it;
//! - [`version`]: which of two committed values is the later one;
//! - [`close_code`]: which close codes RFC 6455 lets an endpoint send;
//! - [`manifest`]: the artifact's description of itself;
//! - [`route`]: which paths it serves, and which rooms they name;
//! - [`schedule`]: when the schedules of a manifest are due;
//! - [`number`], [`printable`]: how texts of anybody's making are read as numbers, and shown.
//!
//! A leaf: it depends on no other crate of the project and knows neither JavaScript nor wasm
//! runtimes. Checker, typings, documentation, engine and linker are made from these tables or
//! tested against them, so a function is declared here and nowhere else.

pub mod api;
pub mod close_code;
#[cfg(feature = "host")]
pub mod connection_id;
pub mod events;
pub mod guest;
#[cfg(feature = "manifest")]
pub mod manifest;
pub mod number;
pub mod printable;
#[cfg(feature = "manifest")]
pub mod route;
#[cfg(feature = "manifest")]
pub mod schedule;
#[cfg(feature = "host")]
pub mod state;
pub mod value;
#[cfg(feature = "host")]
pub mod version;
