//! All that running events needs. How they run is in `dispatch`, `execution` and `waiting`.

use std::sync::Arc;

use zigttp_recording::recorder::Recorder;
use zigttp_recording::shadow::Shadow;
use zigttp_sandbox::error::LoadError;
use zigttp_sandbox::sandbox::Sandbox;
use zigttp_sandbox::stripes::Stripes;

use crate::handlers::Handlers;
use crate::hub::{Hub, WorkersHub};
use crate::limits::{OnError, WaitLimits};
use crate::observer::Observer;
use crate::outside::Outside;
use crate::rooms::TurnLimits;
use crate::slots::Slots;
use crate::spans::SpanRecorder;
use crate::witness::Witness;
use crate::world::World;

/// All that running events needs: a sandbox, a handler, and the connections.
pub struct Dispatcher {
    /// Several may have one: those of tests.
    pub sandbox: Arc<Sandbox<World>>,
    pub handlers: Handlers,
    pub slots: Slots,
    pub hub: Arc<Hub>,
    /// The same for the events of each worker.
    pub hubs: Stripes<Arc<WorkersHub>>,
    /// What happens to a connection when one of its events throws.
    pub on_error: OnError,
    /// Records events for the inspector, if there is one.
    pub observer: Option<Observer>,
    /// Records events on disk, if they are to be.
    pub recorder: Option<Arc<Recorder>>,
    /// Runs events on another handler too, if there is one.
    pub shadow: Option<Arc<Shadow>>,
    pub turn_limits: TurnLimits,
    /// Is told of events in full, if anybody is.
    pub witness: Option<Arc<dyn Witness>>,
    /// Records traces, if there are to be any.
    pub spans: Option<Arc<dyn SpanRecorder>>,
    /// Makes the requests of events.
    pub outside: Arc<dyn Outside>,
    pub wait_limits: WaitLimits,
}

impl Dispatcher {
    /// Compiles an artifact and runs new events on it; no connection closes.
    ///
    /// # Errors
    /// When the artifact cannot be loaded; the old handler stays in use.
    pub fn swap(&self, artifact: &[u8]) -> Result<(), LoadError> {
        self.handlers.swap(&self.sandbox, artifact)?;
        self.hub.counters.swaps.add_one();
        Ok(())
    }
}
