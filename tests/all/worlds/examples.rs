//! The tests of the examples.

use super::{run, said};
use crate::support::programs::{committed, root};

/// Needs a package of npm.
const WITH_PACKAGES: &str = "examples/jwt/";

#[test]
fn every_example_has_tests_and_they_pass() {
    let tests = committed(".test.ts");
    for example in committed("README.md") {
        let Some(folder) =
            example.strip_suffix("README.md").filter(|it| it.matches('/').count() == 2)
        else {
            continue;
        };
        if folder.starts_with("examples/") {
            assert!(tests.iter().any(|test| test.starts_with(folder)), "{folder} has no test");
        }
    }
    let tests = tests
        .iter()
        .filter(|test| test.starts_with("examples/") && !test.starts_with(WITH_PACKAGES));
    let tests: Vec<&str> = tests.map(String::as_str).collect();
    let output = run(root(), &tests);
    assert!(output.status.success(), "{}", said(&output));
}
