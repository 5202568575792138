//! What comes out of a sandbox: how an event ended, what it wants to happen, and what it took.

use std::time::Duration;

use crate::budget::MemoryBudget;
use crate::effects::Effects;
use crate::event::{Event, Response};
use crate::failure::Failure;
use crate::reads::Reads;
use crate::view::Peer;

/// One event after it has run. Nothing has happened yet: [`Ran::effects`] is what would.
pub struct Ran<P: Peer> {
    /// The event it was called with.
    pub event: Event,
    pub outcome: Outcome,
    pub effects: Effects<P>,
    pub reads: Reads,
    pub used: Used,
    /// What is held for the event until this is dropped.
    pub memory: MemoryBudget,
}

/// How a run ended.
#[derive(Debug)]
pub enum Outcome {
    /// The handler has returned, with a response if it was asked for one.
    Returned(Option<Response>),
    /// Nothing of it takes effect.
    Failed(Failure),
    /// All that the handler can still do waits for something outside. What it has collected is dropped:
    /// it runs again from the start when that has come.
    Waiting(Wait),
}

/// What a handler waits for outside of its server. There is nothing of the kind yet.
#[derive(Debug)]
pub enum Wait {}

/// What a run took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Used {
    /// Making an instance, where there was none to be had.
    pub instantiate: Option<Duration>,
    /// Restoring it afterwards, where that was measured.
    pub restore: Option<Duration>,
    /// Bytes that were copied to restore it.
    pub restored_bytes: usize,
    /// A restored instance was not what it should be.
    pub has_mismatched: bool,
    /// Attachments that the handler has asked for.
    pub attachment_reads: usize,
    /// Frames that were refused because their queues were full.
    pub refused_frames: usize,
}
