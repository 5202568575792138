//! From an import's specifier to the names of the modules that it may mean.
//!
//! Pure: the loader finds out which of them exists. Names are relative to the entry's folder
//! (`../shared/names.ts` lies beside it), so no result depends on where on a disk a handler lies.

use zigts_rules::import::{ModuleName, Unresolved};
use zigttp_abi::api::Module;

use crate::node_builtins;

/// What a specifier may lead to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Candidates {
    /// A built-in module.
    Builtin(Module),
    /// The first of these that exists.
    Modules(Vec<ModuleName>),
    /// The module of this name, which stands in place of one of Node.js.
    InPlaceOfNode(ModuleName),
    /// A package, an alias, or a module of a package: the caller finds it.
    Elsewhere,
}

/// Extensions that are looked for when a specifier has none, in this order.
const EXTENSIONS: [&str; 4] = ["ts", "mts", "js", "mjs"];

/// Extensions of files that are not modules of a handler, so that `./data.json` does not mean
/// `data.json.ts`.
const FOREIGN_EXTENSIONS: [&str; 7] = ["tsx", "jsx", "cts", "css", "html", "txt", "wasm"];

/// What the specifiers of other platforms' modules begin with.
const OTHER_PLATFORMS: [&str; 5] = ["cloudflare:", "bun:", "deno:", "npm:", "jsr:"];

/// Lists the modules a specifier may mean in the module that imports it.
///
/// As TypeScript does, `./rooms.js` finds `rooms.ts` first: the extension is the one the
/// compiled file would have.
pub(crate) fn candidates(importer: &ModuleName, specifier: &str) -> Result<Candidates, Unresolved> {
    if let Some(module) = Module::of_specifier(specifier) {
        return Ok(Candidates::Builtin(module));
    }
    if specifier.starts_with("zigttp:") {
        return Err(Unresolved::UnknownBuiltin);
    }
    if node_builtins::text(specifier).is_some() {
        let name = specifier.strip_prefix("node:").unwrap_or(specifier);
        return Ok(Candidates::InPlaceOfNode(ModuleName::new(format!("node:{name}"))));
    }
    if OTHER_PLATFORMS.iter().any(|prefix| specifier.starts_with(prefix)) || specifier == "bun" {
        return Err(Unresolved::OtherPlatform);
    }
    let is_relative = matches!(specifier, "." | "..")
        || ["./", "../"].iter().any(|prefix| specifier.starts_with(prefix));
    if !is_relative || importer.package().is_some() {
        let is_absolute = specifier.starts_with('/') || specifier.contains("://");
        let is_file = specifier.starts_with("file:") || specifier.starts_with("data:");
        return if is_absolute || is_file || specifier.is_empty() {
            Err(Unresolved::Absolute)
        } else {
            Ok(Candidates::Elsewhere)
        };
    }
    let path = join(importer.as_str(), specifier);
    if path.contains(['\\', '\0', '?', '#']) {
        return Err(Unresolved::NotFound { tried: vec![ModuleName::new(path)] });
    }
    let (stem, extension) = split_extension(&path);
    let names = match extension {
        _ if is_folder(&path) || ends_in_folder(specifier) => index_modules(&path),
        // Declarations are no module.
        Some(extension @ ("ts" | "mts")) if stem.ends_with(".d") => {
            return Err(Unresolved::NotSource { extension: format!("d.{extension}") });
        }
        Some("ts" | "mts" | "cjs" | "json") => vec![path],
        Some("js") => vec![format!("{stem}.ts"), path],
        Some("mjs") => vec![format!("{stem}.mts"), path],
        Some(extension) if FOREIGN_EXTENSIONS.contains(&extension) => {
            return Err(Unresolved::NotSource { extension: extension.to_owned() });
        }
        _ => {
            let mut names: Vec<_> =
                EXTENSIONS.iter().map(|extension| format!("{path}.{extension}")).collect();
            names.extend(index_modules(&path));
            names
        }
    };
    Ok(Candidates::Modules(names.into_iter().map(ModuleName::new).collect()))
}

/// The files of declarations that a relative specifier may mean.
pub(crate) fn declarations(importer: &ModuleName, specifier: &str) -> Vec<ModuleName> {
    if !["./", "../"].iter().any(|prefix| specifier.starts_with(prefix)) {
        return Vec::new();
    }
    let path = join(importer.as_str(), specifier);
    let stem = [".d.ts", ".d.mts", ".js", ".mjs", ".ts", ".mts"]
        .iter()
        .find_map(|extension| path.strip_suffix(extension))
        .unwrap_or(&path);
    [".d.ts", ".d.mts", "/index.d.ts"]
        .iter()
        .map(|extension| ModuleName::new(format!("{stem}{extension}")))
        .collect()
}

fn index_modules(folder: &str) -> Vec<String> {
    ["index.ts", "index.js"].iter().map(|file| join(&format!("{folder}/_"), file)).collect()
}

/// Whether a joined path can only be a folder: the entry's, or one above it.
fn is_folder(path: &str) -> bool {
    path.is_empty() || path == ".." || path.ends_with("/..")
}

/// Whether a specifier is written as one of a folder.
fn ends_in_folder(specifier: &str) -> bool {
    matches!(specifier.rsplit('/').next(), Some("" | "." | ".."))
}

/// A path seen from the folder of another file, without `.` and with `..` at its start only.
fn join(file: &str, path: &str) -> String {
    let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|&last| last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn split_extension(path: &str) -> (&str, Option<&str>) {
    let file_start = path.rfind('/').map_or(0, |slash| slash + 1);
    match path[file_start..].rfind('.') {
        Some(dot) if dot > 0 => (&path[..file_start + dot], Some(&path[file_start + dot + 1..])),
        _ => (path, None),
    }
}

#[cfg(test)]
mod tests {
    use zigts_rules::import::{ModuleName, Unresolved};

    use zigttp_abi::api::Module;

    use super::{Candidates, candidates};

    fn modules(importer: &str, specifier: &str) -> Vec<String> {
        match candidates(&ModuleName::new(importer), specifier) {
            Ok(Candidates::Modules(names)) => {
                names.iter().map(|name| name.as_str().to_owned()).collect()
            }
            other => panic!("{specifier}: {other:?}"),
        }
    }

    #[test]
    fn extensions_are_tried_as_typescript_does() {
        assert_eq!(modules("chat.ts", "./rooms.ts"), ["rooms.ts"]);
        assert_eq!(modules("chat.ts", "./rooms.mts"), ["rooms.mts"]);
        assert_eq!(modules("chat.ts", "./rooms.js"), ["rooms.ts", "rooms.js"]);
        assert_eq!(modules("chat.ts", "./rooms.mjs"), ["rooms.mts", "rooms.mjs"]);
        let bare =
            ["rooms.ts", "rooms.mts", "rooms.js", "rooms.mjs", "rooms/index.ts", "rooms/index.js"];
        assert_eq!(modules("chat.ts", "./rooms"), bare);
        assert_eq!(modules("chat.ts", "./rooms.state")[0], "rooms.state.ts");
    }

    #[test]
    fn paths_are_seen_from_the_importing_module() {
        assert_eq!(modules("lib/rooms.ts", "./names.ts"), ["lib/names.ts"]);
        assert_eq!(modules("lib/rooms.ts", "../chat.ts"), ["chat.ts"]);
        assert_eq!(modules("chat.ts", "../shared/./x/../names.ts"), ["../shared/names.ts"]);
        assert_eq!(modules("../shared/names.ts", "../app/chat.ts"), ["../app/chat.ts"]);
        assert_eq!(modules("../a.ts", "../b.ts"), ["../../b.ts"]);
        assert_eq!(modules("chat.ts", ".//rooms.ts"), ["rooms.ts"]);
    }

    #[test]
    fn folders_stand_for_their_index() {
        assert_eq!(modules("chat.ts", "."), ["index.ts", "index.js"]);
        assert_eq!(modules("lib/a/b.ts", ".."), ["lib/index.ts", "lib/index.js"]);
        assert_eq!(modules("chat.ts", "./lib/"), ["lib/index.ts", "lib/index.js"]);
        assert_eq!(modules("chat.ts", ".."), ["../index.ts", "../index.js"]);
    }

    #[test]
    fn everything_else_leads_nowhere_for_a_reason() {
        for (specifier, reason) in [
            ("zigttp:websockets", Unresolved::UnknownBuiltin),
            ("cloudflare:workers", Unresolved::OtherPlatform),
            ("bun", Unresolved::OtherPlatform),
            ("", Unresolved::Absolute),
            ("/etc/passwd", Unresolved::Absolute),
            ("https://example.com/a.ts", Unresolved::Absolute),
            ("file:a.ts", Unresolved::Absolute),
            ("./page.tsx", Unresolved::NotSource { extension: "tsx".to_owned() }),
        ] {
            assert_eq!(
                candidates(&ModuleName::new("chat.ts"), specifier),
                Err(reason),
                "{specifier}"
            );
        }
        for specifier in ["lodash", "@scope/name/file.js", "node:fs", "fs", "@/rooms", "#rooms"] {
            let found = candidates(&ModuleName::new("chat.ts"), specifier);
            assert_eq!(found, Ok(Candidates::Elsewhere), "{specifier}");
        }
        let odd = candidates(&ModuleName::new("chat.ts"), "./a.ts?raw");
        assert!(matches!(odd, Err(Unresolved::NotFound { .. })), "{odd:?}");
        let websocket = candidates(&ModuleName::new("chat.ts"), "zigttp:websocket");
        assert_eq!(websocket, Ok(Candidates::Builtin(Module::Websocket)));
    }
}
