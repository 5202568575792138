//! What commits mean for signals, timers and schedules.

use std::sync::Arc;

use tokio::time::Instant;

use crate::cluster::answer;
use crate::state::clustered::blocks::Blocks;
use crate::state::clustered::commits::{Commit, Commits};
use crate::state::clustered::stored_signals::{self, Known};
use crate::state::clustered::{Shared, read_until};
use crate::state::error::CommitStateError;
use crate::state::signal_plan::Plan;
use crate::state::signals::{Charge, Signal, StoredSignal};
use crate::state::table::Table;
use crate::state::transaction::{StateReads, Transaction};

impl Shared {
    /// What the signals of a transaction mean.
    pub(super) async fn plan(
        &self,
        table: &Table,
        transaction: &Transaction,
        taken: Option<&Signal>,
        until: Instant,
    ) -> Result<Plan, CommitStateError> {
        let Commits { link, node, .. } = &*self.commits;
        let known = Known::read(link, table, &self.signals.queue, transaction, until).await?;
        let mut last = 0;
        let mut plan = Plan::new(&known, transaction, &mut last)?;
        let numbers: Vec<u64> = (0..last).map(|_| node.next_signal()).collect();
        let number_of = |place: u64| {
            let place = usize::try_from(place).ok()?.checked_sub(1)?;
            numbers.get(place).copied()
        };
        plan.number(number_of);
        // The one whose run has failed stands beside its schedule from now on, and that goes on under its number.
        if let (Some(taken), Some(parked)) = (taken.filter(|it| it.is_planned()), &mut plan.parked)
        {
            plan.removed.push((taken.id, Arc::clone(&taken.room)));
            *parked = Arc::new(Signal { id: node.next_signal(), ..Signal::clone(parked) });
        }
        // Of one schedule all nodes plan one run: whichever plans it last.
        for planned in plan.added.iter_mut().filter(|it| it.is_planned()) {
            let id = stored_signals::number_of_planned(planned);
            Arc::make_mut(planned).id = id;
        }
        for signal in known.planned {
            if plan.removed.iter().any(|(id, _)| *id == signal.id) {
                plan.unplanned.push(signal);
            }
        }
        Ok(plan)
    }

    /// Makes all parked signals due once more.
    pub(super) async fn wake_parked(&self, attempts: u32) -> Result<(), CommitStateError> {
        let link = &self.commits.link;
        let mut command = redis::cmd("ZRANGE");
        command.arg(&link.keys().parked).arg(0).arg(-1);
        for room in answer::words(link.send(read_until(), command).await?)? {
            let room: Arc<str> = Arc::from(&*answer::string(&room)?);
            let replica = self.replicas.hold(&room, read_until()).await?;
            let stored = stored_signals::of_room(link, &room, read_until()).await?;
            for StoredSignal { signal, .. } in stored.into_iter().filter(|it| it.is_parked) {
                let mut plan = Plan { is_forced: true, ..Plan::default() };
                if signal.is_sent() {
                    let charge = Charge { sent: 1, ..Charge::default() };
                    plan.charges.push((Arc::clone(signal.payer()), charge));
                }
                let id = signal.id;
                plan.added.push(Arc::new(Signal { attempt: attempts, ..signal }));
                let blocks = Blocks::of(link.keys(), Some(&room), &Transaction::default(), &plan);
                let reads = StateReads { since: replica.position().seq, ..StateReads::default() };
                let commit = Commit {
                    replica: &replica,
                    blocks: &blocks,
                    reads: &reads,
                    needs: Some(id),
                    is_forced: true,
                };
                // If it is gone another node has woken it, and it has run.
                self.commits.commit(commit).await?;
            }
        }
        self.signals.change();
        Ok(())
    }
}
