//! Whoever is told of every event in full: what it does, its lines of `console`, and how it ends. For tests.

use zigttp_abi::guest::LogLevel;
use zigttp_sandbox::event::{Event, Response};
use zigttp_sandbox::event_state::EventState;
use zigttp_sandbox::failure::Failure;
use zigttp_sandbox::journal::Journal;
use zigttp_sandbox::source_position::SourceMaps;

use crate::world::World;

/// Is told of every event.
pub trait Witness: Send + Sync + 'static {
    /// An event begins. Returns the journal with its random numbers, or `None`: chance decides.
    fn begins(&self, event: &Event) -> Option<Journal>;

    /// An event has returned, and its effects are about to be committed. Returns a number for [`Witness::ended`].
    fn returned(&self, state: &EventState<World>, response: Option<&Response>) -> u64;

    /// An event has ended; without a number it has not returned. With a failure nothing of it has taken effect.
    fn ended(
        &self,
        returned: Option<u64>,
        event: &Event,
        lines: &[(LogLevel, String)],
        failure: Option<&Failure>,
        maps: &SourceMaps,
    );
}
