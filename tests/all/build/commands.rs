//! Where `zigts` prints what, and its exit codes.

use std::fs;

use serde_json::Value;

use crate::support::programs::{folder, program, root};
use crate::support::zigts::{folder_with, zigts};

const CLEAN: &str = r#"import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
"#;
const WARNED: &str = r#"import { send } from "zigttp:websocket";
export function onOpen(ws: WebSocket) { send(ws, "hello"); }
"#;
const BROKEN: &str = "export function onMessage( {\n";

#[test]
fn a_clean_handler_checks_in_silence() {
    let folder = folder_with(&[("clean.ts", CLEAN)]);
    let run = zigts(folder.path(), &["check", "clean.ts"]);
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "", ""));
}

#[test]
fn warnings_are_shown_and_do_not_fail() {
    let folder = folder_with(&[("warned.ts", WARNED)]);
    let run = zigts(folder.path(), &["check", "warned.ts"]);
    assert_eq!(run.code, 0);
    assert!(run.stderr.contains("warning[ZTS320]"), "{}", run.stderr);
    assert!(run.stderr.ends_with("1 warning\n"), "{}", run.stderr);
}

#[test]
fn errors_are_located_and_end_with_1() {
    let folder = folder_with(&[("app/broken.ts", BROKEN), ("app/clean.ts", CLEAN)]);
    let run = zigts(folder.path(), &["check", "app/clean.ts", "app/broken.ts"]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("--> app/broken.ts:"), "{}", run.stderr);
    assert!(!run.stderr.contains("clean.ts"), "{}", run.stderr);
}

#[test]
fn an_import_that_would_never_end_is_refused() {
    let folder = folder_with(&[("a.ts", ""), ("huge.ts", "")]);
    std::os::unix::fs::symlink("/dev/zero", folder.path().join("zero.ts")).expect("writable");
    let pipe = folder.path().join("pipe.ts");
    let made = std::process::Command::new("mkfifo").arg(pipe).status().expect("mkfifo exists");
    assert!(made.success());
    let huge = fs::File::options().write(true).open(folder.path().join("huge.ts"));
    huge.and_then(|file| file.set_len(1 << 40)).expect("it has holes");
    for (name, why) in [
        ("zero", "it is not a plain file"),
        ("pipe", "it is not a plain file"),
        ("huge", "it is over 16 MiB"),
    ] {
        let source = format!("import {{ a }} from \"./{name}.ts\";\n{CLEAN}a;\n");
        fs::write(folder.path().join("a.ts"), source).expect("writable");
        let run = zigts(folder.path(), &["check", "a.ts"]);
        assert!(run.code == 1 && run.stderr.contains(why), "{name} {} {}", run.code, run.stderr);
    }
}

#[test]
fn what_cannot_be_read_is_one_line_and_ends_with_2() {
    let folder = folder_with(&[("notes.txt", ""), ("latin.ts", "")]);
    fs::write(folder.path().join("latin.ts"), b"// \xff").expect("writable");
    for command in ["check", "build"] {
        for file in ["missing.ts", "notes.txt", "latin.ts", "./latin.ts"] {
            let run = zigts(folder.path(), &[command, file]);
            assert_eq!(run.code, 2, "{command} {file}: {}", run.stderr);
            assert_eq!(run.stderr.lines().count(), 1, "{command} {file}: {}", run.stderr);
            assert!(run.stderr.contains(&format!("`{file}`")), "{}", run.stderr);
        }
    }
    assert_eq!(zigts(folder.path(), &["frobnicate"]).code, 2);
}

#[test]
fn json_goes_to_standard_output_alone() {
    let folder = folder_with(&[("warned.ts", WARNED), ("broken.ts", BROKEN)]);
    let run = zigts(folder.path(), &["check", "--format", "json", "warned.ts"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let json: Value = serde_json::from_str(&run.stdout).expect("it is JSON");
    assert_eq!(json["success"], true);
    assert_eq!(json["proof"]["exports"], serde_json::json!(["onOpen"]));
    assert_eq!(json["proof"]["imports"], serde_json::json!(["send"]));
    assert_eq!(json["proof"]["routes"], Value::Null);
    assert_eq!(json["proof"]["effects"], serde_json::json!({ "onOpen": ["io"] }));
    let properties =
        serde_json::json!({ "pure": false, "read_only": false, "deterministic": true });
    assert_eq!(json["proof"]["properties"], properties);
    let found = &json["diagnostics"][0];
    let place = ["line", "column", "endLine", "endColumn"].map(|key| found[key].as_u64());
    assert_eq!(place, [Some(1), Some(23), Some(1), Some(39)]);
    assert_eq!((&found["code"], &found["file"]), (&"ZTS320".into(), &"warned.ts".into()));

    let run = zigts(folder.path(), &["check", "--format", "json", "broken.ts"]);
    let json: Value = serde_json::from_str(&run.stdout).expect("it is JSON");
    assert_eq!((run.code, &json["success"]), (1, &false.into()));
}

#[test]
fn building_writes_the_artifact_and_says_what_it_does() {
    let folder = folder_with(&[("app/echo.ts", CLEAN)]);
    let run = zigts(folder.path(), &["build", "app/echo.ts"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert!(run.stdout.starts_with("echo.wasm: "), "{}", run.stdout);
    let artifact = fs::read(folder.path().join("echo.wasm")).expect("it was written");
    assert!(artifact.starts_with(b"\0asm"));

    let run = zigts(folder.path(), &["build", "app/echo.ts", "-o", "again.wasm"]);
    assert_eq!(run.code, 0);
    let again = fs::read(folder.path().join("again.wasm")).expect("it was written");
    assert!(artifact == again, "one source makes one artifact");
    let left: Vec<_> = fs::read_dir(folder.path()).expect("readable").collect();
    assert_eq!(left.len(), 3, "nothing else is left: {left:?}");
}

#[test]
fn a_rejected_handler_leaves_no_artifact() {
    let folder = folder_with(&[("broken.ts", BROKEN)]);
    let run = zigts(folder.path(), &["build", "broken.ts"]);
    assert_eq!((run.code, run.stdout.as_str()), (1, ""));
    assert!(run.stderr.contains("error[ZTS002]"), "{}", run.stderr);
    assert!(!folder.path().join("broken.wasm").exists());
}

#[test]
fn an_artifact_that_cannot_be_written_is_one_line_and_ends_with_2() {
    let folder = folder_with(&[("echo.ts", CLEAN)]);
    for output in ["no/such/folder.wasm", "."] {
        let run = zigts(folder.path(), &["build", "echo.ts", "-o", output]);
        assert_eq!(run.code, 2, "{}", run.stderr);
        assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    }
}

#[test]
fn what_top_level_code_logs_is_shown_while_building() {
    let source = "console.warn('careful', 1);\nexport function handler(req: Request) {}\n";
    let folder = folder_with(&[("talks.ts", source)]);
    let run = zigts(folder.path(), &["build", "talks.ts"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, "console.warn while building: careful 1\n"));
}

#[test]
fn the_example_builds_without_a_word() {
    let chat = root().join("examples/websocket/chat.ts");
    let chat = chat.to_str().expect("the repository has a UTF-8 path");
    let run = zigts(folder().path(), &["check", chat]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
}

#[test]
fn a_rule_is_described_by_code_and_by_name() {
    let folder = folder();
    let by_code = zigts(folder.path(), &["describe-rule", "ZTS321", "--json"]);
    let by_name =
        zigts(folder.path(), &["describe-rule", "websocket_events_without_import", "--json"]);
    assert_eq!((by_code.code, &by_code.stdout), (0, &by_name.stdout));
    insta::assert_snapshot!(by_code.stdout, @r#"
    {
      "name": "websocket_events_without_import",
      "code": "ZTS321",
      "severity": "error",
      "category": "events",
      "description": "exports onOpen, onMessage or onClose but imports no zigttp:websocket",
      "example": "export function onMessage(ws: WebSocket, data: string) { send(ws, data); }",
      "help": "Import the functions you call from `zigttp:websocket`."
    }
    "#);
    let page = zigts(folder.path(), &["describe-rule", "zts321"]);
    assert!(page.stdout.starts_with("# ZTS321 websocket_events_without_import\n"));
    assert!(page.stdout.contains("## Why it matters"));
}

#[test]
fn an_unknown_rule_is_answered_with_the_nearest_one() {
    let run = zigts(folder().path(), &["describe-rule", "sintax_error"]);
    assert_eq!(run.code, 1);
    assert_eq!(
        run.stderr,
        "error: there is no rule `sintax_error`; did you mean `syntax_error`?\n"
    );
}

#[test]
fn every_rule_is_listed_and_can_be_described() {
    let folder = folder();
    let list = zigts(folder.path(), &["rules"]);
    assert_eq!(list.code, 0);
    let all = zigts(folder.path(), &["rules", "--json"]);
    let all: Value = serde_json::from_str(&all.stdout).expect("it is JSON");
    assert_eq!(all.as_array().map(Vec::len), Some(list.stdout.lines().count()));
    for line in list.stdout.lines() {
        let code = line.split(' ').next().expect("a line begins with a code");
        let run = zigts(folder.path(), &["explain", code, "--json"]);
        let json: Value = serde_json::from_str(&run.stdout).expect("it is JSON");
        assert_eq!(json["code"], code);
        assert!(json["example"].as_str().is_some_and(|example| !example.is_empty()), "{code}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    for command in [&["types"][..], &["rules"], &["explain", "ZTS310"]] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = program("zigts").args(command).stdout(writer).output().expect("it runs");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{command:?}");
        assert_eq!(output.status.code(), Some(141), "{command:?}");
    }
}
