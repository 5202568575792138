//! An event that is kept in memory, to run again on another build while a handler is written.

use std::sync::Arc;

use serde::Serialize;
use zigttp_abi::guest::ABI_VERSION;
use zigttp_sandbox::ran::Ran;
use zigttp_sandbox::source_position::SourceMaps;
use zigttp_sandbox::view::View;

use crate::block::{self, Block, BlockHead, RecordedLimits};
use crate::describe;
use crate::ended::{self, Ended, Part};
use crate::record::Record;
use crate::replay::{Compared, Replayer};
use crate::saved_test::{self, NoTest};

/// A larger event is not kept.
const MAX_BYTES: usize = 32 << 10;

/// Most lines of what an event has done.
const MAX_LINES: usize = 100;

/// See the module's documentation.
#[derive(Debug)]
pub struct Kept {
    /// One block with one record.
    block: Vec<u8>,
    then: Vec<String>,
}

/// What an event does now, beside what it did.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunAgain {
    /// Its arguments.
    pub input: Vec<String>,
    /// What it has read.
    pub given: Vec<String>,
    pub then: Vec<String>,
    pub now: Vec<String>,
    /// The parts that differ.
    pub differences: Vec<Part>,
}

impl Kept {
    /// An event that has ended and is not committed yet; `None` if it is too large, or nothing can be compared.
    pub fn of<V: View>(
        limits: &RecordedLimits,
        artifact: &[u8; 32],
        at: u64,
        ran: &Ran<V>,
        source_maps: &SourceMaps,
    ) -> Option<Arc<Kept>> {
        let (given, ended) = (ran.state.given.as_ref()?, Ended::of(ran)?);
        let record = Record::of(at, &ran.state.event, given, &ran.state.journal, ended);
        let mut block = Vec::new();
        let limits = limits.clone();
        block::begin(&mut block, &BlockHead { abi: ABI_VERSION, artifact: *artifact, limits });
        if block::add(&mut block, &record) > MAX_BYTES {
            return None;
        }
        let then = text(ended::lines(ran, source_maps));
        Some(Arc::new(Kept { block, then }))
    }

    /// Runs it again. Blocks.
    pub fn run_on(&self, replayer: &Replayer) -> Option<RunAgain> {
        let block = Block::of_raw(self.block.clone())?;
        let record = block.records().next()??;
        let rerun = wait_for(replayer.run(&record))?;
        let differences = match rerun.compare(&record) {
            Compared::Equal | Compared::Redacted => Vec::new(),
            Compared::Different(parts) => parts,
        };
        Some(RunAgain {
            input: describe::input(&record),
            given: describe::given(&record),
            then: self.then.clone(),
            now: text(replayer.lines(&rerun)),
            differences,
        })
    }

    /// It as a test, which expects what this build does. Blocks.
    pub fn test_on(&self, replayer: &Replayer) -> Option<Result<String, NoTest>> {
        let block = Block::of_raw(self.block.clone())?;
        let record = block.records().next()??;
        wait_for(saved_test::test_of(replayer, &record))
    }
}

/// The result of what runs without any outside; `None` if there is no runtime to be had.
fn wait_for<T>(work: impl Future<Output = T>) -> Option<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().ok()?;
    Some(runtime.block_on(work))
}

fn text(lines: Vec<(Part, String)>) -> Vec<String> {
    lines.into_iter().take(MAX_LINES).map(|(_, line)| line).collect()
}
