//! Aliases of `tsconfig.json`, and the decorators that it chooses.

use super::{answering, response};
use crate::support::zigts::{folder_with, zigts};

#[test]
fn paths_of_tsconfig_are_followed_also_where_it_extends_another() {
    let folder = folder_with(&[
        ("src/a.ts", &answering("import { x } from \"@/lib/x\";\nimport y from \"~y\";", "[x, y]")),
        ("src/lib/x.ts", "export const x: string = \"x\";\n"),
        ("src/y.ts", "export default \"y\";\n"),
        ("tsconfig.json", "{ // with a comment\n \"extends\": \"./tsconfig.base.json\", }"),
        (
            "tsconfig.base.json",
            r#"{ "compilerOptions": { "paths": { "@/*": ["./src/*"], "~y": ["./src/y.ts"] } } }"#,
        ),
    ]);
    assert_eq!(response(folder.path(), "src/a.ts"), r#"["x","y"]"#);
}

#[test]
fn experimental_decorators_of_tsconfig_are_the_earlier_ones() {
    let source = "
        const seen: unknown[] = [];
        function note(target: any, key: any) { seen.push(typeof target, typeof key); }
        class Player { @note name = \"\"; }
        export function handler(req: Request) { return Response.json(seen); }
    ";
    let folder = folder_with(&[
        ("a.ts", source),
        ("tsconfig.json", r#"{ "compilerOptions": { "experimentalDecorators": true } }"#),
    ]);
    assert_eq!(response(folder.path(), "a.ts"), r#"["object","string"]"#);
    std::fs::write(folder.path().join("tsconfig.json"), "{}").expect("writable");
    assert_eq!(response(folder.path(), "a.ts"), r#"["undefined","object"]"#);
}

#[test]
fn fields_that_are_assigned_are_refused_with_decorators() {
    let folder = folder_with(&[
        ("a.ts", &answering("", "1")),
        (
            "tsconfig.json",
            r#"{ "compilerOptions": { "experimentalDecorators": true, "useDefineForClassFields": false } }"#,
        ),
    ]);
    let run = zigts(folder.path(), &["check", "a.ts"]);
    assert!(run.code == 2 && run.stderr.contains("useDefineForClassFields"), "{}", run.stderr);
}

#[test]
fn a_broken_tsconfig_is_one_error() {
    let folder = folder_with(&[
        ("a.ts", &answering("", "1")),
        ("tsconfig.json", "{ \"compilerOptions\": { ]"),
    ]);
    let run = zigts(folder.path(), &["check", "a.ts"]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains("tsconfig.json"), "{}", run.stderr);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
}
