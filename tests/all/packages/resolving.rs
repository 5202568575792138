//! Which file an import means: the rules of Node.js for packages.

use super::{answering, response};
use crate::support::zigts::{folder_with, zigts};

#[test]
fn the_conditions_of_a_package_are_those_of_a_worker_and_its_subpaths_are_found() {
    let conditions = r#"{ "exports": {
        ".": { "browser": "./browser.js", "node": "./node.js", "zigttp": "./zigttp.js", "default": "./other.js" },
        "./worker": { "browser": "./browser.js", "worker": "./worker.js", "default": "./other.js" },
        "./import": { "require": "./other.js", "import": "./import.mjs" },
        "./features/*": "./lib/*.js",
        "./features/private/*": null
    }, "type": "module" }"#;
    let imports = r#"
        import main from "many";
        import worker from "many/worker";
        import imported from "many/import";
        import star from "many/features/one";
    "#;
    let folder = folder_with(&[
        ("a.js", &answering(imports, "[main, worker, imported, star]")),
        ("node_modules/many/package.json", conditions),
        ("node_modules/many/zigttp.js", "export default 'zigttp';"),
        ("node_modules/many/worker.js", "export default 'worker';"),
        ("node_modules/many/import.mjs", "export default 'import';"),
        ("node_modules/many/lib/one.js", "export default 'star';"),
    ]);
    assert_eq!(response(folder.path(), "a.js"), r#"["zigttp","worker","import","star"]"#);
    for (specifier, told) in [
        ("many/features/private/one", "does not export"),
        ("many/other.js", "does not export"),
        ("many/features/two", "cannot import"),
    ] {
        let text = answering(&format!("import x from \"{specifier}\";"), "x");
        std::fs::write(folder.path().join("b.js"), text).expect("writable");
        let run = zigts(folder.path(), &["check", "b.js"]);
        assert!(run.code == 1 && run.stderr.contains("ZTS037"), "{specifier}\n{}", run.stderr);
        assert!(run.stderr.contains(told) || specifier.ends_with("two"), "{}", run.stderr);
    }
}

#[test]
fn a_package_may_put_other_files_in_place_of_those_for_node() {
    let package = r#"{ "name": "client", "type": "module", "exports": "./index.js",
        "browser": { "./lib/files.js": "./lib/no-files.js", "node:fs": false, "./lib/kept.js": false } }"#;
    let folder = folder_with(&[
        ("a.js", &answering("import client from \"client\";", "client")),
        ("node_modules/client/package.json", package),
        (
            "node_modules/client/index.js",
            "import { read } from './lib/files';\nimport kept from './lib/kept.js';\nexport default [read(), kept];",
        ),
        ("node_modules/client/lib/files.js", "export { readFileSync as read } from 'node:fs';"),
        ("node_modules/client/lib/no-files.js", "export const read = () => 'no files';"),
        ("node_modules/client/lib/kept.js", "export default 'kept';"),
        (
            "node_modules/reader/package.json",
            r#"{ "browser": { "node:fs": false }, "type": "module" }"#,
        ),
        ("node_modules/reader/index.js", "export { readFileSync as default } from 'node:fs';"),
        ("b.js", &answering("import reader from \"reader\";", "typeof reader")),
    ]);
    assert_eq!(response(folder.path(), "a.js"), r#"["no files","kept"]"#);
    let run = zigts(folder.path(), &["check", "b.js"]);
    assert!(run.stderr.contains("ZTS038") && run.stderr.contains("node:fs"), "{}", run.stderr);
}

#[test]
fn a_package_is_looked_for_from_its_importer_upward_and_each_may_have_its_own_version() {
    let folder = folder_with(&[
        ("app/src/a.js", &answering("import { a } from \"a\";\nimport b from \"b\";", "[a(), b]")),
        ("node_modules/a/package.json", r#"{ "name": "a", "type": "module", "main": "./main" }"#),
        ("node_modules/a/main.js", "import b from \"b\";\nexport const a = () => \"a with \" + b;"),
        ("node_modules/a/node_modules/b/index.js", "export default 'b 2';"),
        ("node_modules/b/package.json", r#"{ "module": "es.js", "main": "cjs.js" }"#),
        ("node_modules/b/es.js", "export default 'b 1';"),
        ("node_modules/b/cjs.js", "throw 1;"),
    ]);
    assert_eq!(response(folder.path(), "app/src/a.js"), r#"["a with b 2","b 1"]"#);
}

#[test]
fn a_package_imports_itself_and_its_private_names() {
    let package = r##"{ "name": "p", "type": "module", "imports": { "#data": "./data.json", "#lib/*": "./lib/*.js" },
        "exports": { ".": "./index.js", "./own": "./own.js" } }"##;
    let folder = folder_with(&[
        ("a.js", &answering("import all from \"p\";", "all")),
        ("node_modules/p/package.json", package),
        (
            "node_modules/p/index.js",
            "import own from \"p/own\";\nimport data from \"#data\" with { type: \"json\" };\n\
             import one from \"#lib/one\";\nexport default [own, data, one];",
        ),
        ("node_modules/p/own.js", "export default 'own';"),
        ("node_modules/p/lib/one.js", "export default 'one';"),
        ("node_modules/p/data.json", r#"{ "__proto__": 1, "b": "ü\n" }"#),
    ]);
    assert_eq!(response(folder.path(), "a.js"), r#"["own",{"__proto__":1,"b":"ü\n"},"one"]"#);
}

#[test]
fn a_workspace_is_a_link_to_source_of_one_s_own() {
    let folder = folder_with(&[
        ("packages/app/a.ts", &answering("import { shared } from \"@team/shared\";", "shared(1)")),
        (
            "packages/shared/package.json",
            r#"{ "name": "@team/shared", "exports": "./src/index.ts" }"#,
        ),
        (
            "packages/shared/src/index.ts",
            "import { twice } from \"./twice.js\";\nexport const shared = (n: number): number => twice(n);\n",
        ),
        ("packages/shared/src/twice.ts", "export const twice = (n: number) => n * 2;\n"),
        ("node_modules/@team/.keep", ""),
    ]);
    let link = folder.path().join("node_modules/@team/shared");
    std::os::unix::fs::symlink("../../packages/shared", link).expect("writable");
    assert_eq!(response(folder.path(), "packages/app/a.ts"), "2");
    // Its code is checked like the rest.
    let source = "let count = 0;\nexport const shared = (n: number) => (count += n);\n";
    std::fs::write(folder.path().join("packages/shared/src/index.ts"), source).expect("writable");
    let run = zigts(folder.path(), &["check", "packages/app/a.ts"]);
    assert!(
        run.stderr.contains("ZTS310") && run.stderr.contains("shared/src/index.ts"),
        "{}",
        run.stderr
    );
}

#[test]
fn json_is_a_module_of_one_s_own_too_and_a_mistake_in_it_is_located() {
    let folder = folder_with(&[
        (
            "a.ts",
            &answering("import words from \"./words.json\" with { type: \"json\" };", "words"),
        ),
        ("words.json", "[\"a\", 1e3, null]"),
    ]);
    assert_eq!(response(folder.path(), "a.ts"), r#"["a",1000,null]"#);
    std::fs::write(folder.path().join("words.json"), "{\n  \"a\": nope\n}").expect("writable");
    let run = zigts(folder.path(), &["check", "a.ts", "--format", "compact"]);
    assert!(
        run.code == 1
            && run.stdout.contains("words.json:2:9: error ZTS002: no JSON: expected ident"),
        "{}{}",
        run.stdout,
        run.stderr
    );
}

#[test]
fn an_import_of_which_only_types_are_used_needs_no_package() {
    let source = "
        import { Move } from \"types-alone\";
        import { Stats } from \"node:fs\";
        export function handler(req: Request) {
          const move: Move | Stats = JSON.parse('{ \"x\": 1 }');
          return Response.json(move);
        }
    ";
    let folder = folder_with(&[
        ("a.ts", source),
        ("node_modules/types-alone/package.json", r#"{ "types": "index.d.ts" }"#),
        ("node_modules/types-alone/index.d.ts", "export interface Move { x: number }"),
    ]);
    assert_eq!(response(folder.path(), "a.ts"), r#"{"x":1}"#);
}

#[test]
fn a_type_of_a_package_may_stand_beside_its_values() {
    let handler = r#"
        import { value, type Shown } from "shown";
        import { value as again, Other } from "shown";
        const shown: Shown = value;
        export function handler(): Response { return Response.json([shown, again as Other]); }
    "#;
    let folder = folder_with(&[
        ("a.ts", handler),
        ("wrong.ts", &handler.replace("again as Other", "Other")),
        ("node_modules/shown/package.json", r#"{ "main": "index.mjs", "types": "index.d.ts" }"#),
        ("node_modules/shown/index.mjs", "export const value = 7;"),
        (
            "node_modules/shown/index.d.ts",
            "export type Shown = number; export type Other = number;",
        ),
    ]);
    assert_eq!(response(folder.path(), "a.ts"), "[7,7]");
    let run = zigts(folder.path(), &["check", "wrong.ts"]);
    assert!(run.stderr.contains("does not export `Other`"), "{}", run.stderr);
}

#[test]
fn a_package_runs_as_it_is_published_though_its_source_lies_beside() {
    let folder = folder_with(&[
        ("a.js", &answering("import a from \"both\";\nimport b from \"both/lib.js\";", "[a, b]")),
        ("node_modules/both/package.json", r#"{ "main": "index.js" }"#),
        ("node_modules/both/index.js", "module.exports = 'js ' + require('./lib');"),
        ("node_modules/both/index.ts", "export default 'ts';"),
        ("node_modules/both/lib.js", "module.exports = 'lib.js';"),
        ("node_modules/both/lib.ts", "export default 'lib.ts';"),
    ]);
    assert_eq!(response(folder.path(), "a.js"), r#"["js lib.js","lib.js"]"#);
}

#[test]
fn a_package_json_that_never_ends_is_none() {
    let folder = folder_with(&[
        ("a.js", &answering("import a from \"pipe\";\nimport b from \"zero\";", "[a, b]")),
        ("node_modules/pipe/index.js", "module.exports = 1;"),
        ("node_modules/zero/index.js", "module.exports = 2;"),
    ]);
    let pipe = folder.path().join("node_modules/pipe/package.json");
    let made = std::process::Command::new("mkfifo").arg(pipe).status().expect("mkfifo exists");
    assert!(made.success());
    let zero = folder.path().join("node_modules/zero/package.json");
    std::os::unix::fs::symlink("/dev/zero", zero).expect("writable");
    assert_eq!(response(folder.path(), "a.js"), "[1,2]");
}
