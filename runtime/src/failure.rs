//! How an event ends other than by returning, and how its author learns of it.

use crate::budget::OverBudget;
use crate::source_position::SourceMaps;

/// What JavaScript threw and nobody caught.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Thrown {
    /// `TypeError: x is not a function`.
    pub(crate) message: String,
    /// QuickJS's stack, positions in the compiled JavaScript; empty for what is no `Error`.
    pub(crate) stack: String,
}

/// Why nothing of an event takes effect.
#[derive(Debug)]
pub(crate) enum Failure {
    /// An uncaught exception; the connection goes on.
    Threw(Thrown),
    /// The CPU or memory budget, or what all events may hold together.
    OverBudget(OverBudget),
    /// WebAssembly trapped: a broken engine, or a hand-made module.
    Trapped(String),
    /// Its instance could not be proven to be restored.
    NotRestored,
    /// The effects could not be committed: a disk that does not take an attachment.
    NotCommitted(String),
}

/// A [`Failure`] without what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureKind {
    Threw,
    OverCpuBudget,
    OverMemoryBudget,
    OverEventMemory,
    Trapped,
    NotRestored,
    NotCommitted,
}

impl FailureKind {
    pub(crate) const ALL: [FailureKind; 7] = [
        FailureKind::Threw,
        FailureKind::OverCpuBudget,
        FailureKind::OverMemoryBudget,
        FailureKind::OverEventMemory,
        FailureKind::Trapped,
        FailureKind::NotRestored,
        FailureKind::NotCommitted,
    ];

    /// The word in metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            FailureKind::Threw => "threw",
            FailureKind::OverCpuBudget => "over_cpu_budget",
            FailureKind::OverMemoryBudget => "over_memory_budget",
            FailureKind::OverEventMemory => "over_event_memory",
            FailureKind::Trapped => "trapped",
            FailureKind::NotRestored => "not_restored",
            FailureKind::NotCommitted => "not_committed",
        }
    }
}

impl Failure {
    pub(crate) fn kind(&self) -> FailureKind {
        match self {
            Failure::Threw(_) => FailureKind::Threw,
            Failure::OverBudget(OverBudget::Cpu) => FailureKind::OverCpuBudget,
            Failure::OverBudget(OverBudget::Memory) => FailureKind::OverMemoryBudget,
            Failure::OverBudget(OverBudget::EventMemory) => FailureKind::OverEventMemory,
            Failure::Trapped(_) => FailureKind::Trapped,
            Failure::NotRestored => FailureKind::NotRestored,
            Failure::NotCommitted(_) => FailureKind::NotCommitted,
        }
    }

    /// Whether it is the operator's business, and not that of whoever wrote the handler or sent it
    /// something.
    pub(crate) fn is_operators(&self) -> bool {
        matches!(self, Failure::NotRestored | Failure::NotCommitted(_))
    }

    /// What went wrong, with the positions of the TypeScript. Of anybody's making: whoever shows it
    /// takes care of what is in it.
    pub(crate) fn text(&self, source_maps: &SourceMaps) -> String {
        match self {
            Failure::Threw(thrown) => {
                format!("{}\n{}", thrown.message, source_maps.rewrite(&thrown.stack))
            }
            Failure::OverBudget(over) => over.to_string(),
            Failure::Trapped(reason) => format!("the sandbox trapped: {reason}"),
            Failure::NotRestored => "the sandbox was not restored exactly".to_owned(),
            Failure::NotCommitted(reason) => reason.clone(),
        }
    }
}
