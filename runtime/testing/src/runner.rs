//! The sandboxes in which handlers and tests run, made once for all tests.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use zigttp_rooms::world::World;
use zigttp_runtime::{Config, LoadError, SandboxError, offline};
use zigttp_sandbox::app::App;
use zigttp_sandbox::counters::Counters;
use zigttp_sandbox::limits::{Isolation, Limits};
use zigttp_sandbox::sandbox::Sandbox;

use crate::guest::Guest;

/// CPU time of one test, without that of the handler's events. One that takes longer does not end.
const TEST_CPU: Duration = Duration::from_secs(5);

/// Memory of one test.
const TEST_MEMORY: usize = 64 << 20;

/// Events of a world that run at the same time. One runs at a time, but for those that are suspended while they compute.
const EVENTS_OF_A_WORLD: usize = 16;

/// Runs tests.
pub struct Runner {
    /// The limits of `zigttp run`, but for the number of events.
    pub(crate) config: Arc<Config>,
    pub(crate) handlers: Arc<Sandbox<World>>,
    pub(crate) guests: Sandbox<Guest>,
}

/// A handler that tests can be run on.
#[derive(Clone)]
pub struct TestedHandler(pub Arc<App<World>>);

impl TestedHandler {
    /// What its events have counted so far, over all tests; nothing unless it was loaded to count.
    pub fn counted(&self) -> Vec<u64> {
        self.0.program.counters().map(Counters::sums).unwrap_or_default()
    }
}

impl Runner {
    /// Makes the sandboxes for so many tests at a time. Compiled modules are kept in the folder.
    ///
    /// # Errors
    /// When the machine lacks something that they need.
    pub fn new(tests: usize, cache_dir: Option<PathBuf>) -> Result<Runner, SandboxError> {
        let config = Config {
            max_events: EVENTS_OF_A_WORLD * tests,
            cache_dir: cache_dir.clone(),
            ..Config::default()
        };
        let handlers = Arc::new(offline::sandbox(&config)?);
        let guests = Sandbox::of_tests(Limits {
            max_events: tests,
            memory: TEST_MEMORY,
            cpu: TEST_CPU,
            isolation: Isolation::Restore,
            verify_restore: None,
            cache_dir,
        })?;
        let config = Arc::new(Config { max_events: EVENTS_OF_A_WORLD, ..config });
        Ok(Runner { config, handlers, guests })
    }

    /// Loads the artifact of a handler.
    ///
    /// # Errors
    /// When a server could not run it.
    pub fn load_handler(&self, artifact: &[u8]) -> Result<TestedHandler, LoadError> {
        App::load(&self.handlers, artifact).map(|app| TestedHandler(Arc::new(app)))
    }

    /// Loads the artifact of a handler that was built to count, with the address of its counters, and with what each of
    /// them is when an event begins.
    ///
    /// # Errors
    /// When a server could not run it.
    pub fn load_counting_handler(
        &self,
        artifact: &[u8],
        address: u32,
        at_build: Vec<u32>,
    ) -> Result<TestedHandler, LoadError> {
        let mut app = App::load(&self.handlers, artifact)?;
        app.program.count(Counters::new(address, at_build));
        Ok(TestedHandler(Arc::new(app)))
    }
}
