//! `zigttp test`.

mod coverage;
mod expect;
mod many;
mod reporters;
mod snapshots;
mod watching;

use std::path::Path;

use crate::support::programs::program;

struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

/// Runs the tests of a folder.
fn test(folder: &Path, arguments: &[&str]) -> Ran {
    test_with(folder, arguments, &[])
}

/// The same with settings in the environment.
fn test_with(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Ran {
    let output = program("zigttp")
        .current_dir(folder)
        .env_remove("CI")
        .envs(environment.iter().copied())
        .arg("test")
        .args(arguments)
        .output()
        .expect("zigttp starts");
    let text = |bytes| String::from_utf8(bytes).expect("what it tells is UTF-8");
    Ran {
        code: output.status.code().expect("it is not killed"),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}
