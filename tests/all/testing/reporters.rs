//! What `zigttp test` tells, for people and for programs.

use super::{Ran, test};
use crate::support::zigts::folder_with;

const HANDLER: &str = "import { send } from \"zigttp:websocket\";
export function onMessage(ws: WebSocket, data: string | ArrayBuffer) {
  console.log(\"got\", data);
  send(ws, data);
}
";

const TESTS: &str = "import { connect, describe, expect, test } from \"zigttp:test\";

test(\"answers\", async () => {
  const ann = await connect(\"/\");
  await ann.send(\"hi\");
  expect(ann.received).toEqual([\"hi\"]);
});

describe(\"what fails\", () => {
  test(\"an expectation\", async () => {
    const ann = await connect(\"/\");
    await ann.send(\"one <&> \\u{1b}[31mred\");
    expect(ann.received).toEqual([\"one\", \"two\"]);
  });

  test(\"a test itself # here\", () => {
    fails();
  });
});

function fails() {
  throw new TypeError(\"this is thrown\\nin two lines\");
}

test(\"a number\", () => expect(0.1 + 0.2).toBe(0.3));
test.skip(\"later\", () => {});
test.todo(\"not yet\");
";

/// Runs tests that pass, fail, and cannot be built.
fn told(arguments: &[&str]) -> Ran {
    let folder = folder_with(&[
        ("handler.ts", HANDLER),
        ("echo.test.ts", TESTS),
        (
            "good.test.ts",
            "import { expect, test } from \"zigttp:test\";\ntest(\"one\", () => expect(1).toBe(1));\n",
        ),
    ]);
    let ran = test(folder.path(), arguments);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    ran
}

/// A text with `TIME` in place of each number that begins a duration.
fn without_times(text: &str, units: &[(&str, &str)]) -> String {
    let mut text = text.to_owned();
    for (before, after) in units {
        let mut from = 0;
        while let Some(at) = text[from..].find(before).map(|at| from + at + before.len()) {
            let digits = text[at..]
                .find(|it: char| !it.is_ascii_digit() && it != '.')
                .unwrap_or(text.len() - at);
            from = at;
            if digits > 0 && text[at + digits..].starts_with(after) {
                text.replace_range(at..at + digits, "TIME");
                from = at + "TIME".len();
            }
        }
    }
    text
}

#[test]
fn people_see_each_failure_with_its_line_and_its_difference() {
    let told = told(&[]);
    // A duration ends its line, in one unit or the other.
    let without_duration = |line: &str| match line.rsplit_once(", ") {
        Some((rest, last)) if last.ends_with(" ms") || last.ends_with(" s") => {
            format!("{rest}, TIME\n")
        }
        _ => format!("{line}\n"),
    };
    let text: String = told.stdout.lines().map(without_duration).collect();
    insta::assert_snapshot!("pretty", text);
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    assert!(!told(&[]).stdout.contains('\u{1b}'));
}

#[test]
fn tap_is_of_version_14() {
    let told = told(&["--reporter", "tap"]);
    insta::assert_snapshot!("tap", without_times(&told.stdout, &[("duration_ms: ", "\n")]));
}

#[test]
fn junit_is_xml() {
    let told = told(&["--reporter", "junit"]);
    insta::assert_snapshot!("junit", without_times(&told.stdout, &[("time=\"", "\"")]));
}

#[test]
fn json_is_an_object_on_each_line() {
    let told = told(&["--json"]);
    let lines: Vec<serde_json::Value> = told
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line is JSON"))
        .collect();
    let of = |kind: &str| lines.iter().filter(|line| line["type"] == kind).count();
    assert_eq!((of("test"), of("file"), of("summary")), (7, 2, 1));
    let text = without_times(&told.stdout, &[("\"durationMs\":", ",")]);
    insta::assert_snapshot!("json", text);
}

#[test]
fn a_report_goes_to_a_file() {
    let folder = folder_with(&[
        ("handler.ts", HANDLER),
        (
            "good.test.ts",
            "import { expect, test } from \"zigttp:test\";\ntest(\"one\", () => expect(1).toBe(1));\n",
        ),
    ]);
    let ran = test(folder.path(), &["--reporter", "junit", "--output", "junit.xml"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{}", ran.stderr);
    let written = std::fs::read_to_string(folder.path().join("junit.xml")).expect("it was written");
    assert!(written.ends_with("</testsuites>\n"), "{written}");
}

#[test]
fn junit_sums_up_files_that_do_not_build() {
    let folder =
        folder_with(&[("handler.ts", HANDLER), ("bad.test.ts", "import \"./none.ts\";\n")]);
    let ran = test(folder.path(), &["--reporter", "junit"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let sums =
        "<testsuites name=\"zigttp test\" tests=\"1\" failures=\"0\" errors=\"1\" skipped=\"0\"";
    assert!(ran.stdout.contains(sums), "{}", ran.stdout);
}

#[test]
fn lone_surrogates_are_replaced_in_titles_messages_and_what_clients_send() {
    let tests = r#"
import { connect, expect, test } from "zigttp:test";
test("a \ud800 title, and no \\ud800 escape", () => { throw new Error("\udfff!"); });
test("sent", async () => {
  const ws = await connect("/?\ud800");
  ws.send("\ud800");
  expect(ws.received).toEqual(["\ufffd"]);
});
"#;
    let folder = folder_with(&[("handler.ts", HANDLER), ("it.test.ts", tests)]);
    let ran = test(folder.path(), &[]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stdout.contains("a \u{fffd} title, and no \\ud800 escape"), "{}", ran.stdout);
    assert!(ran.stdout.contains("\u{fffd}!"), "{}", ran.stdout);
    assert!(ran.stdout.contains("1 passed, 1 failed"), "{}", ran.stdout);
}
