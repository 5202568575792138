//! No two modules of a crate need each other, directly or through others: each can be read, tested and
//! moved without those that use it.

use std::collections::{BTreeMap, BTreeSet};

use super::support::programs::{committed, root};

/// Source folders without a circle.
const CRATES: [&str; 16] = [
    "cli/src",
    "compiler/engine/src",
    "compiler/src",
    "rules/src",
    "runtime/abi/src",
    "runtime/crypto/src",
    "runtime/files/src",
    "runtime/otlp/src",
    "runtime/outbound/src",
    "runtime/protocol/src",
    "runtime/recording/src",
    "runtime/rooms/src",
    "runtime/sandbox/src",
    "runtime/src",
    "runtime/store/src",
    "runtime/testing/src",
];

/// What each module of a crate imports from its other modules, and one item of it.
type Imports = BTreeMap<String, BTreeMap<String, String>>;

#[test]
fn no_crate_has_modules_that_import_each_other_in_a_circle() {
    for folder in CRATES {
        let imports = imports_of(folder);
        assert!(!imports.is_empty(), "{folder} has moved");
        for from in imports.keys() {
            for (to, item) in &imports[from] {
                assert!(
                    !reaches(&imports, to, from),
                    "{folder}: {from} imports {item} from {to}, which imports {from}, directly or through others"
                );
            }
        }
    }
}

#[test]
fn imports_are_found_in_every_form() {
    let source = "mod child;\nuse crate::{a::X, b::{self, c::Y as Z}};\nuse super::d;\n// crate::e::No\n\
                  fn f() { crate::g::h(); child::k(); }\n#[cfg(test)]\nmod tests { use crate::z; }\n";
    let found: BTreeSet<_> = paths(source, "p::m").into_iter().collect();
    let expected = ["a::X", "b", "b::c::Y", "g::h", "p::d", "p::m::child::k"].map(str::to_owned);
    assert_eq!(found, BTreeSet::from(expected));
}

fn reaches(imports: &Imports, from: &str, wanted: &str) -> bool {
    let mut seen = BTreeSet::from([from]);
    let mut left = vec![from];
    while let Some(module) = left.pop() {
        if module == wanted {
            return true;
        }
        left.extend(imports[module].keys().map(String::as_str).filter(|next| seen.insert(next)));
    }
    false
}

fn imports_of(folder: &str) -> Imports {
    let prefix = format!("{folder}/");
    let sources: BTreeMap<String, String> = committed(".rs")
        .iter()
        .filter_map(|path| Some((path, path.strip_prefix(&prefix)?.strip_suffix(".rs")?)))
        .filter(|(_, module)| !["lib", "main"].contains(module) && !module.starts_with("bin/"))
        .map(|(path, module)| {
            let source = std::fs::read_to_string(root().join(path)).expect("it is committed");
            (module.replace('/', "::"), source)
        })
        .collect();
    let module_of = |path: &str| {
        let ends = path.match_indices("::").map(|(at, _)| at).chain([path.len()]);
        let mut longest_first: Vec<_> = ends.map(|end| &path[..end]).collect();
        longest_first.reverse();
        longest_first.into_iter().find(|prefix| sources.contains_key(*prefix)).map(str::to_owned)
    };
    let imports = sources.iter().map(|(module, source)| {
        let paths = paths(source, module);
        let imported = paths.into_iter().filter_map(|path| Some((module_of(&path)?, path)));
        (module.clone(), imported.filter(|(other, _)| other != module).collect())
    });
    imports.collect()
}

/// Every path into the crate that a module's code names, from the crate's root. Tests at its end are left
/// out: they may use anything.
fn paths(source: &str, module: &str) -> Vec<String> {
    let code = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let code: Vec<&str> =
        code.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
    let code = code.join("\n");
    let parent = module.rsplit_once("::").map_or("", |(parent, _)| parent);
    let mut starts =
        vec![("crate".to_owned(), ""), ("self".to_owned(), module), ("super".to_owned(), parent)];
    for line in code.lines() {
        let name = line.trim_start_matches("pub ").strip_prefix("mod ");
        starts.extend(name.and_then(|name| Some((name.strip_suffix(';')?.to_owned(), module))));
    }
    let mut paths = Vec::new();
    for (number, (start, base)) in starts.iter().enumerate() {
        for (at, _) in code.match_indices(&format!("{start}::")) {
            if code[..at]
                .ends_with(|before: char| before.is_alphanumeric() || "_:".contains(before))
            {
                continue;
            }
            // A child is named by what it is called, the others by what follows.
            let at = if number < 3 { at + start.len() + 2 } else { at };
            tree(&code[at..], base, &mut paths);
        }
    }
    paths
}

/// Adds the paths of a tree such as `a::{b, c::{self, D}}`; returns what follows it.
fn tree<'a>(code: &'a str, base: &str, paths: &mut Vec<String>) -> &'a str {
    let code = code.trim_start();
    let join =
        |name: &str| if base.is_empty() { name.to_owned() } else { format!("{base}::{name}") };
    if let Some(mut rest) = code.strip_prefix('{') {
        while !rest.trim_start().starts_with('}') && !rest.is_empty() {
            rest = tree(rest, base, paths);
            rest = rest.find([',', '}']).map_or("", |at| &rest[at..]);
            rest = rest.strip_prefix(',').unwrap_or(rest);
        }
        return rest.trim_start().strip_prefix('}').unwrap_or(rest);
    }
    let end = code.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(code.len());
    let (name, rest) = code.split_at(end);
    let path = match name {
        "self" | "" => base.to_owned(),
        name => join(name),
    };
    match rest.strip_prefix("::") {
        Some(rest) if !rest.starts_with('<') => tree(rest, &path, paths),
        _ => {
            paths.push(path);
            rest
        }
    }
}
