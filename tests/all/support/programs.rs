//! The programs under test, as cargo built them, and handlers compiled by them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

/// Root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests have a folder of their own")
}

/// Committed files whose names end so, relative to the root.
pub(crate) fn committed(end: &str) -> Vec<String> {
    let output =
        Command::new("git").current_dir(root()).args(["ls-files"]).output().expect("git starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let files = String::from_utf8(output.stdout).expect("names are UTF-8");
    files.lines().filter(|path| path.ends_with(end)).map(str::to_owned).collect()
}

/// A command that runs `zigts` or `zigttp`.
pub(crate) fn program(name: &str) -> Command {
    let mut command = Command::new(program_path(name));
    prepare(&mut command);
    command
}

/// Sets the environment of a command that runs one of the programs.
pub(crate) fn prepare(command: &mut Command) {
    // No colour, no settings of the user who runs the tests; one cache of compiled modules for all.
    command
        .env("NO_COLOR", "1")
        .env("XDG_CACHE_HOME", cache_folder())
        // Dates of handlers are UTC in any time zone of the host.
        .env("TZ", "America/New_York")
        .env_remove("RUST_LOG")
        .env_remove("PORT");
}

/// Cargo puts test executables into `target/<profile>/deps`, programs into its parent.
pub(crate) fn program_path(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a running test has an executable");
    let profile = test.ancestors().nth(2).expect("target/<profile>/deps/<test>");
    let path = profile.join(name);
    assert!(
        path.exists(),
        "{} is not built: run `cargo test --workspace`, which builds it",
        path.display()
    );
    path
}

fn cache_folder() -> PathBuf {
    let test = std::env::current_exe().expect("a running test has an executable");
    test.ancestors().nth(2).expect("target/<profile>/deps/<test>").join("test-cache")
}

/// A folder for the files of one test, removed with it.
pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("the temporary folder is writable")
}

/// Compiles a TypeScript source of this text, once for all tests that use it.
pub(crate) fn compile(source: &str) -> PathBuf {
    compile_once(source, |folder| {
        let path = folder.join("handler.ts");
        std::fs::write(&path, source).expect("the temporary folder is writable");
        path
    })
}

/// Compiles a file of the repository, once for all tests that use it.
pub(crate) fn compile_file(path: &str) -> PathBuf {
    compile_once(path, |_folder| root().join(path))
}

fn compile_once(key: &str, source: impl FnOnce(&Path) -> PathBuf) -> PathBuf {
    static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(folder);
    type Builds = Mutex<HashMap<String, Arc<OnceLock<PathBuf>>>>;
    static BUILDS: LazyLock<Builds> = LazyLock::new(Builds::default);

    let (build, folder) = {
        let mut builds = BUILDS.lock().expect("no test panics while it holds this");
        let folder = FOLDER.path().join(builds.len().to_string());
        (Arc::clone(builds.entry(key.to_owned()).or_default()), folder)
    };
    build
        .get_or_init(|| {
            std::fs::create_dir_all(&folder).expect("the temporary folder is writable");
            let source = source(&folder);
            let artifact = folder.join("handler.wasm");
            let output = program("zigts")
                .arg("build")
                .arg(&source)
                .arg("-o")
                .arg(&artifact)
                .output()
                .expect("zigts starts");
            assert!(
                output.status.success(),
                "zigts build {} failed:\n{}{}",
                source.display(),
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
            artifact
        })
        .clone()
}

/// Sends every member 64 KiB on each message, and the sender the number that were refused.
pub(crate) const FLOOD: &str = r#"
import { send, getWebSockets } from "zigttp:websocket";
const big = "x".repeat(64 * 1024);
export function onMessage(ws: WebSocket, data: string, room: string) {
  let refused = 0;
  for (const peer of getWebSockets(room)) if (peer !== ws && !send(peer, big)) refused++;
  send(ws, "refused " + refused);
}
export function onClose(ws: WebSocket, code: number, reason: string) {
  console.log("closed", code, reason);
}
"#;
