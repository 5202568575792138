//! The formats of `zigts check`, what makes it fail, and what `--fix` does.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use serde_json::Value;

use crate::support::programs::program;
use crate::support::zigts::{Run, folder_with, zigts};

const CLEAN: &str = r#"import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
"#;
/// ZTS320, a warning.
const WARNED: &str = r#"import { send } from "zigttp:websocket";
export function onOpen(ws: WebSocket) { send(ws, "hello"); }
"#;
/// ZTS321, an error that can be fixed.
const NO_IMPORT: &str =
    "export function onMessage(ws: WebSocket, data: string) { send(ws, data); }\n";
const BROKEN: &str = "export function onMessage( {\n";

fn check(files: &[(&str, &str)], arguments: &[&str]) -> Run {
    let folder = folder_with(files);
    zigts(folder.path(), &[&["check"], arguments].concat())
}

#[test]
fn compact_reports_have_a_line_for_each_finding() {
    let files = [("a/no_import.ts", NO_IMPORT), ("b/warned.ts", WARNED)];
    let run = check(&files, &["--format", "compact", "a", "b/warned.ts"]);
    assert_eq!((run.code, run.stderr.as_str()), (1, ""));
    insta::assert_snapshot!(run.stdout, @r#"
    a/no_import.ts:1:17: error ZTS321: `onMessage` is exported, but `zigttp:websocket` is never imported
    b/warned.ts:1:23: warning ZTS320: `zigttp:websocket` is imported, but `warned.ts` exports no `onMessage`
    "#);
}

#[test]
fn github_reports_are_workflow_commands() {
    let run = check(&[("app/no,import.ts", NO_IMPORT)], &["--format", "github", "app"]);
    assert_eq!(run.code, 1);
    insta::assert_snapshot!(run.stdout, @r#"
    ::error file=app/no%2Cimport.ts,line=1,endLine=1,col=17,endColumn=26,title=ZTS321 websocket_events_without_import::`onMessage` is exported, but `zigttp:websocket` is never imported%0Anote: only that module can send to a connection%0Ahelp: Add `import { send } from "zigttp:websocket";`.
    "#);
}

#[test]
fn sarif_reports_describe_rules_places_and_fixes() {
    let files = [
        ("my app/no_import.ts", NO_IMPORT),
        ("my app/warned.ts", WARNED),
        ("my app/broken.ts", BROKEN),
    ];
    let run = check(&files, &["--format", "sarif", "my app"]);
    let log: Value = serde_json::from_str(&run.stdout).expect("it is JSON");
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let results = run["results"].as_array().expect("a list");
    for result in results {
        let index = result["ruleIndex"].as_u64().expect("a number") as usize;
        assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
    }
    let fixable = results.iter().find(|result| result["ruleId"] == "ZTS321");
    let fixable = fixable.expect("an import is missing");
    let place = &fixable["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "my%20app/no_import.ts");
    assert_eq!(place["region"]["startColumn"], 17);
    let replacement = &fixable["fixes"][0]["artifactChanges"][0]["replacements"][0];
    let inserted = replacement["insertedContent"]["text"].as_str().expect("a text");
    assert_eq!(inserted, "import { send } from \"zigttp:websocket\";\n");
}

#[test]
fn sarif_reports_keep_to_the_schema() {
    // The schema by OASIS, as the crate serde-sarif contains it.
    let schema = include_str!("../../fixtures/sarif-2.1.0.schema.json");
    let mut schema: Value = serde_json::from_str(schema).expect("it is JSON");
    for holder in ["run", "toolComponent"] {
        // Their pattern has an unmatched closing bracket, which this validator rejects.
        let language = &mut schema["definitions"][holder]["properties"]["language"];
        language.as_object_mut().expect("it is there").remove("pattern");
    }
    let schema = jsonschema::validator_for(&schema).expect("it is a schema");
    let files = [
        ("my app/no_import.ts", NO_IMPORT),
        ("my app/warned.ts", WARNED),
        ("my app/broken.ts", BROKEN),
        ("clean/clean.ts", CLEAN),
    ];
    for folder in ["my app", "clean", "."] {
        let run = check(&files, &["--format", "sarif", folder]);
        let log: Value = serde_json::from_str(&run.stdout).expect("it is JSON");
        let errors: Vec<_> = schema.iter_errors(&log).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{folder}: {errors:#?}");
    }
    assert!(!schema.is_valid(&serde_json::json!({ "version": "2.1.0" })), "it can fail");
}

#[test]
fn json_of_several_handlers_says_whether_all_is_well() {
    let files = [("clean.ts", CLEAN), ("warned.ts", WARNED)];
    let json = |arguments: &[&str]| -> Value {
        let run = check(&files, &[&["--format", "json"], arguments].concat());
        let json: Value = serde_json::from_str(&run.stdout).expect("it is JSON");
        assert_eq!(json["success"], run.code == 0);
        json
    };
    assert_eq!(json(&["."])["diagnostics"][0]["code"], "ZTS320");
    assert_eq!(json(&["."])["proof"], Value::Null);
    assert_eq!(json(&["clean.ts"])["proof"]["exports"][0], "onMessage");
    assert_eq!(json(&["--deny-warnings", "."])["success"], false);
}

#[test]
fn every_form_can_be_written_to_a_file() {
    let folder = folder_with(&[("no_import.ts", NO_IMPORT)]);
    for format in ["pretty", "json", "sarif", "github", "compact"] {
        let arguments = ["check", "--format", format, "--output-file", "report", "no_import.ts"];
        let run = zigts(folder.path(), &arguments);
        assert_eq!((run.code, run.stdout.as_str()), (1, ""));
        let report = fs::read_to_string(folder.path().join("report")).expect("it was written");
        assert!(report.contains("ZTS321"), "{format}: {report}");
    }
}

#[test]
fn warnings_fail_where_they_are_denied_or_too_many() {
    let files = [("warned.ts", WARNED)];
    for (arguments, code) in [
        (&[][..], 0),
        (&["--deny-warnings"], 1),
        (&["--max-warnings", "0"], 1),
        (&["--max-warnings", "1"], 0),
        (&["--deny", "ZTS320"], 1),
        (&["--deny", "websocket_import_without_events"], 1),
        (&["--deny-warnings", "--allow", "ZTS319,ZTS320"], 0),
        (&["--allow", "ZTS320", "--deny", "ZTS320"], 1),
        (&["--deny", "ZTS999"], 2),
        (&["--allow", "ZTS002"], 2),
        (&["--warn", "ZTS037"], 2),
    ] {
        for command in ["check", "build"] {
            let folder = folder_with(&files);
            let run = zigts(folder.path(), &[&[command, "warned.ts"], arguments].concat());
            assert_eq!(run.code, code, "{command} {arguments:?}: {}", run.stderr);
            let artifact = folder.path().join("warned.wasm");
            assert_eq!(artifact.exists(), command == "build" && code == 0, "{arguments:?}");
        }
    }
    let run = check(&files, &["--deny-warnings"]);
    assert!(run.stderr.ends_with("1 warning\nfailed: no warnings are allowed\n"), "{}", run.stderr);
}

#[test]
fn an_error_made_a_warning_builds() {
    let folder = folder_with(&[("no_import.ts", NO_IMPORT)]);
    let run = zigts(folder.path(), &["build", "--warn", "ZTS321", "no_import.ts"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("warning[ZTS321]"), "{}", run.stderr);
}

#[test]
fn folders_are_searched_for_handlers_and_modules_are_none() {
    let files = [
        (
            "app/chat.ts",
            "import { reply } from './lib/reply';\nexport function onMessage(ws: WebSocket, data: string) { reply(ws, data); }\n",
        ),
        (
            "app/lib/reply.ts",
            "import { send } from 'zigttp:websocket';\nexport const reply = send;\n",
        ),
        ("app/lib/unused.ts", "export const nothing = 0;\n"),
        (
            "app/circle/a.ts",
            "import { b } from './b';\nexport function handler() { return Response.text(String(b)); }\n",
        ),
        ("app/circle/b.ts", "import { handler } from './a';\nexport const b = () => handler;\n"),
        ("app/node_modules/x/index.ts", BROKEN),
        ("app/.hidden/x.ts", BROKEN),
        ("app/zigttp.d.ts", "declare const x: number;\n"),
        ("app/ignored/x.ts", BROKEN),
        ("app/.gitignore", "ignored\n"),
    ];
    for arguments in [&["app"][..], &[]] {
        let run = check(&files, arguments);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    }
    let run = check(&[("empty/notes.txt", "")], &["empty"]);
    assert_eq!((run.code, run.stderr.as_str()), (2, "error: there is no handler in `empty`\n"));
}

#[test]
fn what_two_handlers_share_is_told_once() {
    let handler = "import { x } from './shared';\nexport function handler() { return Response.text(String(x)); }\n";
    let files = [
        ("a.ts", handler),
        ("b.ts", handler),
        ("shared.ts", "import 'nowhere';\nexport const x = 1;\n"),
    ];
    let run = check(&files, &["--format", "compact"]);
    assert_eq!(run.stdout.lines().count(), 1, "{}", run.stdout);
}

#[test]
fn standard_input_is_checked_as_the_file_it_belongs_to() {
    let folder = folder_with(&[("app/names.ts", "export const name = 'zoë';\n")]);
    let mut child = program("zigts")
        .current_dir(folder.path())
        .args(["check", "--format", "compact", "--stdin-filepath", "app/chat.ts"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("zigts starts");
    let text = "import { nmae } from './names';\nexport function handler() { return Response.text(nmae); }\n";
    child.stdin.take().expect("piped").write_all(text.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let report = String::from_utf8(output.stdout).expect("UTF-8");
    insta::assert_snapshot!(report, @r#"
    app/chat.ts:1:10: error ZTS037: `names.ts` does not export `nmae`
    "#);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn remarks_keep_to_the_width_of_the_terminal() {
    let folder = folder_with(&[("no_import.ts", NO_IMPORT)]);
    let output = program("zigts")
        .current_dir(folder.path())
        .env("COLUMNS", "40")
        .args(["check", "no_import.ts"])
        .output()
        .expect("zigts starts");
    let report = String::from_utf8(output.stderr).expect("UTF-8");
    insta::assert_snapshot!(report, @r#"
    error[ZTS321]: `onMessage` is exported, but `zigttp:websocket` is never imported
      --> no_import.ts:1:17
      |
    1 | export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
      |                 ^^^^^^^^^                                ---- not declared anywhere
      |                 |                                         
      |                 called for WebSocket connections
      |
      = note: only that module can send to a
        connection
      = help: Add `import { send } from
        "zigttp:websocket";`.

    1 error
    "#);
}

#[test]
fn a_missing_import_is_added_where_it_is_missing() {
    let chat = "\u{feff}import { reply } from './reply';\nexport function onMessage(ws: WebSocket, data: string) { reply(ws, data); }\n";
    let reply =
        "export const reply = (ws: WebSocket, data: string) => { send(ws, data); close(ws); };\n";
    let folder = folder_with(&[("chat.ts", chat), ("reply.ts", reply)]);
    let dry = zigts(folder.path(), &["check", "--fix-dry-run", "chat.ts"]);
    assert_eq!((dry.code, dry.stderr.as_str()), (0, ""));
    insta::assert_snapshot!(dry.stdout, @r#"
    --- a/reply.ts
    +++ b/reply.ts
    @@ -1 +1,2 @@
    +import { send, close } from "zigttp:websocket";
     export const reply = (ws: WebSocket, data: string) => { send(ws, data); close(ws); };
    "#);
    let read = |name| fs::read_to_string(folder.path().join(name)).expect("it is there");
    assert_eq!(read("reply.ts"), reply);

    let run = zigts(folder.path(), &["check", "--fix", "chat.ts"]);
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "", ""));
    assert_eq!(read("chat.ts"), chat);
    assert_eq!(
        read("reply.ts"),
        format!("import {{ send, close }} from \"zigttp:websocket\";\n{reply}")
    );
}

#[test]
fn what_cannot_be_fixed_is_reported_and_left_alone() {
    let misspelled = CLEAN.replace("send", "sned");
    let folder = folder_with(&[("misspelled.ts", &misspelled)]);
    let run = zigts(folder.path(), &["check", "--fix", "misspelled.ts"]);
    assert_eq!(run.code, 1);
    let text = fs::read_to_string(folder.path().join("misspelled.ts")).expect("it is there");
    assert_eq!(text, misspelled);
}
