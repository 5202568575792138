//! How an event ends other than by returning, and how its author learns of it.

use crate::budget::OverBudget;
use crate::source_position::SourceMaps;

/// What JavaScript threw and nobody caught.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thrown {
    /// `TypeError: x is not a function`.
    pub message: String,
    /// QuickJS's stack, positions in the compiled JavaScript; empty for what is no `Error`.
    pub stack: String,
}

/// Why a commit has failed, as whoever commits tells it.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why nothing of an event takes effect.
#[derive(Debug)]
pub enum Failure {
    /// An uncaught exception; the connection goes on.
    Threw(Thrown),
    /// The CPU or memory budget, or what all events may hold together.
    OverBudget(OverBudget),
    /// WebAssembly trapped: a broken engine, or a hand-made module.
    Trapped(String),
    /// Its instance could not be proven to be restored.
    NotRestored,
    /// The effects could not be committed: a disk that does not take an attachment.
    NotCommitted(Cause),
}

/// A [`Failure`] without what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    Threw,
    OverCpuBudget,
    OverMemoryBudget,
    OverEventMemory,
    Trapped,
    NotRestored,
    NotCommitted,
}

impl FailureKind {
    pub const ALL: [FailureKind; 7] = [
        FailureKind::Threw,
        FailureKind::OverCpuBudget,
        FailureKind::OverMemoryBudget,
        FailureKind::OverEventMemory,
        FailureKind::Trapped,
        FailureKind::NotRestored,
        FailureKind::NotCommitted,
    ];

    /// The word in metrics.
    pub fn name(self) -> &'static str {
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
    pub fn kind(&self) -> FailureKind {
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
    pub fn is_operators(&self) -> bool {
        matches!(self, Failure::NotRestored | Failure::NotCommitted(_))
    }

    /// What went wrong, with the positions of the TypeScript. Of anybody's making: whoever shows it
    /// takes care of what is in it.
    pub fn text(&self, source_maps: &SourceMaps) -> String {
        match self {
            Failure::Threw(thrown) => {
                format!("{}\n{}", thrown.message, source_maps.rewrite(&thrown.stack))
            }
            Failure::OverBudget(over) => over.to_string(),
            Failure::Trapped(reason) => format!("the sandbox trapped: {reason}"),
            Failure::NotRestored => "the sandbox was not restored exactly".to_owned(),
            Failure::NotCommitted(cause) => with_causes(&**cause),
        }
    }
}

/// An error with what has caused it, behind colons.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
