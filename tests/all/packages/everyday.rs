//! What real handlers do with a message, as the benchmark `everyday` has it.

use std::process::Command;

use crate::support::programs::{prepare, program_path, root};
use crate::support::skipped;

#[test]
fn everyday_bodies_reply_as_under_node() {
    let folder = root().join("benches/everyday");
    if !folder.join("node_modules").exists() {
        skipped("run `npm ci` in benches/everyday");
        return;
    }
    let mut command = Command::new("node");
    prepare(&mut command);
    let output = command
        .current_dir(folder)
        .args(["run.mjs", "--quick"])
        .arg(program_path("zigttp"))
        .output()
        .expect("node is there where its modules are");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (told, error) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{told}{error}");
    assert!(told.contains("11 bodies give the same in zigttp, Node.js"), "{told}");
}
