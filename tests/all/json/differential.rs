//! Random programs over `JSON`, and over what else the engine does in ways of its own, in events of the engine and in
//! QuickJS as it comes, which is built for this test: what the programs see of results, exceptions and calls must be
//! the same.
//!
//! The programs are JavaScript, in `tests/fixtures/json`: each is made from its number, and tells what it saw. What is
//! compared is told without JSON.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rquickjs::context::EvalOptions;
use rquickjs::{CatchResultExt, Context, Runtime};

use super::Engine;
use crate::support::programs::root;

/// Files of the programs, in the order of their declarations.
const FILES: [&str; 6] =
    ["random.js", "outcome.js", "texts.js", "realm.js", "values.js", "programs.js"];

/// In one event, and in one realm of QuickJS.
const AT_ONCE: usize = 120;

pub(super) fn source() -> String {
    let folder = root().join("tests/fixtures/json");
    let read = |file| std::fs::read_to_string(folder.join(file)).expect("it is committed");
    FILES.map(read).concat()
}

/// The value of a script in QuickJS's own realm, with nothing of the engine in it.
pub(super) fn in_quickjs(script: &str) -> String {
    let runtime = Runtime::new().expect("there is memory for a runtime");
    let context = Context::full(&runtime).expect("there is memory for a realm");
    context.with(|context| {
        // As a handler's `eval` has it.
        let mut options = EvalOptions::default();
        options.strict = false;
        let value = context.eval_with_options::<String, _>(script, options).catch(&context);
        value.unwrap_or_else(|error| panic!("QuickJS: {error}"))
    })
}

/// A variable of the environment that is a number.
fn variable(name: &str, or: usize) -> usize {
    match std::env::var(name) {
        Ok(value) => value.parse().unwrap_or_else(|_| panic!("{name} is a number")),
        Err(_) => or,
    }
}

/// Runs programs on both sides; what differs, both sides of each.
fn differences(engine: &Engine, source: &str, first: usize, count: usize) -> Vec<String> {
    let script = format!("{source}\noutcomes({first}, {count})");
    let (status, seen) = engine.answer(&script);
    if status != 200 {
        return vec![format!("{count} programs from {first} on: {status} {seen}\n")];
    }
    let expected = in_quickjs(&script);
    assert_eq!(expected.lines().count(), count, "each program tells what it saw");
    let seen = seen.lines().chain(std::iter::repeat("nothing"));
    expected.lines().zip(seen).filter_map(|(expected, seen)| difference(expected, seen)).collect()
}

/// What one program saw in QuickJS and in the engine, from a little before the first difference.
fn difference(expected: &str, seen: &str) -> Option<String> {
    let mut pairs = expected.bytes().zip(seen.bytes());
    let at = match pairs.position(|(expected, seen)| expected != seen) {
        None if expected.len() == seen.len() => return None,
        at => at.unwrap_or(expected.len().min(seen.len())),
    };
    let part = |text: &str| {
        let bytes = text.bytes().skip(at.saturating_sub(200)).take(400).collect();
        String::from_utf8(bytes).expect("programs tell ASCII")
    };
    let program: String = expected.chars().take_while(|&next| next != ':').collect();
    Some(format!("{program}\n  QuickJS: {}\n  engine:  {}\n", part(expected), part(seen)))
}

#[test]
fn random_programs_see_the_json_of_quickjs() {
    compare(&source(), 2_400);
}

/// Loops over arrays, destructuring, spreading, literals, and what regular expressions replace.
#[test]
fn random_programs_see_the_loops_objects_and_replacements_of_quickjs() {
    let everyday = root().join("tests/fixtures/json/everyday.js");
    let everyday = std::fs::read_to_string(everyday).expect("it is committed");
    compare(&(source() + &everyday), 3_600);
}

/// Runs so many programs on both sides, or those that the environment says.
fn compare(source: &str, count: usize) {
    let engine = Engine::start(&["--cpu-limit", "60s", "--memory-limit", "256MiB"]);
    let first = variable("ZIGTTP_JSON_FIRST", 0);
    let count = variable("ZIGTTP_JSON_PROGRAMS", count);
    let next = AtomicUsize::new(first);
    let search = || {
        let mut found = Vec::new();
        while found.len() < 10 {
            let at = next.fetch_add(AT_ONCE, Ordering::Relaxed);
            if at >= first + count {
                break;
            }
            found.extend(differences(&engine, source, at, AT_ONCE));
        }
        found
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let found = thread::scope(|scope| {
        let searches: Vec<_> = (0..cores).map(|_| scope.spawn(search)).collect();
        let joined =
            searches.into_iter().map(|search| search.join().expect("it fails by no panic"));
        joined.flatten().collect::<Vec<_>>()
    });
    assert!(found.is_empty(), "{} programs saw something else:\n{}", found.len(), found.concat());
}

/// The version whose `JSON` is the measure is the one that the engine is made of.
#[test]
fn the_quickjs_of_the_tests_is_that_of_the_engine() {
    let version = |file: &str| {
        let lock = std::fs::read_to_string(root().join(file)).expect("it is committed");
        let versions = lock.split("[[package]]").filter(|package| {
            package.contains("name = \"rquickjs-sys\"") && package.contains("source = ")
        });
        versions
            .filter_map(|package| package.split("checksum = ").nth(1)?.lines().next())
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let engine = version("compiler/engine/Cargo.lock");
    assert_eq!(engine.len(), 1, "the engine has one QuickJS");
    assert_eq!(version("Cargo.lock"), engine);
}
