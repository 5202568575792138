//! What `zigttp run` cannot serve: each is one clear line on standard error, and exit code 2.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::LazyLock;

use wasm_encoder::Instruction;

use crate::support::{PATIENCE, programs, wasm};

static GOOD: LazyLock<PathBuf> = LazyLock::new(|| {
    programs::compile(
        r#"
import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
"#,
    )
});

/// Runs `zigttp run` to its end; returns exit code, standard output and standard error.
fn run(handler: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let process = programs::program("zigttp")
        .arg("run")
        .arg(handler)
        .args(["--port", "0"])
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("zigttp starts");
    let pid = process.id().to_string();
    let (ended, end) = std::sync::mpsc::channel();
    std::thread::spawn(move || ended.send(process.wait_with_output()));
    let Ok(output) = end.recv_timeout(PATIENCE) else {
        let _ = std::process::Command::new("kill").arg(pid).status();
        panic!("zigttp serves {} {arguments:?}", handler.display());
    };
    let output = output.expect("a child can be waited for");
    let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Checks that it is refused in one line with these words.
fn check(handler: &Path, arguments: &[&str], words: &[&str]) {
    let (code, stdout, stderr) = run(handler, arguments);
    assert_eq!((code, stdout.as_str()), (Some(2), ""), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.starts_with("error: "), "{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    for word in words {
        assert!(stderr.contains(word), "{word:?} is not in {stderr}");
    }
}

/// Checks that these bytes are refused with these words and the file's name.
fn check_bytes(bytes: &[u8], words: &[&str]) {
    let folder = programs::folder();
    let path = folder.path().join("handler.wasm");
    fs::write(&path, bytes).expect("the temporary folder is writable");
    let name = path.to_str().expect("a UTF-8 path");
    check(&path, &[], &[&[name], words].concat());
}

#[test]
fn a_file_that_is_not_there_is_refused() {
    check(Path::new("/no/such/handler.wasm"), &[], &["/no/such/handler.wasm", "No such file"]);
    check(Path::new("/no/such/handler.ts"), &[], &["/no/such/handler.ts", "No such file"]);
}

#[test]
fn a_folder_and_a_file_of_another_kind_are_refused() {
    let folder = programs::folder();
    let path = folder.path().join("folder.wasm");
    fs::create_dir(&path).expect("the temporary folder is writable");
    check(&path, &[], &["folder.wasm", "directory"]);
    check(folder.path(), &[], &["a .wasm, or a .ts, .mts, .js or .mjs source"]);
    check(Path::new("handler.txt"), &[], &["handler.txt", "a .wasm, or a .ts"]);
}

#[test]
fn bytes_that_are_no_module_are_refused() {
    check_bytes(b"", &["not a WebAssembly module"]);
    check_bytes(b"export function onMessage() {}", &["not a WebAssembly module"]);
    check_bytes(b"\0asm", &["not a WebAssembly module"]);
    // An empty module of version 2, and a component.
    check_bytes(b"\0asm\x02\0\0\0", &["not a WebAssembly module"]);
    check_bytes(b"\0asm\x0d\0\x01\0", &["not a WebAssembly module"]);
}

#[test]
fn random_bytes_are_refused() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..8 {
        let mut bytes: Vec<u8> =
            if round % 2 == 0 { Vec::new() } else { b"\0asm\x01\0\0\0".to_vec() };
        for _ in 0..512 {
            // Xorshift: the same bytes in every run.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            bytes.push(state as u8);
        }
        check_bytes(&bytes, &["not a WebAssembly module"]);
    }
}

#[test]
fn a_truncated_artifact_is_refused() {
    let artifact = fs::read(&*GOOD).expect("it was built");
    for part in [9, artifact.len() / 3, artifact.len() / 2, artifact.len() - 1] {
        check_bytes(&artifact[..part], &["not a WebAssembly module"]);
    }
}

#[test]
fn an_artifact_with_damaged_code_is_refused() {
    let mut artifact = fs::read(&*GOOD).expect("it was built");
    // Sections stay as they are; instructions in the middle of the code become others.
    let middle = artifact.len() / 4;
    artifact[middle..middle + 64].fill(0xff);
    check_bytes(&artifact, &[]);
}

#[test]
fn a_module_without_a_manifest_is_refused() {
    check_bytes(b"\0asm\x01\0\0\0", &["no zigttp.manifest section", "zigts build"]);
}

#[test]
fn a_manifest_that_cannot_be_read_is_refused() {
    let lacks_the_rest = format!(r#"{{"abi":{}}}"#, wasm::ABI);
    for manifest in ["", "{", "null", "{}", r#"{"abi":"1"}"#, &lacks_the_rest] {
        check_bytes(&wasm::with_manifest(manifest), &["manifest cannot be read"]);
    }
}

#[test]
fn an_artifact_for_another_abi_is_refused() {
    let speaks = format!("speaks ABI {}", wasm::ABI);
    check_bytes(&wasm::with_manifest(&wasm::manifest(999)), &["built for ABI 999", &speaks]);
}

#[test]
fn a_module_that_is_no_handler_is_refused() {
    check_bytes(&wasm::with_manifest(&wasm::manifest(wasm::ABI)), &["exports no \"memory\""]);
    check_bytes(
        &wasm::without_functions(),
        &["its export \"room_of\" is missing or has another type"],
    );
    // It is valid as long as its bodies are not checked.
    check_bytes(&wasm::handler(&[Instruction::Drop]), &["not a handler this server can run"]);
}

#[test]
fn a_module_with_a_start_function_is_refused() {
    // It would run before any event, without a budget: this one for ever.
    let spin = "(func $spin (loop (br 0))) (start $spin)";
    check_bytes(&wasm::with_fields(spin), &["it has a start function"]);
    for isolation in ["restore", "instantiate"] {
        let folder = programs::folder();
        let path = folder.path().join("handler.wasm");
        fs::write(&path, wasm::with_fields("(func $start) (start $start)")).expect("writable");
        check(&path, &["--isolation", isolation], &["it has a start function"]);
    }
}

#[test]
fn a_module_that_imports_what_there_is_not_is_refused() {
    for (import, words) in [
        (r#"(import "zigttp" "read_file" (func (param i32)))"#, &["zigttp::read_file"][..]),
        (r#"(import "env" "memory" (memory 1))"#, &["env::memory"]),
        (r#"(import "env" "table" (table 1 funcref))"#, &["env::table"]),
        (r#"(import "zigttp" "secret" (global i32))"#, &["zigttp::secret"]),
        // A name that exists, with another type.
        (
            r#"(import "zigttp" "send" (func (param i32)))"#,
            &["zigttp::send", "incompatible import type"],
        ),
        (r#"(import "zigttp" "send" (global i32))"#, &["zigttp::send", "incompatible import type"]),
    ] {
        check_bytes(&wasm::with_fields(import), words);
    }
}

#[test]
fn a_module_that_imports_another_function_of_wasi_is_refused() {
    for name in ["path_open", "fd_read", "fd_prestat_get", "sock_accept", "poll_oneoff", "args_get"]
    {
        let import = format!(r#"(import "wasi_snapshot_preview1" "{name}" (func (result i32)))"#);
        check_bytes(&wasm::with_fields(&import), &["wasi_snapshot_preview1", name]);
    }
}

#[test]
fn a_module_that_wants_more_than_a_guest_may_have_is_refused() {
    for memory in [
        // Four gigabytes at once.
        r#"(memory (export "memory") 65536)"#,
        // One page over the default limit.
        r#"(memory (export "memory") 513)"#,
        r#"(memory (export "memory") i64 1)"#,
        r#"(memory (export "memory") 1 16 shared)"#,
        r#"(memory (export "memory") 1) (memory 1)"#,
        r#"(memory (export "memory") 1) (table 10000000 funcref)"#,
    ] {
        for isolation in ["restore", "instantiate"] {
            let folder = programs::folder();
            let path = folder.path().join("handler.wasm");
            fs::write(&path, wasm::with_memory("", memory)).expect("writable");
            let name = path.to_str().expect("a UTF-8 path");
            check(&path, &["--isolation", isolation], &[name]);
        }
    }
}

#[test]
fn data_that_lies_outside_of_the_memory_is_refused() {
    check_bytes(&wasm::with_fields(r#"(data (i32.const 65535) "ab")"#), &["out of bounds"]);
}

#[test]
fn a_port_in_use_is_refused() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("it is bound");
    let (code, stdout, stderr) = {
        let port = address.port().to_string();
        let output = programs::program("zigttp")
            .arg("run")
            .arg(&*GOOD)
            .args(["--port", &port])
            .output()
            .expect("zigttp starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    assert_eq!((code, stdout.as_str()), (Some(2), ""), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains(&address.to_string()), "{stderr}");
    assert!(stderr.contains("in use"), "{stderr}");
}

#[test]
fn a_durable_folder_that_cannot_be_used_is_refused() {
    let folder = programs::folder();
    let path = |name: &str| folder.path().join(name).to_str().expect("a UTF-8 path").to_owned();
    let refused = |path: &str, words: &[&str]| {
        check(&GOOD, &["--durable", path], &[&["durable folder", path], words].concat());
    };
    // Also for root: a file where a folder should be, and a folder where no user can write.
    fs::write(path("file"), "").expect("the temporary folder is writable");
    refused(&path("file"), &[]);
    refused(&path("file/below"), &[]);
    refused("/proc/zigttp", &[]);

    fs::create_dir(path("occupied")).expect("the temporary folder is writable");
    fs::write(path("occupied/ws"), "").expect("the temporary folder is writable");
    refused(&path("occupied"), &[]);

    fs::create_dir(path("garbled")).expect("the temporary folder is writable");
    fs::write(path("garbled/ids"), "many\n").expect("the temporary folder is writable");
    refused(&path("garbled"), &["is damaged"]);

    fs::create_dir_all(path("blocked/ids")).expect("the temporary folder is writable");
    refused(&path("blocked"), &[]);
}

#[test]
fn a_durable_folder_without_permissions_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = programs::folder();
    let locked = folder.path().join("locked");
    fs::create_dir(&locked).expect("the temporary folder is writable");
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o500)).expect("it is ours");
    // Root may write anywhere, so that nothing is refused.
    if fs::write(locked.join("probe"), "").is_err() {
        let path = locked.to_str().expect("a UTF-8 path");
        check(&GOOD, &["--durable", path], &["durable folder", path]);
    }
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o700)).expect("it is ours");
}
