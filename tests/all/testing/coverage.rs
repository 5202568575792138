//! What `zigttp test --coverage` says of a handler.

use std::fs;

use super::test;
use crate::support::zigts::folder_with;

const HANDLER: &str = "import { send } from \"zigttp:websocket\";
import { shout } from \"./shout\";

const GREETING = \"hello\";

export function onOpen(ws: WebSocket) {
  send(ws, GREETING);
}

export function onMessage(ws: WebSocket, data: string | ArrayBuffer) {
  if (typeof data !== \"string\") {
    send(ws, \"text only\");
    return;
  }
  const words = data === \"\" ? \"nothing\" : data;
  for (const word of words.split(\" \")) send(ws, shout(word));
}

export function onClose() {
  never();
}

const never = () => 1;
";

const SHOUT: &str = "export function shout(word: string): string {
  return word.toUpperCase() + \"!\";
}
";

const TESTS: &str = "import { connect, expect, test } from \"zigttp:test\";
for (const who of [\"ann\", \"bob\"]) {
  test(who, async () => {
    const it = await connect(\"/\");
    await it.send(`hi ${who}`);
    expect(it.received).toEqual([\"hello\", \"HI!\", `${who.toUpperCase()}!`]);
  });
}
";

#[test]
fn each_line_of_the_handler_has_the_number_of_its_runs() {
    let folder = folder_with(&[("handler.ts", HANDLER), ("shout.ts", SHOUT), ("a.test.ts", TESTS)]);
    let ran = test(folder.path(), &["--coverage"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let table = ran.stdout.split_once("coverage").expect("there is a table").1;
    insta::assert_snapshot!("coverage_table", format!("coverage{table}"));
    let lcov =
        fs::read_to_string(folder.path().join("coverage/lcov.info")).expect("it was written");
    insta::assert_snapshot!("coverage_lcov", lcov);
}

#[test]
fn coverage_changes_no_result() {
    let folder = folder_with(&[("handler.ts", HANDLER), ("shout.ts", SHOUT), ("a.test.ts", TESTS)]);
    let plain = test(folder.path(), &[]);
    assert!(
        plain.stdout.contains("2 passed") && !plain.stdout.contains("coverage"),
        "{}",
        plain.stdout
    );
    assert!(!folder.path().join("coverage").exists());
    // A failure stands on the same line.
    fs::write(
        folder.path().join("shout.ts"),
        SHOUT.replace("word.toUpperCase()", "word.nothing()"),
    )
    .expect("writable");
    for arguments in [&[][..], &["--coverage"]] {
        let failed = test(folder.path(), arguments);
        assert_eq!(failed.code, 1);
        assert!(failed.stdout.contains("shout.ts:2:"), "{}", failed.stdout);
    }
}
