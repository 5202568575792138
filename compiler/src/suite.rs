//! Runs modules that scripts bring: `tests/conformance/language.mjs` compares what comes out with `tsc`.
//!
//! A module is parsed and checked for early errors, printed, and compiled by the engine; it is also
//! run if the script asks for that. No rule looks at it: it need not be a handler.

#![expect(
    clippy::disallowed_methods,
    reason = "tests read the repository and own the clock; what is under test does not"
)]

use std::fs;
use std::io::{BufWriter, Write};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use swc_core::common::errors::{HANDLER, Handler};
use zigts_rules::import::ModuleName;
use zigts_rules::model::Evaluation;
use zigts_rules::span::Span;

use crate::emit::{Emitted, emit};
use crate::source::Sources;
use crate::{Builder, Decorators, Entry, ReadError, load, nesting};

/// One line of what the script writes.
#[derive(Deserialize)]
struct Task {
    name: String,
    /// By name, the entry first.
    modules: Vec<(String, String)>,
    runs: bool,
    legacy_decorators: bool,
}

/// One line of what it reads.
#[derive(Serialize)]
struct Verdict {
    name: String,
    /// `module:line:column message` of each syntax error.
    checker: Vec<String>,
    /// What the engine throws, with where, if it comes that far and does not accept the module.
    engine: Option<String>,
}

/// Thrown when all went well: without it, a snapshot would be made.
const DONE: &str = "the suite is done";

#[test]
fn the_tasks_of_a_script_are_done() {
    let (Some(tasks), Some(verdicts)) =
        (std::env::var_os("ZIGTS_SUITE_TASKS"), std::env::var_os("ZIGTS_SUITE_VERDICTS"))
    else {
        return;
    };
    let tasks = fs::read_to_string(tasks).expect("the script wrote its tasks");
    let verdicts = fs::File::create(verdicts).expect("the script's folder can be written");
    let verdicts = std::sync::Mutex::new(BufWriter::new(verdicts));
    let builder = Builder::new(None).expect("the engine compiles");
    let clock = builder.clock();
    std::thread::spawn(move || {
        while clock.tick() {
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    let next = std::sync::Mutex::new(tasks.lines());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(line) = next.lock().expect("no thread panics").next() else { break };
                    let task: Task = serde_json::from_str(line).expect("a task is JSON");
                    let verdict =
                        stacker::grow(nesting::WALKING_STACK_BYTES, || verdict(&builder, task));
                    let mut verdicts = verdicts.lock().expect("no thread panics");
                    serde_json::to_writer(&mut *verdicts, &verdict).expect("the file takes it");
                    verdicts.write_all(b"\n").expect("the file takes it");
                }
            });
        }
    });
}

fn verdict(builder: &Builder, task: Task) -> Verdict {
    let Task { name, modules, runs, legacy_decorators } = task;
    let (entry, text) = modules.first().cloned().expect("a task has a module");
    let decorators = if legacy_decorators {
        Decorators::Legacy { with_metadata: false }
    } else {
        Decorators::Standard
    };
    let entry = Entry { name: ModuleName::new(entry), text, decorators };
    let mut read = |wanted: &ModuleName| {
        let found = modules.iter().find(|(name, _)| name == wanted.as_str());
        found.map(|(_, text)| text.clone()).ok_or(ReadError::NotFound)
    };
    let mut handler = load::load(entry, &mut read);
    let found = handler.model.modules.iter().flat_map(|module| &module.syntax_errors);
    let checker: Vec<String> = found
        .map(|error| format!("{} {}", place(&handler.sources, error.span), error.message))
        .collect();
    let engine = if checker.is_empty() {
        // Of what TypeScript's own pass cannot do, it tells a handler of errors.
        let ignored = Handler::with_emitter_writer(Box::new(std::io::sink()), None);
        let modules = HANDLER.set(&ignored, || emit(&mut handler, None));
        run(builder, modules, runs, &handler.sources)
    } else {
        None
    };
    Verdict { name, checker, engine }
}

fn run(
    builder: &Builder,
    mut modules: Vec<Emitted>,
    runs: bool,
    sources: &Sources,
) -> Option<String> {
    let module = |name: &str, code: String| Emitted {
        name: name.to_owned(),
        code,
        is_script: false,
        source: None,
    };
    let entry = modules[0].name.clone();
    // All modules are compiled before the first one runs.
    let start = if runs {
        format!("import {entry:?}; throw {DONE:?};")
    } else {
        format!("import 'suite:done'; import {entry:?};")
    };
    let (start, done) =
        (module("suite:start", start), module("suite:done", format!("throw {DONE:?};")));
    modules.insert(0, start);
    modules.push(done);
    let ran = builder.run_top_level(&modules, sources, None).expect("the engine runs");
    match ran.evaluation {
        Evaluation::Threw { message, .. } if message.contains(DONE) => None,
        Evaluation::Threw { message, frames } => {
            let at = frames.first().map(|frame| place(sources, frame.span)).unwrap_or_default();
            Some(format!("{at} {message}"))
        }
        Evaluation::Refused { message, span } => {
            Some(format!("{} SyntaxError: {message}", place(sources, span)))
        }
        other => Some(format!("{other:?}")),
    }
}

fn place(sources: &Sources, span: Span) -> String {
    let file = sources.file(span.module);
    let at = file.line_column(span.start);
    format!("{}:{}:{}", file.name(), at.line, at.column)
}
