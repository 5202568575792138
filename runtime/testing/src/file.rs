//! The tests of one file: lists them, and runs one in an instance and a world of its own.

use std::collections::BTreeMap;
use std::future::Future;
use std::ops::Bound;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use serde::{Deserialize, Serialize};
use zigttp_rooms::clock::Clock;
use zigttp_rooms::settings::Settings;
use zigttp_sandbox::app::App;
use zigttp_sandbox::error::LoadError;
use zigttp_sandbox::event::{Event, Request};
use zigttp_sandbox::journal::Journal;
use zigttp_sandbox::ran::{Outcome, Ran};

use crate::failures::{self, Told};
use crate::guest::{Exchange, Guest};
use crate::outcome::{ConsoleLine, Failure, SnapshotUse, State, TestOutcome};
use crate::questions;
use crate::runner::{Runner, TestedHandler};
use crate::world::World;

/// Seeds random numbers of tests whose order is not permuted.
const SEED: u64 = 1;

/// The tests of a file, ready to run.
pub struct TestFile {
    app: App<Guest>,
}

/// A test that a file has.
#[derive(Clone, Debug)]
pub struct Planned {
    pub index: usize,
    /// Those of its groups first.
    pub titles: Vec<String>,
    /// What becomes of it without running; `None`: it runs.
    pub left_out: Option<State>,
    /// Where it is written, counted from 1.
    pub line: Option<u32>,
}

/// How tests are run.
pub struct Order<'a> {
    /// Chooses the order of events that are queued together; without it that is the order of the calls.
    pub seed: Option<u64>,
    /// What the handler reads with `env`.
    pub settings: &'a Settings,
    /// The snapshots that the file has.
    pub snapshots: &'a BTreeMap<String, String>,
    pub mode: SnapshotMode,
}

/// Which snapshots may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SnapshotMode {
    /// Those that are new.
    New,
    All,
    None,
}

/// A test as the library tells it.
#[derive(Deserialize)]
struct PlannedTest {
    titles: Vec<String>,
    mode: String,
    stack: String,
}

/// A result as the library tells it.
#[derive(Deserialize)]
struct ToldResult {
    failures: Vec<Told>,
    snapshots: Vec<SnapshotUse>,
    assertions: usize,
}

/// Those of a file that may be this test's, whose names begin with its title.
fn own_snapshots<'a>(
    all: &'a BTreeMap<String, String>,
    title: &str,
) -> BTreeMap<&'a String, &'a String> {
    let from = all.range::<str, _>((Bound::Included(title), Bound::Unbounded));
    from.take_while(|(key, _)| key.starts_with(title)).collect()
}

impl TestFile {
    /// Loads the artifact of a test file.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn load(runner: &Runner, artifact: &[u8]) -> Result<TestFile, LoadError> {
        App::load(&runner.guests, artifact).map(|app| TestFile { app })
    }

    /// The tests that the file has registered, in its order.
    ///
    /// # Errors
    /// When it cannot tell.
    pub fn plan(&self, runner: &Runner) -> Result<Vec<Planned>, Failure> {
        let ran = self.run_guest(runner, "{}", |_question| None);
        let told = self.told::<Vec<PlannedTest>>(&ran, &[])?;
        let planned = told.into_iter().enumerate().map(|(index, test)| Planned {
            index,
            titles: test.titles,
            left_out: match &*test.mode {
                "skip" => Some(State::Skipped),
                "todo" => Some(State::Todo),
                _ => None,
            },
            line: failures::frames(&test.stack, &self.app.source_maps).first().map(|it| it.line),
        });
        Ok(planned.collect())
    }

    /// Runs a test on a handler.
    #[expect(clippy::disallowed_methods, reason = "how long a test takes is measured here")]
    pub fn run(
        &self,
        runner: &Runner,
        handler: &TestedHandler,
        test: &Planned,
        order: &Order<'_>,
    ) -> TestOutcome {
        let began = std::time::Instant::now();
        // The random numbers of all that runs on this thread.
        fastrand::seed(order.seed.unwrap_or(SEED));
        let mut world = World::new(runner, handler, order.settings.clone(), order.seed);
        let input = serde_json::json!({
            "index": test.index,
            "snapshots": own_snapshots(order.snapshots, &test.titles.join(" > ")),
            "mode": order.mode,
        });
        let ran = self.run_guest(runner, &input.to_string(), |question| {
            Some(questions::answer(&mut world, question))
        });
        let (failures, snapshots, assertions) =
            match self.told::<ToldResult>(&ran, &world.under_way()) {
                Ok(ToldResult { failures, snapshots, assertions }) => {
                    let maps = &self.app.source_maps;
                    let failures = failures.into_iter().map(|told| told.failure(maps)).collect();
                    (failures, snapshots, assertions)
                }
                Err(failure) => (vec![failure], Vec::new(), 0),
            };
        let own = ran.state.lines.iter().map(|(level, text)| (*level, text.clone()));
        let mut output: Vec<ConsoleLine> =
            own.map(|(level, text)| ConsoleLine { level, text, from: None }).collect();
        output.extend(world.history.take_lines());
        TestOutcome {
            titles: test.titles.clone(),
            state: if failures.is_empty() { State::Passed } else { State::Failed },
            failures,
            output,
            seed: order.seed,
            line: test.line,
            snapshots,
            assertions,
            took: began.elapsed(),
        }
    }

    /// Runs the file's event, and answers what it asks.
    fn run_guest(
        &self,
        runner: &Runner,
        input: &str,
        mut answer: impl FnMut(&str) -> Option<bytes::Bytes>,
    ) -> Ran<Guest> {
        let exchange = Exchange::default();
        let request = Request {
            method: "POST".to_owned(),
            target: "http://test\n/\n".to_owned(),
            headers: "content-type: application/json\n".to_owned(),
            body: input.to_owned().into(),
        };
        let event = Event::request(request, None);
        let view = Guest { exchange: exchange.clone() };
        let state = runner.guests.prepare(event, view, Journal::begin(SEED.cast_signed()), false);
        let mut running = pin!(runner.guests.run(&self.app.program, state, Clock::system().now()));
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            if let Poll::Ready(ran) = running.as_mut().poll(&mut cx) {
                return ran;
            }
            // Without a question it has been suspended at the end of a slice of its time.
            if let Some(question) = exchange.take_question() {
                exchange.answer(answer(&question).unwrap_or_default());
            }
        }
    }

    /// What the event has told.
    fn told<T: for<'de> Deserialize<'de>>(
        &self,
        ran: &Ran<Guest>,
        awaited: &[String],
    ) -> Result<T, Failure> {
        match &ran.outcome {
            Outcome::Returned(Some(response)) => {
                serde_json::from_slice(&response.body).map_err(|error| Failure {
                    name: "Error".to_owned(),
                    message: format!("zigttp:test and its host differ: {error}"),
                    diff: None,
                    frames: Vec::new(),
                })
            }
            Outcome::Returned(None) => Err(failures::never(awaited)),
            Outcome::Failed(failure) => {
                Err(failures::of_guest(failure, &self.app.source_maps, awaited))
            }
            Outcome::Waiting(_) => Err(failures::waits()),
        }
    }
}
