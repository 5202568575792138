//! The bytes of a `handler.wasm`: a snapshot, without what only building needs, and with its manifest.

use sha2::{Digest, Sha256};
use wasm_encoder::reencode::{Error, Reencode, RoundtripReencoder};
use wasm_encoder::{CustomSection, ExportSection, Module, RawSection, SectionId};
use wasmparser::{BinaryReader, ExportSectionReader, Parser};
use zigttp_abi::events;
use zigttp_abi::manifest::{MANIFEST_SECTION, Manifest, SOURCEMAP_SECTION};

use crate::emit::Emitted;
use crate::source::Sources;

/// The one export that is not an event.
const MEMORY: &str = "memory";

/// Writes an artifact.
///
/// # Errors
/// When the snapshot is not a valid module.
pub(crate) fn write(
    snapshot: &[u8],
    manifest: &Manifest,
    modules: &[Emitted],
) -> Result<Vec<u8>, Error> {
    let mut module = Module::new();
    for payload in Parser::new(0).parse_all(snapshot) {
        let Some((id, range)) = payload?.as_section() else { continue };
        let data = &snapshot[range];
        if id == SectionId::Export as u8 {
            module.section(&event_exports(data)?);
        } else {
            module.section(&RawSection { id, data });
        }
    }
    let sections =
        [(MANIFEST_SECTION, manifest.to_section()), (SOURCEMAP_SECTION, source_maps(modules))];
    for (name, data) in sections {
        module.section(&CustomSection { name: name.into(), data: data.into() });
    }
    Ok(module.finish())
}

/// The exports that serving calls. Without the others, no module can be loaded into an artifact later.
fn event_exports(section: &[u8]) -> Result<ExportSection, Error> {
    let mut exports = ExportSection::new();
    for export in ExportSectionReader::new(BinaryReader::new(section, 0))? {
        let export = export?;
        if export.name == MEMORY || events::EXPORTS.iter().any(|it| it.export == export.name) {
            RoundtripReencoder.parse_export(&mut exports, export)?;
        }
    }
    Ok(exports)
}

/// A JSON object from module name to source map.
fn source_maps(modules: &[Emitted]) -> Vec<u8> {
    let mut json = b"{".to_vec();
    let maps = modules.iter().filter_map(|module| Some((&module.name, module.source.as_ref()?)));
    for (index, (name, source)) in maps.enumerate() {
        if index > 0 {
            json.push(b',');
        }
        serde_json::to_writer(&mut json, name).expect("text always serialises");
        json.push(b':');
        source.map.to_writer(&mut json).expect("writing to memory cannot fail");
    }
    json.push(b'}');
    json
}

/// SHA-256, in hex, over the names and texts of a handler's modules.
pub(crate) fn source_hash(sources: &Sources) -> String {
    let mut hash = Sha256::new();
    for file in sources.files() {
        // Lengths first, so that no two handlers are one run of bytes.
        for text in [file.name().as_str(), file.text()] {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        }
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
