//! `zigts check --tsc`: what the project's own `tsc` says, beside what the rules say.
//!
//! The `tsc` here is a script that prints what the real one does; `tests/typings/run.sh` has the real ones.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use crate::support::zigts::{Run, folder_with, zigts};

const HANDLER: &str = r#"import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) {
  const count: number = data;
  send(ws, { count });
}
"#;

/// What `tsc` prints for the handler: the second error is also one of a rule.
const ERRORS: &str = "app/handler.ts(3,9): error TS2322: Type 'string' is not assignable to type 'number'.
app/handler.ts(4,12): error TS2345: Argument of type '{ count: number; }' is not assignable to parameter of type 'string'.
page.ts(1,7): error TS2741: Property 'b' is missing in type '{}'.
  'b' is declared here.
$PWD/app/handler.ts
$PWD/page.ts";

/// A project whose `tsc` prints something and ends with a code.
fn project(output: &str, code: i32) -> tempfile::TempDir {
    let folder = folder_with(&[
        ("app/handler.ts", HANDLER),
        ("page.ts", "const page: { b: 1 } = {};\n"),
        ("tsconfig.json", "{}\n"),
        ("node_modules/.bin/tsc", &format!("#!/bin/sh\ncat <<END\n{output}\nEND\nexit {code}\n")),
    ]);
    let tsc = folder.path().join("node_modules/.bin/tsc");
    fs::set_permissions(tsc, fs::Permissions::from_mode(0o755)).expect("it is ours");
    folder
}

fn check(folder: &Path, arguments: &[&str]) -> Run {
    zigts(folder, &[&["check", "--tsc", "app/handler.ts"], arguments].concat())
}

#[test]
fn errors_of_types_are_shown_among_those_of_rules_and_each_once() {
    let folder = project(ERRORS, 2);
    let run = check(folder.path(), &["--format", "compact"]);
    assert_eq!((run.code, run.stderr.as_str()), (1, ""));
    insta::assert_snapshot!(run.stdout, @r"
    app/handler.ts:3:9: error TS2322: Type 'string' is not assignable to type 'number'
    app/handler.ts:4:12: error ZTS344: `send` takes text or bytes, and is given an object
    page.ts:1:7: error TS2741: Property 'b' is missing in type '{}'
    ");
}

#[test]
fn every_format_has_them_with_code_and_place() {
    let folder = project(ERRORS, 2);
    let pretty = check(folder.path(), &[]).stderr;
    insta::assert_snapshot!(pretty, @r"
    error[TS2322]: Type 'string' is not assignable to type 'number'
      --> app/handler.ts:3:9
      |
    3 |   const count: number = data;
      |         ^^^^^
      |
      = help: Correct the types; the project's own `tsc` reports this.

    error[ZTS344]: `send` takes text or bytes, and is given an object
      --> app/handler.ts:4:12
      |
    4 |   send(ws, { count });
      |            ^^^^^^^^^ a TypeError
      |
      = note: the function is `send(ws: WebSocket, data: string | ArrayBuffer | ArrayBufferView, options?: SendOptions): boolean`
      = help: Write `JSON.stringify(…)`.

    error[TS2741]: Property 'b' is missing in type '{}'
      --> page.ts:1:7
      |
    1 | const page: { b: 1 } = {};
      |       ^^^^
      |
      = note: 'b' is declared here.
      = help: Correct the types; the project's own `tsc` reports this.

    3 errors
    ");

    let json: Value =
        serde_json::from_str(&check(folder.path(), &["--format", "json"]).stdout).expect("JSON");
    let first = &json["diagnostics"][0];
    assert_eq!((&first["code"], &first["name"]), (&"TS2322".into(), &"typescript".into()));
    assert_eq!((&first["column"], &first["endColumn"]), (&9.into(), &14.into()));
    assert_eq!(json["proof"]["exports"][0], "onMessage", "the facts of the one handler");

    let github = check(folder.path(), &["--format", "github"]).stdout;
    assert!(
        github.contains(
            "::error file=app/handler.ts,line=3,endLine=3,col=9,endColumn=14,title=TS2322 typescript::"
        ),
        "{github}"
    );

    let sarif: Value =
        serde_json::from_str(&check(folder.path(), &["--format", "sarif"]).stdout).expect("JSON");
    let results = sarif["runs"][0]["results"].as_array().expect("a list");
    let other = results.iter().find(|it| it["ruleId"] == "TS2741").expect("it is there");
    assert_eq!(other["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "page.ts");
}

#[test]
fn without_errors_it_succeeds() {
    let folder = project("$PWD/app/handler.ts", 0);
    let text = HANDLER.replace("{ count }", "String(count)");
    fs::write(folder.path().join("app/handler.ts"), text).expect("writable");
    let run = check(folder.path(), &[]);
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "", ""));
}

#[test]
fn an_error_of_the_project_is_told_at_its_configuration() {
    let folder = project("error TS18003: No inputs were found in config file 'tsconfig.json'.", 2);
    let run = check(folder.path(), &["--format", "compact"]);
    assert_eq!(run.code, 1);
    let line =
        "tsconfig.json:1:1: error TS18003: No inputs were found in config file 'tsconfig.json'";
    assert!(run.stdout.contains(line), "{}", run.stdout);
}

#[test]
fn where_it_cannot_run_one_error_says_why() {
    let folder = project(ERRORS, 2);
    let fails = |folder: &Path, expected: &str| {
        let run = check(folder, &[]);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""));
        assert!(run.stderr.contains(expected) && run.stderr.lines().count() == 1, "{}", run.stderr);
    };
    let left_out = project("$PWD/page.ts", 0);
    fails(left_out.path(), "so that `tsc` does not check it");
    let broken = project("Cannot find module 'typescript'", 1);
    fails(broken.path(), "failed: Cannot find module 'typescript'");
    fs::remove_file(folder.path().join("tsconfig.json")).expect("it is there");
    fails(folder.path(), "there is no tsconfig.json in ");
    fs::remove_dir_all(folder.path().join("node_modules")).expect("it is there");
    fails(folder.path(), "install it with `npm install --save-dev typescript`");
}

#[test]
fn the_help_says_that_no_types_are_checked() {
    let folder = folder_with(&[]);
    let help = zigts(folder.path(), &["check", "--help"]).stdout;
    assert!(help.contains("The rules look at no types") && help.contains("npx tsc"), "{help}");
}
