//! Reads what a `handler.wasm` says about itself. Artifacts are not trusted: everything here is checked, and
//! nothing is permitted because an artifact says so.

use wasmparser::{Parser, Payload};
use zigttp_abi::manifest::{MANIFEST_SECTION, Manifest, SOURCEMAP_SECTION};

use crate::error::LoadError;
use crate::source_position::SourceMaps;

/// The descriptive sections of an artifact.
pub struct Artifact {
    pub manifest: Manifest,
    pub source_maps: SourceMaps,
}

impl Artifact {
    /// Reads the custom sections of a module.
    pub fn read(wasm: &[u8]) -> Result<Artifact, LoadError> {
        // The parser's own error for this only lists bytes.
        if !wasm.starts_with(b"\0asm") {
            return Err(LoadError::NotWasm("it does not begin like one".to_owned()));
        }
        let mut manifest = None;
        let mut source_maps = None;
        for payload in Parser::new(0).parse_all(wasm) {
            match payload.map_err(|error| LoadError::NotWasm(error.message().to_owned()))? {
                Payload::Version { encoding: wasmparser::Encoding::Component, .. } => {
                    return Err(LoadError::NotWasm("it is a component".to_owned()));
                }
                // It would run before an event, without a budget. Snapshots have no start function.
                Payload::StartSection { .. } => {
                    return Err(LoadError::Unfit("it has a start function".into()));
                }
                Payload::CustomSection(section) => match section.name() {
                    MANIFEST_SECTION => manifest = Some(section.data()),
                    SOURCEMAP_SECTION => source_maps = Some(section.data()),
                    _ => {}
                },
                _ => {}
            }
        }
        let manifest = Manifest::from_section(manifest.ok_or(LoadError::NoManifest)?)?;
        let source_maps = match source_maps {
            Some(section) => SourceMaps::from_section(section).map_err(LoadError::SourceMap)?,
            None => SourceMaps::default(),
        };
        Ok(Artifact { manifest, source_maps })
    }
}
