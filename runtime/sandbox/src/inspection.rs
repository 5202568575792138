//! What a `handler.wasm` says of itself and what it is made of, without running any of it.

use wasmparser::{Parser, Payload};
use zigttp_abi::manifest::Manifest;

use crate::artifact::Artifact;
use crate::error::LoadError;

/// An artifact, looked at from outside. Names in it are whatever its author chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// Its description of itself.
    pub manifest: Manifest,
    /// What the module wants from a host, in its order.
    pub imports: Vec<Import>,
    /// What the module is made of, in its order.
    pub sections: Vec<Section>,
}

/// Something a module wants from a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// Name of the module that is to have it.
    pub module: String,
    /// Name in that module.
    pub name: String,
}

/// A part of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The name that WebAssembly gives it, or its own if it is a custom section.
    pub name: String,
    /// Whether it is one that WebAssembly itself knows nothing of.
    pub is_custom: bool,
    /// Its size, without the bytes that say what and how long it is.
    pub bytes: usize,
}

/// Looks into an artifact.
///
/// That it can be read does not say that it can be served: its code is not checked.
///
/// # Errors
/// When the bytes are no module, or none that `zigts build` made for this ABI.
pub fn inspect(wasm: &[u8]) -> Result<Inspection, LoadError> {
    let Artifact { manifest, .. } = Artifact::read(wasm)?;
    let mut imports = Vec::new();
    let mut sections = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.map_err(not_wasm)?;
        let custom = match &payload {
            Payload::CustomSection(section) => Some(section.name()),
            _ => None,
        };
        if let Some((id, range)) = payload.as_section() {
            sections.push(Section {
                name: custom.unwrap_or_else(|| section_name(id)).to_owned(),
                is_custom: custom.is_some(),
                bytes: range.len(),
            });
        }
        if let Payload::ImportSection(section) = payload {
            for import in section.into_imports() {
                let import = import.map_err(not_wasm)?;
                imports.push(Import {
                    module: import.module.to_owned(),
                    name: import.name.to_owned(),
                });
            }
        }
    }
    Ok(Inspection { manifest, imports, sections })
}

fn not_wasm(error: wasmparser::BinaryReaderError) -> LoadError {
    LoadError::NotWasm(error.message().to_owned())
}

/// The name of a section in the specification (WebAssembly 2.0, 5.5.2).
fn section_name(id: u8) -> &'static str {
    match id {
        1 => "type",
        2 => "import",
        3 => "function",
        4 => "table",
        5 => "memory",
        6 => "global",
        7 => "export",
        8 => "start",
        9 => "element",
        10 => "code",
        11 => "data",
        12 => "data count",
        _ => "other",
    }
}
