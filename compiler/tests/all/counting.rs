//! Handlers that count what of them runs.

use crate::support::{counted, logs};

/// A handler has to have an event.
const HANDLER: &str = "export function handler() { return new Response(); }";

#[track_caller]
fn counts(text: &str, expected: &[&str]) {
    let text = format!("{text}\n{HANDLER}");
    let mut found = counted(&[("a.ts", &text)]);
    // What is counted of the event.
    assert_eq!(
        found.split_off(found.len() - 2),
        ["handler:LINE:0", "statement:LINE:0"]
            .map(|it| { it.replace("LINE", &text.lines().count().to_string()) })
    );
    assert_eq!(found, expected);
}

#[test]
fn statements_functions_and_branches_are_counted() {
    counts(
        "const double = (n: number) => n * 2;
        function never(): void {
            throw new Error();
        }
        for (let n = 0; n < 3; n++)
            if (n > 1) double(n);
            else {
                double(n); double(n);
            }",
        &[
            "statement:1:1",
            "double:1:5",
            "statement:1:5",
            "never:2:0",
            "statement:3:0",
            "statement:5:1",
            "statement:6:3",
            "statement:6:1",
            "branch:6:1",
            "branch:7:2",
            "statement:8:2",
            "statement:8:2",
        ],
    );
}

#[test]
fn what_is_not_chosen_is_counted_as_a_branch() {
    counts(
        "let n = 0;
        if (n) n = 5;
        n = n ? 1 : 2;
        n = n && 3;
        n = n || 4;
        switch (n) {
            case 1: break;
            case 3:
            default: n++;
        }",
        &[
            "statement:1:1",
            "statement:2:1",
            "branch:2:1",
            "statement:2:0",
            "branch:2:0",
            "statement:3:1",
            "branch:3:0",
            "branch:3:1",
            "statement:4:1",
            "branch:4:1",
            "statement:5:1",
            "branch:5:0",
            "statement:6:1",
            "branch:7:0",
            "statement:7:0",
            "branch:8:1",
            "branch:9:1",
            "statement:9:1",
        ],
    );
}

#[test]
fn methods_and_callbacks_have_the_names_of_their_functions() {
    counts(
        "class Game {
            constructor() {}
            get score() { return 1; }
            static of() { return new Game(); }
        }
        const table = { play() {}, leave: () => {}, \"with spaces\": function () {} };
        [1, 2].map((n) => n);
        export default Game.of().score + Object.keys(table).length;",
        &[
            "constructor:2:1",
            "score:3:1",
            "statement:3:1",
            "of:4:1",
            "statement:4:1",
            "statement:6:1",
            "play:6:0",
            "leave:6:0",
            "with spaces:6:0",
            "statement:7:1",
            "function:7:2",
            "statement:7:2",
            "statement:8:1",
        ],
    );
}

#[test]
fn types_and_declarations_are_no_statements() {
    counts(
        "interface A { a: number }\ntype B = A;\nlet later: B;\nexport type { B };\nexport class C {}",
        &[],
    );
}

#[test]
fn packages_and_data_are_left_out() {
    let entry = format!(
        "import {{ one }} from \"./one\";\nimport two from \"two\";\nimport three from \"./three.json\";\nexport const n = one(two, three);\n{HANDLER}"
    );
    let modules = [
        ("a.ts", entry.as_str()),
        ("one.ts", "export const one = (...all: unknown[]) => all.length;"),
        ("node_modules/two/index.js", "export default 2;"),
        ("three.json", "{}"),
    ];
    assert_eq!(
        counted(&modules),
        [
            "statement:4:1",
            "handler:5:0",
            "statement:5:0",
            "one.tsstatement:1:1",
            "one.tsone:1:1",
            "one.tsstatement:1:1",
        ]
    );
}

#[test]
fn counting_changes_neither_names_nor_order_nor_control_flow() {
    let text = format!(
        "\"use strict\";
        const arrow = () => ({{ a: 1 }}), f = function () {{}};
        const either = null || function () {{}};
        outer: for (const a of [1, 2]) {{
            for (const b of [1, 2]) {{ if (b === 2) continue outer; console.log(a, b); }}
        }}
        do console.log(\"once\"); while (false);
        function directive() {{ \"use strict\"; return this; }}
        function* numbers() {{ yield 1; return yield* [2]; }}
        const late = async () => {{ await null; console.log(\"late\"); }};
        late();
        console.log(arrow.name, f.name, either.name, arrow().a, directive(), [...numbers()].join());
        const o = {{ x: 1, get() {{ return this?.x; }} }};
        console.log(true && o.get(), (true ? o : null).get(), o?.get(), typeof (false || undefined));
        if (o) {{ let __zigts_counters = 5; console.log(__zigts_counters); }}
        {HANDLER}"
    );
    logs(
        &[("a.ts", &text)],
        &["1 1", "2 1", "once", "arrow f  1 undefined 1,2", "1 1 1 undefined", "5", "late"],
    );
}
