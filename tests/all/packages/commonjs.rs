//! Modules of CommonJS, as Node.js runs them.

use super::{answering, response};
use crate::support::zigts::folder_with;

#[test]
fn exports_are_found_by_name_however_they_are_written() {
    let imports = r#"
        import all, { a, b, c, d, e, f, delete as g } from "forms";
        import * as names from "forms";
    "#;
    let text = r#"
        "use strict";
        Object.defineProperty(exports, "a", { enumerable: true, get: function () { return 1; } });
        exports.b = 2;
        module.exports.c = exports["d"] = 3;
        exports.delete = 7;
        function __exportStar(from, to) { for (const name in from) to[name] = from[name]; }
        __exportStar(require("./more"), exports);
        Object.assign(exports, { f: 6 });
    "#;
    let value =
        "[a, b, c, d, e, f, g, all.e, Object.keys(names).filter((it) => it !== 'default').length]";
    let folder = folder_with(&[
        ("a.js", &answering(imports, value)),
        ("node_modules/forms/index.js", text),
        ("node_modules/forms/more/index.json", "{}"),
        ("node_modules/forms/more/index.js", "module.exports = { e: 5 };"),
    ]);
    assert_eq!(response(folder.path(), "a.js"), "[1,2,3,3,5,6,7,5,7]");
}

#[test]
fn a_module_runs_once_when_it_is_first_required_and_circles_see_what_is_there() {
    let main = r#"
        globalThis.order = [];
        exports.early = true;
        const late = () => require("./late.js");
        const circle = require("./circle");
        module.exports = { circle, late: () => [late().value, late() === late(), order.splice(0)] };
    "#;
    let folder = folder_with(&[
        ("a.js", &answering("import main from \"lazy\";", "[main.circle, main.late()]")),
        ("node_modules/lazy/package.json", r#"{ "main": "main" }"#),
        ("node_modules/lazy/main.js", main),
        (
            "node_modules/lazy/circle.js",
            "order.push('circle'); exports.saw = Object.keys(require('./main'));",
        ),
        ("node_modules/lazy/late.js", "order.push('late'); exports.value = 5;"),
    ]);
    let expected = r#"[{"saw":["early"]},[5,true,["circle","late"]]]"#;
    assert_eq!(response(folder.path(), "a.js"), expected);
}

#[test]
fn the_text_is_a_function_body_outside_of_strict_mode() {
    let text = r#"
        undeclared = 1;
        var own = this === module.exports && this === exports;
        var caller = (function () { return this === globalThis; })();
        module.exports = [own, caller, typeof arguments, arguments.length, __filename, __dirname, 010, undeclared];
        if (own) return;
        throw new Error("it goes on after return");
    "#;
    let folder = folder_with(&[
        ("a.js", &answering("import sloppy from \"sloppy\";", "sloppy")),
        ("node_modules/sloppy/index.js", text),
    ]);
    let expected =
        r#"[true,true,"object",5,"node_modules/sloppy/index.js","node_modules/sloppy",8,1]"#;
    assert_eq!(response(folder.path(), "a.js"), expected);
}

#[test]
fn modules_of_both_systems_ask_for_each_other() {
    let folder = folder_with(&[
        (
            "a.js",
            &answering("import { both } from \"old\";\nimport { pi } from \"new\";", "[both, pi]"),
        ),
        (
            "node_modules/old/index.js",
            "const { pi, default: name } = require('new'); const data = require('./data.json');\n\
             let missing; try { require('not-there'); } catch (error) { missing = error.code; }\n\
             exports.both = [pi, name, data.a, missing];",
        ),
        ("node_modules/old/data.json", r#"{ "a": 1 }"#),
        (
            "node_modules/new/package.json",
            r#"{ "type": "module", "exports": { "require": "./index.js", "import": "./index.js" } }"#,
        ),
        (
            "node_modules/new/index.js",
            "import three from 'three';\nexport const pi = three + 0.14;\nexport default 'new';",
        ),
        ("node_modules/three/index.js", "module.exports = 3;"),
    ]);
    let expected = r#"[[3.14,"new",1,"MODULE_NOT_FOUND"],3.14]"#;
    assert_eq!(response(folder.path(), "a.js"), expected);
}

#[test]
fn the_default_of_a_compiled_module_is_what_its_importer_s_tools_expect() {
    let compiled =
        "Object.defineProperty(exports, '__esModule', { value: true }); exports.default = 'inner';";
    let show = "typeof it === 'string' ? it : 'module.exports with ' + it.default";
    let files = |package: &'static str| {
        folder_with(&[
            ("a.ts", &answering("import it from \"compiled\";", show)),
            ("package.json", package),
            ("node_modules/compiled/index.js", compiled),
        ])
    };
    // As bundlers do, and `tsc` for them.
    assert_eq!(response(files("{}").path(), "a.ts"), r#""inner""#);
    // As Node.js does.
    let node = files(r#"{ "type": "module" }"#);
    assert_eq!(response(node.path(), "a.ts"), r#""module.exports with inner""#);
}

#[test]
fn whatever_is_exported_is_the_default() {
    let imports = r#"
        import nothing from "nothing";
        import { a, b, "not-a-name" as c } from "odd";
        import one from "one";
    "#;
    let folder = folder_with(&[
        ("a.js", &answering(imports, "[nothing, one, a, typeof b, c]")),
        ("node_modules/nothing/index.js", "module.exports = null;"),
        ("node_modules/one/index.js", "module.exports = 1; exports.lost = true;"),
        (
            "node_modules/odd/index.js",
            "exports['not-a-name'] = 1; exports.a = 2;\n\
             Object.defineProperty(exports, 'b', { get() { throw new Error('not now'); } });",
        ),
    ]);
    assert_eq!(response(folder.path(), "a.js"), r#"[null,1,2,"undefined",1]"#);
}

#[test]
fn a_stack_names_the_line_of_a_package() {
    use crate::support::server::Server;
    use crate::support::zigts::zigts;

    let folder = folder_with(&[
        ("a.ts", &answering("import { fail } from \"fails\";", "fail()")),
        (
            "node_modules/fails/index.js",
            "\n\n  exports.fail = function fail() { throw new Error('here'); };\n",
        ),
    ]);
    assert_eq!(zigts(folder.path(), &["build", "a.ts", "-o", "a.wasm"]).code, 0);
    let server = Server::start(&folder.path().join("a.wasm"), &[]);
    assert_eq!(server.get("/").0, 500);
    let log = server.wait_for_log("here");
    assert!(log.contains("node_modules/fails/index.js:3:"), "{log}");
}
