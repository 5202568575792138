//! Imports that a package does not write down.

use zigts_rules::import::{Import, ImportKind, ImportedName, Reference, Target, Unresolved, Uses};

/// Packages for Node.js use it without importing it.
const BUFFER: &str = "Buffer";

/// The import of `Buffer` in a module of a package that needs it and does not declare it.
///
/// It is no longer among the globals that are needed then. A package that tests first whether there is one finds
/// none, and does without.
pub(super) fn import(needed: &mut Vec<Reference>) -> Option<Import> {
    let span = needed.iter().find(|it| it.name == BUFFER)?.span;
    needed.retain(|it| it.name != BUFFER);
    let name = ImportedName {
        imported: Some(BUFFER.to_owned()),
        local: BUFFER.to_owned(),
        span,
        uses: Uses { values: vec![span], ..Uses::default() },
        removal: None,
    };
    Some(Import {
        specifier: "node:buffer".to_owned(),
        span,
        kind: ImportKind::Implied,
        is_type_only: false,
        is_deferred: false,
        target: Target::Unresolved(Unresolved::NotRead),
        names: vec![name],
        next_name: None,
    })
}
