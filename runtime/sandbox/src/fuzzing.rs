//! What must hold for any bytes, for the fuzz targets in `fuzz/`.
//!
//! It is here so that the tests run the same checks over the committed seeds. Ordinary builds have no such
//! module.

use crate::artifact::Artifact;
use crate::source_position::SourceMaps;

/// An artifact is refused, or it is read and rewrites stack traces. The first byte says what the rest is: a
/// module, its manifest, or a line of source maps and then a stack trace.
pub fn artifact(bytes: &[u8]) {
    let Some((kind, rest)) = bytes.split_first() else { return };
    match kind % 3 {
        0 => {
            let _ = Artifact::read(rest);
        }
        1 => {
            let module = module_of(&[(zigttp_abi::manifest::MANIFEST_SECTION, rest)]);
            if let Ok(artifact) = Artifact::read(&module) {
                let section = artifact.manifest.to_section();
                let again = module_of(&[(zigttp_abi::manifest::MANIFEST_SECTION, &section)]);
                let again = Artifact::read(&again).expect("what was read can be written");
                assert_eq!(again.manifest, artifact.manifest);
            }
        }
        _ => {
            let mut parts = rest.splitn(2, |byte| *byte == b'\n');
            let (maps, stack) = (parts.next().unwrap_or(rest), parts.next().unwrap_or_default());
            if let Ok(maps) = SourceMaps::from_section(maps) {
                let stack = String::from_utf8_lossy(stack);
                let rewritten = maps.rewrite(&stack);
                assert!(rewritten.lines().count() <= stack.lines().count());
            }
        }
    }
}

fn module_of(sections: &[(&str, &[u8])]) -> Vec<u8> {
    let mut module = wasm_encoder::Module::new();
    for (name, data) in sections {
        module.section(&wasm_encoder::CustomSection { name: (*name).into(), data: (*data).into() });
    }
    module.finish()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// Runs a target's check over its seeds.
    fn over_seeds(target: &str, check: fn(&[u8])) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
        let mut count = 0;
        for entry in folder.read_dir().expect("every target has seeds") {
            let path = entry.expect("a folder can be read").path();
            check(&std::fs::read(&path).expect("a seed can be read"));
            count += 1;
        }
        assert!(count > 0, "{target} has no seeds");
    }

    #[test]
    fn what_must_hold_for_any_bytes_holds_for_the_seeds() {
        over_seeds("artifact", super::artifact);
    }
}
