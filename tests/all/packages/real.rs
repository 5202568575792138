//! Packages as npm has them. Each program of `tests/packages` has to give the same in an event and under Node.js.

use std::fs;
use std::process::Command;

use crate::costs::restored_per_message;
use crate::support::programs::{committed, root};
use crate::support::server::Server;
use crate::support::skipped;
use crate::support::zigts::{folder_with, zigts};

/// Prints the body of the response that a program gives to `GET /`.
const UNDER_NODE: &str = "const { handler } = await import(process.argv[1]);
const response = await handler(new Request('http://localhost/'));
process.stdout.write(await response.text());";

#[test]
fn programs_with_packages_run_as_under_node() {
    let folder = root().join("tests/packages");
    if !folder.join("node_modules").exists() {
        skipped("run `npm ci` in tests/packages");
        return;
    }
    let built = tempfile::tempdir().expect("the temporary folder is writable");
    let programs = committed(".js").into_iter().filter_map(|path| {
        path.strip_prefix("tests/packages/").filter(|name| !name.contains('/')).map(str::to_owned)
    });
    let mut count = 0;
    for program in programs {
        let expected = Command::new("node")
            .env("NODE_ENV", "production")
            .env("TZ", "UTC")
            .args(["--input-type=module", "-e", UNDER_NODE])
            .arg(folder.join(&program))
            .output()
            .expect("node is there where its modules are");
        let error = String::from_utf8_lossy(&expected.stderr);
        assert!(expected.status.success(), "{program}: {error}");

        let artifact = built.path().join(&program).with_extension("wasm");
        let path = artifact.to_str().expect("UTF-8");
        let run = zigts(&folder, &["build", &program, "-o", path]);
        assert_eq!(run.code, 0, "{program}: {}", run.stderr);
        let server = Server::start(&artifact, &[]);
        let (status, body) = server.get("/");
        assert_eq!(status, 200, "{program}: {}", server.log());
        assert_eq!(body, String::from_utf8_lossy(&expected.stdout), "{program}");
        fs::remove_file(artifact).expect("it was just written");
        count += 1;
    }
    assert!(count >= 17, "{count} programs");
}

#[tokio::test]
async fn a_package_that_an_event_does_not_call_costs_it_nothing() {
    let packages = root().join("tests/packages/node_modules");
    if !packages.exists() {
        skipped("run `npm ci` in tests/packages");
        return;
    }
    let echo = "import { send } from \"zigttp:websocket\";
        export function onMessage(ws: WebSocket, data: string) { send(ws, data); }\n";
    let imports = "import { z } from \"zod\";\nimport * as Y from \"yjs\";
        const Move = z.object({ x: z.number() });
        export function handler(req: Request) { return Response.json([Move.safeParse({}), new Y.Doc()]); }\n";
    let folder = folder_with(&[("alone.ts", echo), ("beside.ts", &format!("{imports}{echo}"))]);
    std::os::unix::fs::symlink(packages, folder.path().join("node_modules")).expect("writable");
    let mut restored = Vec::new();
    for name in ["alone", "beside"] {
        let (entry, artifact) = (format!("{name}.ts"), format!("{name}.wasm"));
        let run = zigts(folder.path(), &["build", &entry, "-o", &artifact]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        restored.push(restored_per_message(&folder.path().join(artifact), "/", "hello").await);
    }
    assert!(restored[1] <= restored[0] + 256.0, "bytes written by a message: {restored:?}");
}
