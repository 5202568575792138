//! Runs a test that was just written once, on the handler that it was written for.

use std::path::Path;

use zigttp_runtime::Settings;
use zigttp_testing::outcome::{Failure, State};
use zigttp_testing::{Order, Runner, SnapshotMode, TestFile};

use crate::dev::build::{Build, Outcome};
use crate::{building, cache};

/// Why the tests of a file do not pass on a handler; `None`: they do.
///
/// # Errors
/// When they cannot be run.
pub fn failure_of(path: &str, handler: &[u8]) -> anyhow::Result<Option<String>> {
    let runner = Runner::new(1, cache::served_modules_folder())?;
    let handler = runner.load_handler(handler)?;
    let build = Build::of(Path::new(path), &building::builder()?);
    let artifact = match build.outcome {
        Outcome::Built(artifact) => artifact,
        Outcome::Rejected(_) => return Ok(Some("it does not build".to_owned())),
        Outcome::Failed(error) => return Err(error),
    };
    let tests = TestFile::load(&runner, &artifact.bytes)?;
    let text = |failure: &Failure| format!("{}: {}", failure.name, failure.message);
    let planned = match tests.plan(&runner) {
        Ok(planned) => planned,
        Err(failure) => return Ok(Some(text(&failure))),
    };
    let order = Order {
        seed: None,
        settings: &Settings::default(),
        snapshots: &Default::default(),
        mode: SnapshotMode::None,
    };
    let failed = planned.iter().find_map(|test| {
        let outcome = tests.run(&runner, &handler, test, &order);
        let failed = outcome.state == State::Failed;
        failed.then(|| outcome.failures.first().map_or_else(String::new, text))
    });
    Ok(failed)
}
