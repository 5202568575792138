//! Plans the runs of the current handler's schedules.
//!
//! Each schedule has one run that waits: a row beside the signals, which its event replaces by the next one. So a run
//! that is missed while the server is down is due when it comes back, once, and what a crash interrupts is run again.

use std::sync::Arc;

use zigttp_abi::manifest::Schedule;
use zigttp_abi::schedule::Cron;
use zigttp_store::state::error::CommitStateError;
use zigttp_store::state::signals::PlannedSchedule;

use crate::hub::Hub;

/// Plans the first run of each schedule that has none, after now, and removes the runs of all other schedules.
///
/// # Errors
/// When the store cannot take them.
pub(crate) async fn plan(hub: &Hub, schedules: &[Schedule]) -> Result<(), CommitStateError> {
    let now = hub.clock.unix_millis();
    let planned = |Schedule { cron, room, name }: &Schedule| {
        Some(PlannedSchedule {
            room: Arc::from(&**room),
            name: name.as_str().into(),
            cron: cron.as_str().into(),
            // Checked when the artifact was loaded.
            first: Cron::parse(cron).ok()?.next_after(now)?,
        })
    };
    hub.states.storage.plan(schedules.iter().filter_map(planned).collect(), now).await
}

/// Of a run that was due at `scheduled`: how many more were due until now, and when the next one is.
pub(crate) fn after(cron: &str, scheduled: u64, now: u64) -> (u64, Option<u64>) {
    let Ok(cron) = Cron::parse(cron) else { return (0, None) };
    // A clock that was set back must not make the same time come twice.
    (cron.count(scheduled, now), cron.next_after(now.max(scheduled)))
}
