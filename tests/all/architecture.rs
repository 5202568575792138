//! What depends on what, as cargo knows it.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use super::support::programs::root;

/// Which crates of the project each may depend on. What is not here must not be.
const ARROWS: [(&str, &[&str]); 6] = [
    ("zigttp-abi", &[]),
    ("zigts-rules", &["zigttp-abi"]),
    ("zigts-compiler", &["zigts-rules", "zigttp-abi"]),
    ("zigttp-runtime", &["zigttp-abi"]),
    ("zigttp-cli", &["zigts-compiler", "zigts-rules", "zigttp-abi", "zigttp-runtime"]),
    ("zigttp-tests", &[]),
];

/// Libraries a crate must not name: it would know what it is not to know.
const FOREIGN: [(&str, &[&str]); 4] = [
    ("zigttp-abi", &["wasmtime", "swc_core", "tokio"]),
    ("zigts-rules", &["wasmtime", "swc_core", "tokio"]),
    ("zigts-compiler", &["tokio", "hyper", "clap"]),
    ("zigttp-runtime", &["swc_core", "clap"]),
];

#[test]
fn crates_depend_in_one_direction() {
    let dependencies = dependencies();
    let ours: BTreeSet<&str> = dependencies.keys().map(String::as_str).collect();
    assert_eq!(ours, ARROWS.iter().map(|(name, _)| *name).collect());
    for (name, allowed) in ARROWS {
        let found: BTreeSet<&str> =
            dependencies[name].iter().map(String::as_str).filter(|it| ours.contains(it)).collect();
        assert_eq!(found, allowed.iter().copied().collect(), "{name}");
    }
}

#[test]
fn crates_do_not_name_what_they_are_not_to_know() {
    let dependencies = dependencies();
    for (name, foreign) in FOREIGN {
        for library in foreign {
            assert!(!dependencies[name].contains(*library), "{name} names {library}");
        }
    }
}

#[test]
fn there_is_one_parser_and_one_wasm_runtime() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).expect("it is committed");
    for library in ["swc_core", "swc_ecma_parser", "swc_common", "wasmtime", "wasmtime-wizer"] {
        let name = format!("name = \"{library}\"");
        assert_eq!(lock.lines().filter(|line| *line == name).count(), 1, "{library}");
    }
}

/// Names of the direct dependencies of each of our crates, those of tests left out.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(root())
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline", "--locked"])
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let list = |value: &Value| value.as_array().expect("a list").clone();
    let name = |value: &Value| value["name"].as_str().expect("a name").to_owned();
    list(&metadata["packages"])
        .iter()
        .map(|package| {
            let direct = list(&package["dependencies"])
                .iter()
                .filter(|dependency| dependency["kind"] != "dev")
                .map(name)
                .collect();
            (name(package), direct)
        })
        .collect()
}
