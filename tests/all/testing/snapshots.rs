//! Snapshots of `zigttp test`: written once, compared from then on, and never behind anybody's back.

use std::fs;
use std::path::Path;

use super::{Ran, test, test_with};
use crate::support::zigts::folder_with;

const HANDLER: &str = "export function handler() { return new Response(); }\n";

fn tests(value: &str) -> String {
    format!(
        "import {{ expect, test }} from \"zigttp:test\";
test(\"one\", () => {{
  expect({value}).toMatchSnapshot();
  expect(\"`${{x}}` \\\\\").toMatchSnapshot(\"a hint\");
  expect({{ id: 1, name: \"Ann\" }}).toMatchSnapshot({{ id: expect.any(Number) }});
}});
"
    )
}

fn snapshot_file(folder: &Path) -> String {
    fs::read_to_string(folder.join("__snapshots__/a.test.ts.snap")).expect("it was written")
}

fn rewrite(folder: &Path, text: &str) {
    fs::write(folder.join("a.test.ts"), text).expect("writable");
}

#[track_caller]
fn passes(ran: &Ran) {
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
}

#[test]
fn a_snapshot_is_written_once_and_compared_from_then_on() {
    let folder = folder_with(&[
        ("handler.ts", HANDLER),
        ("a.test.ts", &tests("{ b: [1, 2], a: new Map([[1, -0]]) }")),
    ]);
    let first = test(folder.path(), &[]);
    passes(&first);
    assert!(first.stdout.contains("snapshots: 3 written\n"), "{}", first.stdout);
    let written = snapshot_file(folder.path());
    insta::assert_snapshot!("snapshot_file", written);

    let second = test(folder.path(), &[]);
    passes(&second);
    assert!(!second.stdout.contains("snapshots:"), "{}", second.stdout);

    rewrite(folder.path(), &tests("{ b: [1, 3], a: new Map([[1, -0]]) }"));
    let changed = test(folder.path(), &[]);
    assert_eq!(changed.code, 1);
    for expected in ["- Expected  - 1", "-     2,", "+     3,", "a.test.ts:3:"] {
        assert!(changed.stdout.contains(expected), "{expected}: {}", changed.stdout);
    }
    assert_eq!(snapshot_file(folder.path()), written);

    let updated = test(folder.path(), &["--update"]);
    passes(&updated);
    assert!(updated.stdout.contains("snapshots: 1 updated\n"), "{}", updated.stdout);
    assert!(snapshot_file(folder.path()).contains("    3,\n"));
    passes(&test(folder.path(), &[]));
}

#[test]
fn ci_writes_no_snapshot() {
    let folder = folder_with(&[("handler.ts", HANDLER), ("a.test.ts", &tests("1"))]);
    let ran = test_with(folder.path(), &[], &[("CI", "true")]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stdout.contains("which is not in the file; new ones are not written here"),
        "{}",
        ran.stdout
    );
    assert!(!folder.path().join("__snapshots__").exists());
}

#[test]
fn obsolete_snapshots_are_told_and_removed_by_update_alone() {
    let folder = folder_with(&[("handler.ts", HANDLER), ("a.test.ts", &tests("1"))]);
    passes(&test(folder.path(), &[]));
    let other =
        "import { expect, test } from \"zigttp:test\";\ntest(\"two\", () => expect(2).toBe(2));\n";
    rewrite(folder.path(), other);
    let told = test(folder.path(), &[]);
    passes(&told);
    assert!(told.stdout.contains("snapshots: 3 obsolete"), "{}", told.stdout);
    assert!(snapshot_file(folder.path()).contains("exports[`one 1`]"));

    // Those of a test that does not run are not obsolete.
    rewrite(
        folder.path(),
        &format!(
            "{}{}",
            tests("1").replace("test(\"one\"", "test.skip(\"one\""),
            "test(\"two\", () => {});\n"
        ),
    );
    let skipped = test(folder.path(), &["--update"]);
    passes(&skipped);
    assert!(!skipped.stdout.contains("obsolete"), "{}", skipped.stdout);
    assert!(snapshot_file(folder.path()).contains("exports[`one 1`]"));

    rewrite(folder.path(), other);
    passes(&test(folder.path(), &["--update"]));
    assert!(!folder.path().join("__snapshots__/a.test.ts.snap").exists());
}

#[test]
fn a_broken_snapshot_file_is_told_by_its_line() {
    let folder = folder_with(&[
        ("handler.ts", HANDLER),
        ("a.test.ts", &tests("1")),
        ("__snapshots__/a.test.ts.snap", "// heading\n\n<<<<<<< ours\n"),
    ]);
    let ran = test(folder.path(), &[]);
    assert_eq!(ran.code, 1);
    let told = ran.stdout + &ran.stderr;
    assert!(told.contains("__snapshots__/a.test.ts.snap:3:"), "{told}");
}

#[test]
fn one_files_broken_snapshots_end_no_other_files_tests() {
    let folder = folder_with(&[
        ("handler.ts", HANDLER),
        ("a.test.ts", &tests("1")),
        ("b.test.ts", &tests("2")),
        ("__snapshots__/a.test.ts.snap", "<<<<<<< ours\n"),
    ]);
    let ran = test(folder.path(), &[]);
    assert_eq!(ran.code, 1);
    let told = ran.stdout + &ran.stderr;
    assert!(told.contains("a.test.ts.snap:1:") && told.contains("1 passed"), "{told}");
}
