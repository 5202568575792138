//! What a `handler.wasm` says about itself and what it consists of, without running it.

use wasmparser::{Parser, Payload};
use zigttp_abi::manifest::Manifest;

use crate::artifact::Artifact;
use crate::error::LoadError;

/// The contents of an artifact. Its author may have chosen any names in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    pub manifest: Manifest,
    /// The imports of the module, in their order.
    pub imports: Vec<Import>,
    /// The sections of the module, in their order.
    pub sections: Vec<Section>,
}

/// An import of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// The name of the module that it is imported from.
    pub module: String,
    /// Its name in that module.
    pub name: String,
}

/// A section of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its name in WebAssembly, or its own name if it is a custom section.
    pub name: String,
    /// Whether it is a custom section.
    pub is_custom: bool,
    /// Its size, without its id and length.
    pub bytes: usize,
}

/// Inspects an artifact.
///
/// An artifact that can be inspected may still fail to load: its code is not checked.
///
/// # Errors
/// When the bytes are not a module, or not one that `zigts build` made for this ABI.
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
