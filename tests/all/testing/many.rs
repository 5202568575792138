//! Files of many tests.

use std::fmt::Write;

use super::test;
use crate::support::zigts::folder_with;

#[test]
fn thousands_of_tests_of_one_file_run() {
    let handler = r#"import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
"#;
    let mut tests = r#"import { connect, expect, test } from "zigttp:test";"#.to_owned();
    for number in 0..3_000 {
        writeln!(
            tests,
            r#"test("{number} comes back", async () => {{
  const ann = await connect("/room");
  ann.send("{number}");
  expect(ann.received).toEqual(["{number}"]);
}});"#
        )
        .expect("a string takes it");
    }
    let folder = folder_with(&[("handler.ts", handler), ("handler.test.ts", &tests)]);
    let ran = test(folder.path(), &[]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("3000 passed in 1 file"), "{}", ran.stdout);
}
