//! Which crate depends on which, as cargo reports it.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use super::support::programs::{committed, root};

/// The crates of the project that each may depend on. Every other dependency fails the test.
const ARROWS: [(&str, &[&str]); 16] = [
    ("zigttp-abi", &[]),
    ("zigttp-crypto", &[]),
    ("zigts-rules", &["zigttp-abi"]),
    ("zigts-compiler", &["zigts-rules", "zigttp-abi"]),
    ("zigttp-protocol", &["zigttp-abi"]),
    ("zigttp-files", &[]),
    ("zigttp-otlp", &["zigttp-outbound", "zigttp-rooms", "zigttp-sandbox"]),
    ("zigttp-outbound", &[]),
    ("zigttp-store", &["zigttp-abi", "zigttp-files"]),
    ("zigttp-sandbox", &["zigttp-abi", "zigttp-crypto", "zigttp-files", "zigttp-protocol"]),
    ("zigttp-recording", &["zigttp-abi", "zigttp-files", "zigttp-protocol", "zigttp-sandbox"]),
    (
        "zigttp-rooms",
        &["zigttp-abi", "zigttp-protocol", "zigttp-recording", "zigttp-sandbox", "zigttp-store"],
    ),
    (
        "zigttp-runtime",
        &[
            "zigttp-abi",
            "zigttp-files",
            "zigttp-outbound",
            "zigttp-protocol",
            "zigttp-recording",
            "zigttp-rooms",
            "zigttp-sandbox",
            "zigttp-store",
        ],
    ),
    (
        "zigttp-testing",
        &[
            "zigttp-abi",
            "zigttp-protocol",
            "zigttp-rooms",
            "zigttp-runtime",
            "zigttp-sandbox",
            "zigttp-store",
        ],
    ),
    (
        "zigttp-cli",
        &[
            "zigts-compiler",
            "zigts-rules",
            "zigttp-abi",
            "zigttp-files",
            "zigttp-otlp",
            "zigttp-recording",
            "zigttp-runtime",
            "zigttp-testing",
        ],
    ),
    ("zigttp-tests", &[]),
];

/// Libraries that a crate must not name, because its job does not need them.
const FOREIGN: [(&str, &[&str]); 12] = [
    ("zigttp-crypto", &["tokio", "hyper", "wasmtime", "serde_json"]),
    ("zigttp-abi", &["wasmtime", "swc_core", "tokio"]),
    ("zigts-rules", &["wasmtime", "swc_core", "tokio"]),
    ("zigts-compiler", &["tokio", "hyper", "clap"]),
    ("zigttp-protocol", &["tokio", "hyper", "wasmtime"]),
    ("zigttp-files", &["tokio", "wasmtime"]),
    ("zigttp-outbound", &["wasmtime"]),
    ("zigttp-store", &["hyper", "wasmtime", "zigttp-protocol"]),
    ("zigttp-sandbox", &["hyper", "rustls", "tokio-rustls", "getrandom"]),
    ("zigttp-rooms", &["hyper", "rustls", "tokio-rustls", "wasmtime", "zigttp-files"]),
    ("zigttp-testing", &["hyper", "rustls", "wasmtime", "zigttp-files"]),
    ("zigttp-runtime", &["swc_core", "clap", "wasmtime", "wasmparser"]),
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

/// Libraries that one crate alone may name.
const OWNED: [(&str, &str); 4] = [
    ("aws-lc-rs", "zigttp-crypto"),
    ("croner", "zigttp-abi"),
    ("redis", "zigttp-store"),
    ("rusqlite", "zigttp-store"),
];

#[test]
fn a_library_that_one_crate_hides_is_named_by_no_other() {
    let dependencies = dependencies();
    for (library, owner) in OWNED {
        let named: Vec<&String> =
            dependencies.keys().filter(|name| dependencies[*name].contains(library)).collect();
        assert_eq!(named, [owner], "{library}");
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

/// Where `unsafe` is allowed besides the engine, which is bindings to C and runs in the sandbox.
const UNSAFE: [&str; 3] = [
    // Machine code from the cache, which nothing can check.
    "runtime/sandbox/src/module_cache.rs",
    // The C library's count of what it has allocated.
    "runtime/src/operator/allocated.rs",
    // An allocator that counts, in a test.
    "tests/allocations.rs",
];

#[test]
fn unsafe_stands_where_it_is_allowed_and_says_why_it_is_sound() {
    let mut found = BTreeSet::new();
    for path in committed(".rs") {
        let text = std::fs::read_to_string(root().join(&path)).expect("it is committed");
        let lines: Vec<&str> = text.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            // Only whole words: `unsafe_code` and `is_unsafe {` do not count.
            let is_claim = ["unsafe {", "unsafe impl"].iter().any(|claim| {
                code.match_indices(claim).any(|(at, _)| {
                    !code[..at].ends_with(|before: char| {
                        before.is_alphanumeric() || "_\"".contains(before)
                    })
                })
            });
            if !is_claim {
                continue;
            }
            found.insert(path.clone());
            // In the comment above it, or above the statement it is part of.
            let above = &lines[number.saturating_sub(12)..=number];
            let says_why = above.iter().any(|line| line.contains("SAFETY:"));
            assert!(says_why, "{path}:{} does not say why it is sound:\n{line}", number + 1);
        }
    }
    let host = found.iter().filter(|path| !path.starts_with("compiler/engine/"));
    assert_eq!(host.map(String::as_str).collect::<Vec<_>>(), UNSAFE);
}

#[test]
fn every_test_that_the_threat_model_names_exists() {
    every_test_named_in_exists("SECURITY.md", 20);
}

#[test]
fn every_test_that_the_semantics_name_exists() {
    every_test_named_in_exists("tests/SEMANTICS.md", 100);
}

/// Tests are named as `cargo test` takes their names: `folder::module::test`, from `tests/all`.
fn every_test_named_in_exists(document: &str, at_least: usize) {
    let text = std::fs::read_to_string(root().join(document)).expect("it is committed");
    let is_name = |part: &str| part.starts_with(|first: char| first.is_ascii_lowercase());
    let named: Vec<(&str, &str)> = text
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|code| code.split("::").all(is_name))
        .filter_map(|code| code.rsplit_once("::"))
        .collect();
    assert!(named.len() > at_least, "the table of {document} has moved");
    for (module, name) in named {
        let path = root().join("tests/all").join(module.replace("::", "/")).with_extension("rs");
        let tests = std::fs::read_to_string(&path);
        let tests = tests.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(tests.contains(&format!("fn {name}()")), "there is no {module}::{name}");
    }
}

/// Names of the direct dependencies of each of our crates, without those of tests.
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
