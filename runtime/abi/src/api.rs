//! The functions of the built-in modules.
//!
//! One row is one function. Types are written as TypeScript; `zigttp.d.ts`, the documentation
//! table and the checker's knowledge of imports are printed from here.

mod durable;
mod env;
mod function;
mod state;
mod websocket;

pub use function::{ApiFunction, Effect, Module, Parameter};

impl Module {
    /// Its functions, in the order the documentation shows them.
    pub const fn functions(self) -> &'static [ApiFunction] {
        match self {
            Module::Websocket => websocket::FUNCTIONS,
            Module::Storage => state::STORAGE,
            Module::Memory => state::MEMORY,
            Module::Durable => durable::FUNCTIONS,
            Module::Env => env::FUNCTIONS,
        }
    }

    /// Looks a function up by its JavaScript name.
    pub fn find(self, name: &str) -> Option<&'static ApiFunction> {
        self.functions().iter().find(|function| function.name == name)
    }
}

/// Most bytes of an auto-response's request or response.
pub const MAX_AUTO_RESPONSE_BYTES: usize = 2048;

/// The longest key of a room's state, in bytes of UTF-8.
pub const MAX_KEY_BYTES: usize = 512;

/// The longest name of a room that has state or that a connection joins, in bytes of UTF-8.
pub const MAX_ROOM_BYTES: usize = 1024;

/// Most rooms that `listRooms` lists.
pub const MAX_LISTED_ROOMS: usize = 1000;

/// Most bytes of the data of a signal.
pub const MAX_SIGNAL_BYTES: usize = 16 << 10;

/// The earliest time of a timer, in milliseconds since 1970: an earlier one is a delay by mistake.
pub const EARLIEST_TIME: f64 = 1e11;

/// The longest period of a timer, in milliseconds: a longer one is a time by mistake.
pub const LONGEST_PERIOD: f64 = 366.0 * 24.0 * 3600.0 * 1000.0;

/// Every function of every module.
pub fn functions() -> impl Iterator<Item = &'static ApiFunction> {
    Module::ALL.into_iter().flat_map(Module::functions)
}

/// Looks a function up by its [`ApiFunction::path`].
pub fn find(path: &str) -> Option<&'static ApiFunction> {
    functions().find(|function| function.path == path)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn paths_and_imports_are_unique() {
        let paths: BTreeSet<_> = functions().map(|function| function.path).collect();
        let imports = || functions().filter_map(|function| function.import);
        assert_eq!(paths.len(), functions().count());
        assert_eq!(imports().collect::<BTreeSet<_>>().len(), imports().count());
        assert!(functions().all(|function| find(function.path).is_some()));
    }
}
