//! The matchers of `zigttp:test` beside those of the package `expect` of npm.

use std::fs;
use std::process::Command;

use super::test_with;
use crate::support::programs::root;
use crate::support::skipped;
use crate::support::zigts::folder_with;

#[test]
fn matchers_and_snapshots_are_those_of_npm() {
    let cases = root().join("tests/expect");
    if !cases.join("node_modules").exists() {
        skipped("run `npm ci` in tests/expect");
        return;
    }
    let handler = "export function handler() { return new Response(); }\n";
    let folder = folder_with(&[("handler.ts", handler)]);
    for file in ["cases.js", "ours.test.ts"] {
        fs::copy(cases.join(file), folder.path().join(file)).expect("it is there");
    }
    let written = Command::new("node")
        .current_dir(&cases)
        .arg("npm.mjs")
        .arg(folder.path())
        .output()
        .expect("node is there where its modules are");
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    // Nothing is written: each snapshot is one of Jest's.
    let ran = test_with(folder.path(), &[], &[("CI", "true")]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("62 passed") && !ran.stdout.contains("obsolete"), "{}", ran.stdout);
}
