//! Which tests run, and on which handler.

use std::fs;

use super::{passes, run, run_tests, said};
use crate::support::programs::folder;

const ECHO: &str = r#"
import { send } from "zigttp:websocket";
export const routes = ["/echo"];
let started = 0;
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
"#;

#[test]
fn no_state_of_a_test_reaches_another() {
    passes(
        ECHO,
        r#"
let calls = 0;
const clients: Connection[] = [];
beforeEach(async () => { clients.push(await connect("/echo")); });
test.each([1, 2, 3, 4])("test %i", () => {
  calls++;
  expect(calls).toBe(1);
  expect(clients).toHaveLength(1);
  expect(world.effects).toEqual([]);
});
"#,
    );
}

#[test]
fn tests_are_chosen_by_a_part_of_their_titles() {
    let tests = "test(\"one\", () => {}); test(\"two\", () => { expect(1).toBe(2); });";
    let output = run_tests(ECHO, tests, &["--filter", "one"]);
    assert!(output.status.success() && said(&output).contains("1 passed"), "{}", said(&output));
    assert_eq!(run_tests(ECHO, tests, &["-t", "two"]).status.code(), Some(1));
}

#[test]
fn a_test_is_about_the_handler_of_its_name_or_one_that_is_named() {
    let folder = folder();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("it has a folder")).expect("it is writable");
        fs::write(path, text).expect("it is writable");
    };
    let says =
        |text: &str| format!("export function handler() {{ return Response.text({text:?}); }}");
    let expects = |text: &str| {
        format!(
            "import {{ expect, request, test }} from \"zigttp:test\";\n\
             test(\"says\", async () => {{ expect(await (await request(\"GET\", \"/\")).text()).toBe({text:?}); }});"
        )
    };
    write("chat.ts", &says("chat"));
    write("handler.ts", &says("handler"));
    write("chat.test.ts", &expects("chat"));
    write("other.test.ts", &expects("handler"));
    write("tests/deep/chat.test.ts", &expects("chat"));
    write("node_modules/chat.test.ts", "nonsense");
    let output = run(folder.path(), &[]);
    assert!(output.status.success() && said(&output).contains("3 passed"), "{}", said(&output));
    let output = run(folder.path(), &["other.test.ts", "--handler", "chat.ts"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
}

#[test]
fn settings_are_given_as_to_a_server() {
    let handler = "import { env } from \"zigttp:env\";\nexport function handler() { return Response.text(env(\"MODE\") ?? \"none\"); }";
    let tests = r#"
test("env", async () => {
  const mode = async () => await (await request("GET", "/")).text();
  expect(await mode()).toBe("given");
  world.env({ MODE: "changed" });
  expect(await mode()).toBe("changed");
  world.env({ MODE: undefined });
  expect(await mode()).toBe("none");
});
"#;
    let output = run_tests(handler, tests, &["--env", "MODE=given"]);
    assert!(output.status.success(), "{}", said(&output));
}
