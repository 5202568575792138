//! What a handler reads with `env`: where it comes from, how it is replaced, and where it never shows.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::server::Server;
use crate::support::zigts::{folder_with, zigts};
use crate::support::{admin, programs};

/// Responds with what it reads in each way; `onMessage` sends a setting by its name.
const HANDLER: &str = r#"
import { env } from "zigttp:env";
import * as all from "zigttp:env";
import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, name: string) { send(ws, env(name) ?? "none"); }
export function handler(req: Request) {
  return Response.json([env("KEY"), env.KEY, process.env.KEY, all.env("KEY"), env(new URL(req.url).searchParams.get("name") ?? ""), "KEY" in env]);
}
"#;

fn start(arguments: &[&str], variables: &[(&str, &str)]) -> Server {
    Server::start_with(&programs::compile(HANDLER), arguments, variables)
}

/// A file of settings that its owner alone can read.
fn file(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).expect("the folder is writable");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("it is ours");
    path.to_str().expect("UTF-8").to_owned()
}

fn read(server: &Server, name: &str) -> String {
    let (head, body) = server.request(&format!(
        "GET /?name={name} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    ));
    assert!(head.starts_with("HTTP/1.1 200"), "{head} {}", server.log());
    body
}

#[test]
fn settings_come_from_the_flags_and_files_and_from_no_other_variable() {
    let folder = tempfile::tempdir().expect("the temporary folder is writable");
    let first = file(folder.path(), "first.env", "KEY=first\nONE=1\nTWO=\"a\\nb\"\n");
    let second = file(folder.path(), "second.env", "export TWO='2'\nTHREE=3 # three\nFOUR=4\n");
    let server = start(
        &[
            "--env-file",
            &first,
            "--env-file",
            &second,
            "--env",
            "KEY=a=b",
            "--env",
            "FOUR",
            "--env",
            "LOST",
        ],
        &[("FOUR", "of the server"), ("FIVE", "of the server")],
    );
    assert_eq!(read(&server, "ONE"), r#"["a=b","a=b","a=b","a=b","1",true]"#);
    for (name, expected) in [
        ("TWO", "\"2\""),
        ("THREE", "\"3\""),
        ("FOUR", "\"of the server\""),
        ("FIVE", "null"),
        ("LOST", "null"),
        ("PATH", "null"),
        ("HOME", "null"),
    ] {
        let body = read(&server, name);
        assert!(body.ends_with(&format!(",{expected},true]")), "{name}: {body}");
    }
    server.wait_for_log("--env LOST: the server has no such environment variable");
    let server = start(&[], &[("KEY", "of the server")]);
    assert_eq!(read(&server, "PATH"), "[null,null,null,null,null,false]");
    server.wait_for_log("the handler reads settings that are not given: KEY;");
}

#[tokio::test]
async fn a_hang_up_replaces_the_settings_and_closes_no_connection() {
    let folder = tempfile::tempdir().expect("the temporary folder is writable");
    let path = file(folder.path(), ".env", "KEY=old\nOTHER=1\n");
    let server = start(&["--env-file", &path, "--env", "OTHER=flag"], &[]);
    let mut client = server.connect("/room").await;
    client.send("KEY").await;
    assert_eq!(client.text().await, "old");

    file(folder.path(), ".env", "KEY=new\n");
    server.signal("HUP");
    server.wait_for_log("events that begin now have the settings as they are in the files");
    client.send("KEY").await;
    assert_eq!(client.text().await, "new");
    client.send("OTHER").await;
    assert_eq!(client.text().await, "flag");

    file(folder.path(), ".env", "KEY=newest\nhunter2\n");
    server.signal("HUP");
    let log = server.wait_for_log("the old settings stay in use");
    assert!(log.contains("/.env: line 2: there is no `=` after the name"), "{log}");
    client.send("KEY").await;
    assert_eq!(client.text().await, "new");

    fs::remove_file(&path).expect("it is ours");
    let start = server.log().len();
    server.signal("HUP");
    server.wait_for_log_after(
        start,
        &["the old settings stay in use", "cannot read the settings in"],
    );
    client.send("KEY").await;
    assert_eq!(client.text().await, "new");
    assert!(!server.log().contains("hunter2"));
}

#[test]
fn what_cannot_be_read_at_the_start_is_one_line_and_exit_2() {
    let folder = tempfile::tempdir().expect("the temporary folder is writable");
    let bad = file(folder.path(), "bad.env", "A=1\nB='hunter2\n");
    let missing = folder.path().join("missing.env");
    let missing = missing.to_str().expect("UTF-8");
    for (arguments, expected) in [
        (["--env-file", &*bad], "bad.env: line 2: the quote that begins here does not end"),
        (["--env-file", missing], "missing.env: No such file"),
        (["--env", "A B=hunter2"], "--env A B: the name may have letters"),
        (["--env", "=hunter2"], "--env : the name may have letters"),
    ] {
        let mut command = programs::program("zigttp");
        command.arg("run").arg(programs::compile(HANDLER)).args(["--port", "0"]).args(arguments);
        let output = command.output().expect("zigttp starts");
        let said = String::from_utf8(output.stderr).expect("it is text");
        assert_eq!(output.status.code(), Some(2), "{arguments:?} {said}");
        assert!(said.contains(expected) && !said.contains("hunter2"), "{arguments:?} {said}");
    }
}

#[test]
fn a_file_that_every_user_can_read_is_told() {
    let folder = tempfile::tempdir().expect("the temporary folder is writable");
    let path = file(folder.path(), "open.env", "KEY=1\n");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("it is ours");
    let server = start(&["--env-file", &path], &[]);
    let log = server.wait_for_log("every user of this machine can read");
    assert!(log.contains("open.env (mode 644): chmod 600 it"), "{log}");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("it is ours");
    let server = start(&["--env-file", &path], &[]);
    assert!(!server.log().contains("every user of this machine"));
}

#[tokio::test]
async fn a_setting_is_in_no_log_no_list_and_no_artifact() {
    let handler = r#"
        import { env } from "zigttp:env";
        import { send } from "zigttp:websocket";
        export function onOpen(ws: WebSocket) { const key = env("KEY"); console.log(key?.length, env, process.env.KEY === key); }
        export function onMessage(ws: WebSocket) {
          const key = env("KEY") + env("OTHER");
          send(ws, String(key.length));
          (key as any).fails();
        }
    "#;
    let folder = tempfile::tempdir().expect("the temporary folder is writable");
    let path = file(folder.path(), ".env", "OTHER=swordfish-in-a-file\n");
    let artifact = programs::compile(handler);
    let (server, admin) = admin::start_with(
        &artifact,
        &["--env", "KEY=swordfish-of-a-flag", "--env", "THIRD", "--env-file", &path, "--inspector"],
        &[("THIRD", "swordfish-of-a-variable"), ("RUST_LOG", "trace")],
    );
    let mut client = server.connect("/room").await;
    client.send("go").await;
    server.wait_for_log("19 [Function: env] true");
    let log = server.wait_for_log("changed options");
    assert!(log.contains("--env KEY,THIRD"), "{log}");
    server.wait_for_log("not a function");
    for path in ["/connections", "/metrics", "/rooms"] {
        let (status, body) = admin::get(admin, path);
        assert!(status == 200 && !body.contains("swordfish"), "{body}");
    }
    assert!(!server.log().contains("swordfish"), "{}", server.log());
    let bytes = fs::read(artifact).expect("it was just built");
    assert!(!String::from_utf8_lossy(&bytes).contains("swordfish"));
}

#[test]
fn the_names_that_a_handler_reads_stand_in_its_artifact() {
    let package = r#"export const level = () => (typeof process === "undefined" ? "none" : process.env.LEVEL);"#;
    let folder = folder_with(&[
        (
            "node_modules/levels/package.json",
            r#"{ "name": "levels", "type": "module", "main": "index.js" }"#,
        ),
        ("node_modules/levels/index.js", package),
        ("names.ts", "export const TOKEN = \"ADMIN_TOKEN\";\n"),
        (
            "handler.ts",
            r#"import { env } from "zigttp:env";
            import { level } from "levels";
            import { TOKEN } from "./names.ts";
            export function handler(req: Request) {
              const { B, ["C"]: c } = process.env;
              return Response.json([env(TOKEN), env.A, B, c, env(req.path), level(), process.env.NODE_ENV]);
            }"#,
        ),
    ]);
    let run = zigts(folder.path(), &["build", "handler.ts"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("settings   A, ADMIN_TOKEN, B, C, LEVEL\n"), "{}", run.stdout);
    let mut inspect = programs::program("zigttp");
    inspect.current_dir(folder.path()).args(["inspect", "--json", "handler.wasm"]);
    let output = inspect.output().expect("zigttp starts");
    let object: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    let expected = serde_json::json!(["A", "ADMIN_TOKEN", "B", "C", "LEVEL"]);
    assert_eq!(object["handler"]["env"], expected);

    let server = Server::start(
        &folder.path().join("handler.wasm"),
        &["--env", "LEVEL=debug", "--env", "A=1", "--env", "C=3", "--env", "NODE_ENV=development"],
    );
    server.wait_for_log("the handler reads settings that are not given: ADMIN_TOKEN, B;");
    assert_eq!(server.get("/").1, r#"[null,"1",null,"3",null,"debug","production"]"#);
}

#[test]
fn packages_find_settings_in_events_and_no_process_while_they_are_built() {
    let package = r#"
        const isDebugging = typeof process !== "undefined" && process.env.DEBUG === "1";
        export const read = (name) => (typeof globalThis.process !== "undefined" ? globalThis.process.env?.[name]?.trim() : undefined);
        const early = read("KEY");
        const has = (name) => {
          if (typeof process === "undefined") return "no process";
          return name in process.env && process.env.hasOwnProperty(name);
        };
        const tried = (work) => { try { return work(); } catch (error) { return error.message; } };
        export const report = () => [
          isDebugging, early ?? null, read("KEY"), has("KEY"), has("NONE"), process.env["KEY"], process.env.toString(),
          tried(() => Object.keys(process.env)), tried(() => { process.env.KEY = "mine"; }),
          Object.prototype.toString.call(process), process.versions ?? null,
          (() => typeof process !== "undefined" && process.versions != null)(),
        ];
    "#;
    let folder = folder_with(&[
        (
            "node_modules/reader/package.json",
            r#"{ "name": "reader", "type": "module", "main": "index.js" }"#,
        ),
        ("node_modules/reader/index.js", package),
        (
            "handler.ts",
            "// zigts-ignore-file ZTS039: asks for what is not there\nimport { report } from \"reader\";\n\
             export function handler(req: Request) { return Response.json(report()); }\n",
        ),
    ]);
    let run = zigts(folder.path(), &["build", "handler.ts"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let arguments = ["--env", "KEY= secret ", "--env", "DEBUG=1"];
    let server = Server::start(&folder.path().join("handler.wasm"), &arguments);
    let (status, body) = server.get("/");
    assert_eq!(status, 200, "{}", server.log());
    let expected = serde_json::json!([
        false,
        null,
        "secret",
        true,
        false,
        " secret ",
        "[object Object]",
        "process.env cannot be listed: read each setting by its name",
        "settings are the operator's: a handler cannot change them",
        "[object Object]",
        null,
        false,
    ]);
    let said: serde_json::Value = serde_json::from_str(&body).expect("it is JSON");
    assert_eq!(said, expected);
}

#[tokio::test]
async fn development_takes_settings_and_reads_their_file_when_it_changes() {
    let folder = folder_with(&[("handler.ts", HANDLER)]);
    file(folder.path(), ".env", "OTHER=1\n");
    let server = Server::develop(folder.path(), "handler.ts", &["--env-file", ".env"]);
    server.wait_for_log("the handler reads settings that are not given: KEY;");
    assert_eq!(read(&server, "OTHER"), r#"[null,null,null,null,"1",false]"#);
    file(folder.path(), ".env", "KEY=1\n");
    server.wait_for_log("events that begin now have the settings as they are in the files");
    assert_eq!(read(&server, "OTHER"), r#"["1","1","1","1",null,true]"#);
}
