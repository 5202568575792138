//! `zigttp inspect`: what it shows of an artifact, and of files that are not artifacts.

use std::path::Path;

use serde_json::Value;

use crate::support::programs::{compile_file, folder, program};
use crate::support::wasm;

/// Exit code, standard output and standard error.
fn inspect(path: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output =
        program("zigttp").arg("inspect").arg(path).args(arguments).output().expect("zigttp starts");
    let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn inspect_bytes(bytes: &[u8], arguments: &[&str]) -> (Option<i32>, String, String) {
    let folder = folder();
    let path = folder.path().join("handler.wasm");
    std::fs::write(&path, bytes).expect("the temporary folder is writable");
    inspect(&path, arguments)
}

#[test]
fn an_artifact_tells_what_it_is_and_is_made_of() {
    let (code, text, said) = inspect(&compile_file("examples/websocket/chat.ts"), &[]);
    assert_eq!((code, said.as_str()), (Some(0), ""));
    for expected in [
        "MiB, built by zigts 0.1.0 for ABI 9\n",
        "\n  routes     /room/:name\n",
        "\n  onMessage  io, state\n",
        "\n  may call   deserializeAttachment, getWebSockets, ",
        "\n  zigttp.send\n",
        "\n  code (engine) ",
        "\n  data (engine and snapshot) ",
        "\n  custom zigttp.manifest ",
        "\n  custom zigttp.sourcemap ",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in {text}");
    }
}

#[test]
fn programs_get_it_as_one_object() {
    let artifact = compile_file("examples/websocket/chat.ts");
    let (code, text, _) = inspect(&artifact, &["--json"]);
    let json: Value = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!(code, Some(0));
    let bytes = std::fs::metadata(&artifact).expect("it was built").len();
    assert_eq!(json["bytes"], bytes);
    assert_eq!(json["handler"]["abi"], wasm::ABI);
    assert_eq!(json["handler"]["routes"], serde_json::json!(["/room/:name"]));
    let list = |value: &Value| value.as_array().expect("a list").clone();
    let export = serde_json::json!({ "name": "onMessage", "effects": ["io", "state"] });
    assert!(list(&json["handler"]["exports"]).contains(&export), "{text}");
    let import = serde_json::json!({ "module": "zigttp", "name": "send" });
    assert!(list(&json["imports"]).contains(&import), "{text}");
    let sizes = list(&json["sections"]).iter().map(|section| section["bytes"].as_u64()).sum();
    // The rest are the headers of the sections.
    assert!(Some(bytes - 200) < sizes && sizes < Some(bytes), "{sizes:?} of {bytes}");
}

#[test]
fn the_smallest_artifact_is_all_of_an_object() {
    let (code, text, _) = inspect_bytes(&wasm::handler(&[]), &["--json"]);
    assert_eq!(code, Some(0));
    let path = text.lines().find(|line| line.contains(r#""path""#)).expect("it has a path");
    insta::assert_snapshot!(text.replace(path, r#"  "path": "handler.wasm","#), @r#"
    {
      "path": "handler.wasm",
      "bytes": 404,
      "handler": {
        "abi": 9,
        "compiler": "none",
        "sourceHash": "",
        "exports": [
          {
            "name": "onMessage",
            "effects": null
          }
        ],
        "routes": null,
        "protocols": null,
        "api": [
          "send"
        ],
        "env": [],
        "properties": {
          "pure": false,
          "read_only": false,
          "deterministic": false
        }
      },
      "imports": [
        {
          "module": "zigttp",
          "name": "send"
        }
      ],
      "sections": [
        {
          "name": "type",
          "isCustom": false,
          "bytes": 93
        },
        {
          "name": "import",
          "isCustom": false,
          "bytes": 15
        },
        {
          "name": "function",
          "isCustom": false,
          "bytes": 10
        },
        {
          "name": "memory",
          "isCustom": false,
          "bytes": 4
        },
        {
          "name": "export",
          "isCustom": false,
          "bytes": 114
        },
        {
          "name": "code",
          "isCustom": false,
          "bytes": 44
        },
        {
          "name": "zigttp.manifest",
          "isCustom": true,
          "bytes": 102
        }
      ]
    }
    "#);
}

#[test]
fn what_is_no_artifact_is_one_line_and_ends_with_2() {
    let folder = folder();
    let good = std::fs::read(compile_file("examples/websocket/chat.ts")).expect("it was built");
    let other_abi = wasm::with_manifest(&wasm::manifest(999));
    // An import section that announces more than it has.
    let manifest = wasm::with_manifest(&wasm::manifest(wasm::ABI));
    let bad_imports = [b"\0asm\x01\0\0\0\x02\x01\x07", &manifest[8..]].concat();
    let cases: [(&[u8], &str); 9] = [
        (b"", "not a WebAssembly module"),
        (b"export function onMessage() {}", "not a WebAssembly module"),
        (b"\0asm", "not a WebAssembly module"),
        (b"\0asm\x0d\0\x01\0", "not a WebAssembly module"),
        (&good[..good.len() / 2], "not a WebAssembly module"),
        (&bad_imports, "not a WebAssembly module"),
        (b"\0asm\x01\0\0\0", "no zigttp.manifest section"),
        (&wasm::with_manifest("{"), "manifest cannot be read"),
        (&other_abi, "built for ABI 999"),
    ];
    for (bytes, words) in cases {
        for arguments in [&[][..], &["--json"]] {
            let (code, text, said) = inspect_bytes(bytes, arguments);
            assert_eq!((code, text.as_str()), (Some(2), ""), "{said}");
            assert_eq!(said.lines().count(), 1, "{said}");
            assert!(said.starts_with("error: cannot inspect `"), "{said}");
            assert!(said.contains(words) && said.contains("handler.wasm"), "{said}");
        }
    }
    for path in [folder.path(), Path::new("/no/such/handler.wasm")] {
        let (code, _, said) = inspect(path, &[]);
        assert_eq!((code, said.lines().count()), (Some(2), 1), "{said}");
        assert!(said.contains(path.to_str().expect("a UTF-8 path")), "{said}");
    }
}

#[test]
fn names_in_an_artifact_cannot_write_on_the_terminal() {
    let manifest = r#"{"abi":9,"compiler":"\u001b[31m","sourceHash":"\n","exports":["on\u001bOpen"],
        "imports":["\u0007"],"routes":["/\u001b]0;title\u0007"]}"#;
    let (code, text, _) = inspect_bytes(&wasm::with_manifest(manifest), &[]);
    assert_eq!(code, Some(0));
    assert!(text.contains(r"/\u{1b}]0;title\u{7}"), "{text}");
    assert!(!text.chars().any(|it| it.is_control() && it != '\n'), "{text:?}");
}
