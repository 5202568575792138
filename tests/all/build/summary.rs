//! What `zigts build` reports about what it has built.

use serde_json::Value;

use crate::support::programs::program;
use crate::support::zigts::{folder_with, zigts};

const HANDLER: &str = r#"import { deserializeAttachment, send } from "zigttp:websocket";
export const routes = ["/room/:name", "/lobby"];
export const protocols = ["chat.v2"];
console.log("built");
export function onOpen(ws: WebSocket) {}
export function onMessage(ws: WebSocket, data: string) { send(ws, data + Date.now()); }
export function onClose(ws: WebSocket) { console.log(deserializeAttachment(ws)); }
"#;
const WARNED: &str = r#"import { send } from "zigttp:websocket";
export function onOpen(ws: WebSocket) { send(ws, "hello"); }
"#;

/// The object, with the values that differ from build to build replaced.
fn stable(json: &str) -> String {
    let line = |line: &str| match line.split_once(": ") {
        Some((key, value)) if key.contains("bytes") || key.contains("durationMs") => {
            let number = value.trim_end_matches(',');
            assert!(number.parse::<u64>().is_ok_and(|number| number > 0), "{line}");
            format!("{key}: 1{}\n", &value[number.len()..])
        }
        _ => format!("{line}\n"),
    };
    json.lines().map(line).collect()
}

#[test]
fn people_are_told_size_time_routes_and_effects() {
    let folder = folder_with(&[("chat.ts", HANDLER)]);
    let run = zigts(folder.path(), &["build", "chat.ts"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, "console.log while building: built\n"));
    let (first, table) = run.stdout.split_once('\n').expect("a line and a table");
    assert!(first.starts_with("chat.wasm: 2.") && first.contains(" MiB, built in "), "{first}");
    assert_eq!(
        table,
        "  routes     /room/:name, /lobby\n  \
           protocols  chat.v2\n  \
           onClose    state\n  \
           onMessage  io\n  \
           onOpen     pure\n  \
           may call   deserializeAttachment, send\n"
    );
}

#[test]
fn the_hosts_that_a_handler_names_are_shown_as_the_flags_that_allow_them() {
    let config = "export const API = \"https://API.example.com/v1\";\nexport const paths = { users: `${API}/users` };\n";
    let handler = r#"import { API, paths } from "./config";
const BASE = new URL("https://base.example.org:8443");
class Client { constructor(options: { baseURL: string }) {} }
export async function handler(req: Request): Promise<Response> {
  await fetch(`${API}/${req.query}`);
  await fetch(paths.users);
  await fetch(`http://127.0.0.1:8080/${req.path}`);
  await fetch(new URL(req.path, BASE));
  await fetch(new URL(req.path, "https://text.example.org").href, { method: "DELETE" });
  await fetch(new Request("https://request.example.org:443/x"));
  await fetch(req.query === "a" ? "https://one.example.com" : "https://two.example.com/");
  new Client({ baseURL: "https://client.example.com/v1" });
  // Of these nothing is known, or no grant is needed.
  await fetch(`https://${req.query}.example.com/`);
  await fetch("https://unknown.example" + req.path);
  await fetch("room:/lobby");
  return fetch(req.query);
}
"#;
    let folder = folder_with(&[("app.ts", handler), ("config.ts", config)]);
    let run = zigts(folder.path(), &["build", "app.ts"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let hosts = [
        "127.0.0.1:8080",
        "api.example.com",
        "base.example.org:8443",
        "client.example.com",
        "one.example.com",
        "request.example.org",
        "text.example.org",
        "two.example.com",
    ];
    let flags = hosts.map(|host| format!("--allow-fetch {host}")).join(" ");
    assert!(run.stdout.contains(&format!("  fetches    {flags}\n")), "{}", run.stdout);
    let path = folder.path().join("app.wasm");
    let inspected = program("zigttp").arg("inspect").arg(path).arg("--json").output();
    let inspected = inspected.expect("zigttp starts").stdout;
    let object: Value = serde_json::from_slice(&inspected).expect("JSON");
    assert_eq!(object["handler"]["hosts"], serde_json::json!(hosts));
    assert_eq!(object["handler"]["properties"]["read_only"], false);
    assert_eq!(object["handler"]["properties"]["deterministic"], false);
    assert_eq!(object["handler"]["exports"][0]["effects"], serde_json::json!(["io"]));
}

#[test]
fn programs_are_told_the_same_as_one_object() {
    let folder = folder_with(&[("chat.ts", HANDLER)]);
    let run = zigts(folder.path(), &["build", "chat.ts", "--json"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    insta::assert_snapshot!(stable(&run.stdout), @r#"
    {
      "success": true,
      "durationMs": 1,
      "artifact": {
        "path": "chat.wasm",
        "bytes": 1
      },
      "handler": {
        "abi": 9,
        "compiler": "0.1.0",
        "sourceHash": "980eda31fdfea08696868370030a8ec71c7e78325ced59b3d5a44b665354f10a",
        "exports": [
          {
            "name": "onClose",
            "effects": [
              "state"
            ]
          },
          {
            "name": "onMessage",
            "effects": [
              "io"
            ]
          },
          {
            "name": "onOpen",
            "effects": []
          }
        ],
        "routes": [
          "/room/:name",
          "/lobby"
        ],
        "protocols": [
          "chat.v2"
        ],
        "api": [
          "deserializeAttachment",
          "send"
        ],
        "env": [],
        "properties": {
          "pure": false,
          "read_only": false,
          "deterministic": false
        }
      },
      "packages": [],
      "diagnostics": [],
      "console": [
        {
          "method": "log",
          "text": "built"
        }
      ]
    }
    "#);
}

#[test]
fn programs_are_told_why_there_is_no_artifact() {
    let folder =
        folder_with(&[("warned.ts", WARNED), ("broken.ts", "export function onMessage( {\n")]);
    let build = |arguments: &[&str]| -> (i32, Value, String) {
        let run = zigts(folder.path(), &[&["build", "--json"], arguments].concat());
        (run.code, serde_json::from_str(&run.stdout).expect("it is JSON"), run.stderr)
    };
    let (code, json, said) = build(&["broken.ts"]);
    assert_eq!((code, said.as_str()), (1, ""));
    assert_eq!((&json["success"], &json["artifact"]), (&Value::Bool(false), &Value::Null));
    assert_eq!(json["diagnostics"][0]["code"], "ZTS002");
    assert_eq!(json["diagnostics"][0]["file"], "broken.ts");

    let (code, json, said) = build(&["--deny-warnings", "warned.ts"]);
    assert_eq!((code, said.as_str()), (1, "failed: no warnings are allowed\n"));
    assert_eq!((&json["success"], &json["handler"]), (&Value::Bool(false), &Value::Null));
    assert!(!folder.path().join("warned.wasm").exists());

    let (code, json, said) = build(&["warned.ts"]);
    assert_eq!((code, said.as_str()), (0, ""));
    assert_eq!(json["diagnostics"][0]["code"], "ZTS320");
    assert_eq!(json["artifact"]["path"], "warned.wasm");
    assert!(folder.path().join("warned.wasm").exists());

    // A build that failed prints no object.
    let run = zigts(folder.path(), &["build", "--json", "missing.ts"]);
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.lines().count()), (2, "", 1));
}
