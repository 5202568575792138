//! Packages as npm has them. Each program of `tests/packages` has to give the same in an event and under Node.js.

use std::fs;
use std::process::Command;

use crate::support::programs::{committed, root};
use crate::support::server::Server;
use crate::support::skipped;
use crate::support::zigts::zigts;

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
