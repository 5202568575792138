//! Files that are printed by the programs and committed, so that nobody needs those to read them.
//!
//! `UPDATE=1 cargo test generated` writes them anew.

use super::support::programs::{program, root};

#[test]
fn generated_typings_beside_the_examples_are_fresh() {
    is_fresh("examples/zigttp.d.ts", &["types"]);
}

/// Compares a file of the repository with what `zigts` prints.
fn is_fresh(path: &str, arguments: &[&str]) {
    let output = program("zigts").args(arguments).output().expect("zigts starts");
    let printed = String::from_utf8(output.stdout).expect("output is UTF-8");
    assert!(output.status.success());
    let path = root().join(path);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &printed).expect("the repository is writable");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let shown = path.display();
    assert!(printed == committed, "{shown} is stale: UPDATE=1 cargo test generated");
}
