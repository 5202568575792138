//! The committed engine belongs to the committed sources.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

#[test]
fn the_engine_was_built_from_its_sources() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let engine = root.join("compiler/engine");
    let recorded = fs::read_to_string(engine.join("engine.sha256")).unwrap();
    let recorded: BTreeMap<&str, &str> = recorded
        .lines()
        .map(|line| line.split_once("  ").expect("`<hash>  <name>`"))
        .map(|(hash, name)| (name, hash))
        .collect();

    let binary = fs::read(engine.join("engine.wasm")).unwrap();
    assert_eq!(hex(&Sha256::digest(binary)), recorded["engine.wasm"], "engine.wasm was changed");
    assert_eq!(
        sources_hash(root),
        recorded["sources"],
        "engine.wasm is not what its sources make: run compiler/engine/build.sh"
    );
}

/// The hash that `build.sh` describes at its head.
fn sources_hash(root: &Path) -> String {
    let mut files = Vec::new();
    for file in ["Cargo.lock", "Cargo.toml", "build.sh"] {
        files.push(root.join("compiler/engine").join(file));
    }
    files.push(root.join("runtime/abi/Cargo.toml"));
    for folder in ["compiler/engine/src", "compiler/engine/quickjs", "runtime/abi/src"] {
        gather(&root.join(folder), &mut files);
    }

    let mut by_path: Vec<(String, PathBuf)> = files
        .into_iter()
        .map(|file| (file.strip_prefix(root).unwrap().to_str().unwrap().to_owned(), file))
        .filter(|(path, _)| !NOT_COMPILED_IN.contains(&path.as_str()))
        .collect();
    by_path.sort();
    let mut hash = Sha256::new();
    for (path, file) in by_path {
        hash.update(path);
        hash.update([0]);
        hash.update(fs::read(file).unwrap());
        hash.update([0]);
    }
    hex(&hash.finalize())
}

/// Files of `runtime/abi` of which the engine has nothing.
const NOT_COMPILED_IN: [&str; 2] = ["runtime/abi/src/manifest.rs", "runtime/abi/src/state.rs"];

fn gather(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { gather(&path, files) } else { files.push(path) }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
