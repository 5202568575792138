//! Why an event failed, as text for the log.

use crate::budget::OverBudget;
use crate::source_position::SourceMaps;

/// An exception that JavaScript did not catch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thrown {
    /// `TypeError: x is not a function`.
    pub message: String,
    /// QuickJS's stack, with positions in the compiled JavaScript; empty for values that are not an `Error`.
    pub stack: String,
}

/// Why state cannot be read, or effects cannot be committed.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why an event failed and has no effect.
#[derive(Debug)]
pub enum Failure {
    /// It threw an exception that it did not catch; the connection stays open.
    Threw(Thrown),
    /// It exceeded its CPU or memory limit, or the memory limit of all events.
    OverBudget(OverBudget),
    /// WebAssembly trapped: a broken engine, or a hand-made module.
    Trapped(String),
    /// Its instance was not restored exactly.
    NotRestored,
    /// The state of a room could not be read from the disk.
    NotRead(Cause),
    /// Its effects could not be committed: the disk could not store them, or there is no room for them.
    NotCommitted(Cause),
}

/// The kind of a [`Failure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    Threw,
    OverCpuBudget,
    OverMemoryBudget,
    OverEventMemory,
    Trapped,
    NotRestored,
    NotRead,
    NotCommitted,
}

impl FailureKind {
    pub const ALL: [FailureKind; 8] = [
        FailureKind::Threw,
        FailureKind::OverCpuBudget,
        FailureKind::OverMemoryBudget,
        FailureKind::OverEventMemory,
        FailureKind::Trapped,
        FailureKind::NotRestored,
        FailureKind::NotRead,
        FailureKind::NotCommitted,
    ];

    /// The label value in metrics.
    pub fn name(self) -> &'static str {
        match self {
            FailureKind::Threw => "threw",
            FailureKind::OverCpuBudget => "over_cpu_budget",
            FailureKind::OverMemoryBudget => "over_memory_budget",
            FailureKind::OverEventMemory => "over_event_memory",
            FailureKind::Trapped => "trapped",
            FailureKind::NotRestored => "not_restored",
            FailureKind::NotRead => "not_read",
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
            Failure::NotRead(_) => FailureKind::NotRead,
            Failure::NotCommitted(_) => FailureKind::NotCommitted,
        }
    }

    /// Whether it concerns the operator, not the handler or its clients.
    pub fn is_operators(&self) -> bool {
        matches!(self, Failure::NotRestored | Failure::NotRead(_) | Failure::NotCommitted(_))
    }

    /// What went wrong, with positions in the TypeScript. It may have text of the handler or a client: the
    /// caller has to escape it.
    pub fn text(&self, source_maps: &SourceMaps) -> String {
        match self {
            Failure::Threw(thrown) => {
                format!("{}\n{}", thrown.message, source_maps.rewrite(&thrown.stack))
            }
            Failure::OverBudget(over) => over.to_string(),
            Failure::Trapped(reason) => format!("the sandbox trapped: {reason}"),
            Failure::NotRestored => "the sandbox was not restored exactly".to_owned(),
            Failure::NotRead(cause) | Failure::NotCommitted(cause) => with_causes(&**cause),
        }
    }
}

/// An error and its causes, separated by colons.
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
