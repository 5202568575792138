//! `zigttp test`: real events without sockets, each test in a world of its own, under a clock that it owns.

mod clients;
mod examples;
mod failing;
mod ordering;
mod outside;
mod prepared;
mod running;
mod time;

use std::fs;
use std::path::Path;
use std::process::Output;

use crate::support::programs::{folder, program};

/// What a test needs of its library.
const IMPORTS: &str = "import { beforeEach, clock, connect, Connection, expect, Refused, request, test, world } from \"zigttp:test\";\n";

/// Runs `zigttp test` in a folder.
fn run(folder: &Path, arguments: &[&str]) -> Output {
    program("zigttp")
        .current_dir(folder)
        .arg("test")
        .args(arguments)
        .output()
        .expect("zigttp starts")
}

/// What a run has said, on both outputs.
fn said(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it));
    format!("{out}{err}")
}

/// Runs the tests of a handler.
fn run_tests(handler: &str, tests: &str, arguments: &[&str]) -> Output {
    let folder = folder();
    fs::write(folder.path().join("handler.ts"), handler).expect("the temporary folder is writable");
    let tests = format!("{IMPORTS}{tests}");
    fs::write(folder.path().join("handler.test.ts"), tests).expect("it is writable");
    run(folder.path(), arguments)
}

/// The tests of a handler pass.
#[track_caller]
fn passes(handler: &str, tests: &str) {
    let output = run_tests(handler, tests, &[]);
    assert!(output.status.success(), "{}", said(&output));
}

/// The tests of a handler fail, and it is said with these words.
#[track_caller]
fn fails(handler: &str, tests: &str, words: &[&str]) {
    let output = run_tests(handler, tests, &[]);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is not in:\n{said}");
    }
}
