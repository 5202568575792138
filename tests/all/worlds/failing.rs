//! Tests that fail, and what is said of them.

use super::{fails, run, run_tests, said};

const HANDLER: &str = r#"
import { send } from "zigttp:websocket";
export const routes = ["/room/:name"];
export async function onOpen(ws: WebSocket) { await new Promise((resolve) => setTimeout(resolve, 1000)); }
export function onMessage(ws: WebSocket, text: string) { send(ws, text); }
export function handler() { return Response.text("hi"); }
"#;

#[test]
fn a_failure_names_the_test_and_its_line() {
    let tests = r#"
function check(value: number): asserts value is 1 {
  expect(value).toBe(1);
}
test("numbers are equal", () => {
  check(2);
});
"#;
    fails(HANDLER, tests, &["numbers are equal", "handler.test.ts:4:", "handler.test.ts:7:"]);
}

#[test]
fn a_test_that_does_not_end_is_ended_and_told() {
    fails(HANDLER, "test(\"endless\", () => { for (;;) {} });", &["endless", "CPU time"]);
    let large = "test(\"large\", () => { const all: string[] = []; for (;;) all.push(\"x\".repeat(1000) + all.length); });";
    fails(HANDLER, large, &["large", "memory"]);
}

#[test]
fn a_test_that_awaits_what_never_comes_is_told_what_it_awaits() {
    fails(
        HANDLER,
        "test(\"never\", () => new Promise(() => {}));",
        &["never", "awaits what never comes"],
    );
    let connecting = "test(\"connecting\", async () => { await connect(\"/room/x\"); });";
    fails(HANDLER, connecting, &["connect(\"/room/x\")", "clock.advance"]);
    let timer = "test(\"timer\", () => new Promise((resolve) => setTimeout(resolve, 10)));";
    fails(HANDLER, timer, &["setTimeout", "clock.advance"]);
}

#[test]
fn a_handler_that_does_not_build_is_told_and_so_is_a_test() {
    fails("export function onMessage( {", "test(\"a\", () => {});", &["handler.ts:", "ZTS002"]);
    fails(HANDLER, "test(\"a\", () => {}", &["handler.test.ts:", "ZTS002"]);
    fails(HANDLER, "throw new Error(\"at the top\");", &["handler.test.ts", "at the top"]);
    fails(HANDLER, "import { nothing } from \"zigttp:test\"; nothing();", &["nothing"]);
}

#[test]
fn a_handler_cannot_import_the_library_of_tests() {
    let handler =
        format!("import {{ world }} from \"zigttp:test\";\n{HANDLER}\nconsole.log(world);");
    fails(
        &handler,
        "test(\"a\", () => {});",
        &["handler.ts:1:", "ZTS037", "`zigttp:test` is not for handlers"],
    );
}

#[test]
fn what_cannot_be_run_is_exit_code_2() {
    let folder = crate::support::programs::folder();
    for (arguments, words) in [
        (&["."][..], "there is no test in"),
        (&["handler.ts"], "is not a test"),
        (&["--seed", "x"], "--seed"),
    ] {
        let output = run(folder.path(), arguments);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(words), "{said}");
    }
    std::fs::write(folder.path().join("alone.test.ts"), "").expect("it is writable");
    let output = run(folder.path(), &[]);
    assert!(said(&output).contains("there is no handler for it"), "{}", said(&output));
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_test_reaches_nothing_but_its_world() {
    let tests = r#"
test("settings are the handler's", () => {
  expect(process.env.HOME).toBeUndefined();
});
test("it has no network", async () => {
  await fetch("https://example.com/");
});
"#;
    let output = run_tests(HANDLER, tests, &["--env", "HOME=here"]);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("1 passed"), "{said}");
}

#[test]
fn a_test_file_that_is_not_there_is_one_error_and_exit_2() {
    let folder = crate::support::programs::folder();
    let output = run(folder.path(), &["nothing.test.ts"]);
    assert_eq!(output.status.code(), Some(2));
    let expected = "error: cannot read `nothing.test.ts`: No such file or directory (os error 2)\n";
    assert_eq!(said(&output), expected);
}
