//! Tests: files `*.test.ts`, and the module `zigttp:test` that they alone may import.
//!
//! A test file is built like a handler, into an artifact of its own: its top level registers tests, and the event of
//! its entry runs one of them. The entry is a module of ours, which imports the test file.

use zigts_rules::import::{ModuleName, TESTING};

use crate::Entry;

/// What `zigttp:test` stands for, and the entry's own part.
const INDEX: &str = "zigttp:test/index.ts";

/// The folder that its modules' names begin with.
const FOLDER: &str = "zigttp:test/";

/// Not the name of a file, and no module can import it.
const ENTRY_NAME: &str = "(tests)";

macro_rules! modules {
    ($($name:literal)*) => {
        [$(($name, include_str!(concat!("../testing/", $name)))),*]
    };
}

/// The modules of `zigttp:test`, by their names in its folder.
static MODULES: [(&str, &str); 18] = modules!(
    "asymmetric.ts"
    "bytes.ts"
    "clock.ts"
    "connections.ts"
    "diff.ts"
    "equality.ts"
    "expect.ts"
    "failure.ts"
    "host.ts"
    "index.ts"
    "matchers.ts"
    "print.ts"
    "registry.ts"
    "run.ts"
    "snapshots.ts"
    "titles.ts"
    "well_formed.ts"
    "world.ts"
);

/// Whether a file holds tests, by its name.
pub fn is_test(name: &str) -> bool {
    [".test.ts", ".test.mts", ".test.js", ".test.mjs"].iter().any(|end| name.ends_with(end))
}

/// The entry of a test file's artifact.
pub(crate) fn entry_of(tests: &Entry) -> Entry {
    let path = serde_json::to_string(&format!("./{}", tests.name)).expect("text serialises");
    let text = format!("import {path};\nexport {{ handler }} from \"{FOLDER}run.ts\";\n");
    Entry { name: ModuleName::new(ENTRY_NAME), text, decorators: tests.decorators }
}

/// The module of `zigttp:test` that a specifier means in the module that imports it.
pub(crate) fn resolve(importer: &ModuleName, specifier: &str) -> Option<ModuleName> {
    if specifier == TESTING {
        return Some(ModuleName::new(INDEX));
    }
    if importer.as_str() == ENTRY_NAME && specifier.starts_with(FOLDER) {
        return Some(ModuleName::new(specifier));
    }
    let name = specifier.strip_prefix("./").filter(|_| importer.as_str().starts_with(FOLDER))?;
    Some(ModuleName::new(format!("{FOLDER}{name}")))
}

/// The text of such a module.
pub(crate) fn text(module: &ModuleName) -> &'static str {
    let name = module.as_str().strip_prefix(FOLDER);
    let found = MODULES.iter().find(|(known, _)| Some(*known) == name);
    found.expect("its modules name those there are").1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_modules_of_the_library_reach_one_another() {
        let resolved = |importer: &str, specifier: &str| {
            resolve(&ModuleName::new(importer), specifier).map(|it| it.as_str().to_owned())
        };
        assert_eq!(resolved("a.test.ts", "zigttp:test").as_deref(), Some(INDEX));
        assert_eq!(resolved("a.test.ts", "zigttp:test/run.ts"), None);
        assert_eq!(
            resolved("(tests)", "zigttp:test/run.ts").as_deref(),
            Some("zigttp:test/run.ts")
        );
        assert_eq!(resolved(INDEX, "./host.ts").as_deref(), Some("zigttp:test/host.ts"));
        assert_eq!(resolved("a.test.ts", "./host.ts"), None);
    }
}
