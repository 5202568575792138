//! One round: builds test files and their handlers, runs the tests on all cores, and tells of each file as it ends.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use zigts_compiler::report::{ReportView, compact};
use zigts_compiler::{Artifact, Builder, Counters};
use zigts_rules::import::ModuleName;
use zigts_rules::record::Severity;
use zigttp_runtime::Settings;
use zigttp_testing::outcome::{Failure, FileOutcome, State, Summary, TestOutcome};
use zigttp_testing::{Order, Planned, Runner, SnapshotMode, TestFile, TestedHandler};

use crate::dev::build::{Build, Outcome};
use crate::handler_file::HandlerFile;
use crate::testing::coverage::{Coverage, Measured};
use crate::testing::found::Found;
use crate::testing::report::Reporter;
use crate::testing::snapshots::Snapshots;
use crate::testing::sources;

/// How tests are run.
pub struct Wanted {
    /// Only tests that have this in their titles.
    pub filter: Option<String>,
    pub seed: Option<u64>,
    /// How many orders of events are tried, from the seed on.
    pub permute: Option<u64>,
    pub settings: Settings,
    pub mode: SnapshotMode,
    /// Whether handlers count what of them runs.
    pub counts: bool,
}

/// What a round has shown.
pub struct Shown {
    pub summary: Summary,
    /// Every file that it depends on.
    pub files: Vec<PathBuf>,
    /// What has run of the handlers, if they have counted.
    pub coverage: Coverage,
}

/// Builds and runs.
pub struct Rounds<'a> {
    pub builder: &'a Builder,
    pub runner: &'a Runner,
    pub wanted: &'a Wanted,
}

type Built<T> = Result<T, Failure>;

/// A handler, and what is needed to tell its coverage.
struct Tested {
    handler: TestedHandler,
    measured: Option<Measured>,
}

impl Rounds<'_> {
    /// Runs all tests once.
    ///
    /// # Errors
    /// When the output is closed.
    pub fn run(&self, found: &[Found], reporter: &mut dyn Reporter) -> anyhow::Result<Shown> {
        let began = Instant::now();
        let mut summary = Summary { seed: self.wanted.seed, ..Summary::default() };
        let mut files = BTreeSet::new();
        let mut handlers: BTreeMap<PathBuf, Built<Tested>> = BTreeMap::new();
        reporter.begin(found.len())?;
        for Found { tests, handler } in found {
            let began = Instant::now();
            let mut outcome =
                FileOutcome { path: tests.display().to_string(), ..FileOutcome::default() };
            files.insert(tests.clone());
            // What is wrong with one file's snapshots is that file's failure.
            let snapshots = Snapshots::of(tests).map_err(|error| failure(&format!("{error:#}")));
            let ran = match (handler, &snapshots) {
                (None, _) => Err(failure(
                    "there is no handler for it: neither one of its name nor handler.ts lies beside it; name one with --handler",
                )),
                (_, Err(error)) => Err(error.clone()),
                (Some(path), Ok(snapshots)) => {
                    let load = || self.load_handler(path, &mut files);
                    match handlers.entry(path.clone()).or_insert_with(load) {
                        Ok(Tested { handler, .. }) => {
                            self.run_file(tests, handler, snapshots.values(), &mut files)
                        }
                        Err(error) => Err(error.clone()),
                    }
                }
            };
            match ran {
                Ok(tests) => outcome.tests = tests,
                Err(error) => outcome.error = Some(error),
            }
            outcome.took = began.elapsed();
            if let Ok(snapshots) = snapshots {
                match snapshots.update(&outcome, self.wanted.mode) {
                    Ok(counts) => outcome.snapshots = counts,
                    Err(error) => outcome.error = Some(failure(&format!("{error:#}"))),
                }
            }
            sources::add_lines(&mut outcome, tests.parent().unwrap_or(Path::new("")));
            reporter.file(&outcome)?;
            summary.add(&outcome);
        }
        summary.took = began.elapsed();
        reporter.end(&summary)?;
        let mut coverage = Coverage::default();
        for Tested { handler, measured } in handlers.into_values().flatten() {
            if let Some(measured) = measured {
                coverage.add(measured.with(&handler.counted()));
            }
        }
        Ok(Shown { summary, files: files.into_iter().collect(), coverage })
    }

    fn load_handler(&self, path: &Path, files: &mut BTreeSet<PathBuf>) -> Built<Tested> {
        if !self.wanted.counts {
            let artifact = artifact(path, Build::of(path, self.builder), files)?.0;
            let loaded = self.runner.load_handler(&artifact.bytes);
            let handler = loaded.map_err(|error| failure(&error.to_string()))?;
            return Ok(Tested { handler, measured: None });
        }
        let (build, counters) = Build::counting(path, self.builder);
        let (artifact, file) = artifact(path, build, files)?;
        let counters = counters.expect("what was built to count counts");
        let Counters { address, at_build, .. } = &counters;
        let loaded = self.runner.load_counting_handler(&artifact.bytes, *address, at_build.clone());
        let handler = loaded.map_err(|error| failure(&error.to_string()))?;
        let measured = Measured { counters, sources: artifact.report.sources, file };
        Ok(Tested { handler, measured: Some(measured) })
    }

    fn run_file(
        &self,
        path: &Path,
        handler: &TestedHandler,
        snapshots: &BTreeMap<String, String>,
        files: &mut BTreeSet<PathBuf>,
    ) -> Built<Vec<TestOutcome>> {
        let (artifact, _file) = artifact(path, Build::of(path, self.builder), files)?;
        let tests = TestFile::load(self.runner, &artifact.bytes);
        let tests = tests.map_err(|error| failure(&error.to_string()))?;
        let mut planned = tests.plan(self.runner)?;
        if let Some(filter) = &self.wanted.filter {
            for test in &mut planned {
                if !test.titles.join(" > ").contains(filter.as_str()) {
                    test.left_out.get_or_insert(State::Skipped);
                }
            }
        }
        Ok(self.run_side_by_side(&tests, handler, &planned, snapshots))
    }

    fn run_side_by_side(
        &self,
        tests: &TestFile,
        handler: &TestedHandler,
        planned: &[Planned],
        snapshots: &BTreeMap<String, String>,
    ) -> Vec<TestOutcome> {
        let next = AtomicUsize::new(0);
        let outcomes: Vec<Mutex<Option<TestOutcome>>> =
            planned.iter().map(|_| Mutex::new(None)).collect();
        let work = || {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(test) = planned.get(index) else { return };
                let outcome = self.run_test(tests, handler, test, snapshots);
                *outcomes[index].lock().expect("no thread panics while holding it") = Some(outcome);
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..threads().min(planned.len()) {
                scope.spawn(work);
            }
            work();
        });
        let outcomes = outcomes.into_iter().map(|outcome| {
            let outcome = outcome.into_inner().expect("no thread panics while holding it");
            outcome.expect("every test was taken by a thread, and all have ended")
        });
        outcomes.collect()
    }

    /// Runs a test in the order of its calls, or in orders that seeds choose, until it fails.
    fn run_test(
        &self,
        tests: &TestFile,
        handler: &TestedHandler,
        test: &Planned,
        snapshots: &BTreeMap<String, String>,
    ) -> TestOutcome {
        if let Some(state) = test.left_out {
            return left_out(test, state);
        }
        let Wanted { seed, permute, settings, mode, .. } = self.wanted;
        let run = |seed| {
            let order = Order { seed, settings, snapshots, mode: *mode };
            tests.run(self.runner, handler, test, &order)
        };
        let Some(orders) = permute else { return run(*seed) };
        let first = seed.unwrap_or(1);
        let mut outcome = run(Some(first));
        for seed in (first..).take(usize::try_from(*orders).unwrap_or(usize::MAX)).skip(1) {
            if outcome.state == State::Failed {
                break;
            }
            let took = outcome.took;
            outcome = run(Some(seed));
            outcome.took += took;
        }
        if outcome.state != State::Failed {
            outcome.seed = None;
        }
        outcome
    }
}

/// How many tests run at a time.
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn left_out(test: &Planned, state: State) -> TestOutcome {
    TestOutcome {
        titles: test.titles.clone(),
        state,
        took: std::time::Duration::ZERO,
        failures: Vec::new(),
        output: Vec::new(),
        seed: None,
        line: test.line,
        snapshots: Vec::new(),
        assertions: 0,
    }
}

/// The artifact of a handler or a test file, and its files. What is wrong with it is its failure.
fn artifact(
    path: &Path,
    build: Build,
    files: &mut BTreeSet<PathBuf>,
) -> Built<(Box<Artifact>, HandlerFile)> {
    files.extend(build.files().map(Path::to_owned));
    match build.outcome {
        Outcome::Built(artifact) => Ok((artifact, build.file.expect("what was built was read"))),
        Outcome::Rejected(mut rejected) => {
            let file = build.file.as_ref().expect("what was rejected was read");
            rejected.report.diagnostics.retain(|it| it.severity == Severity::Error);
            let path_of = |module: &ModuleName| file.path_of(module);
            let view = ReportView { report: &rejected.report, path_of: &path_of };
            let name = path.display();
            Err(failure(&format!(
                "{name} does not build\n{}",
                compact::to_string(&[view]).trim_end()
            )))
        }
        Outcome::Failed(error) => Err(failure(&format!("{error:#}"))),
    }
}

fn failure(message: &str) -> Failure {
    let (name, message) = ("Error".to_owned(), message.to_owned());
    Failure { name, message, diff: None, frames: Vec::new() }
}
