//! Checks whether a module can be restored, apart from its instructions.

use wasmparser::{
    ExternalKind, MemoryType, Parser, Payload, TypeRef, ValType, Validator, WasmFeatures,
};

use super::{GLOBAL_EXPORT, MAP_EXPORT, Unrestorable};

/// The WebAssembly features that a module may use. All others make it invalid: several memories, threads,
/// memory64, garbage collection, exceptions, tail calls, and future ones.
const FEATURES: WasmFeatures = WasmFeatures::WASM2;

/// What the rewriting needs to know about a valid module.
#[derive(Default)]
pub(super) struct Facts {
    /// Its only memory.
    pub(super) memory: Option<MemoryType>,
    /// The indices of the mutable globals.
    pub(super) mutable_globals: Vec<u32>,
    /// The number of parameters of each function with code, in order.
    pub(super) parameters: Vec<u32>,
}

/// Validates a module, and reads all its sections except the code.
pub(super) fn validate(wasm: &[u8]) -> Result<Facts, Unrestorable> {
    Validator::new_with_features(FEATURES).validate_all(wasm)?;
    let mut facts = Facts::default();
    let mut types = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::TypeSection(section) => {
                for ty in section.into_iter_err_on_gc_types() {
                    let parameters = ty?.params().len();
                    types.push(u32::try_from(parameters).expect("validation limits them to 1,000"));
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    if !matches!(import?.ty, TypeRef::Func(_)) {
                        return Err(Unrestorable::Has(
                            "it imports something that is not a function",
                        ));
                    }
                }
            }
            Payload::FunctionSection(section) => {
                for ty in section {
                    facts.parameters.push(types[ty? as usize]);
                }
            }
            Payload::MemorySection(section) => {
                for memory in section {
                    let memory = memory?;
                    let is_plain = !memory.memory64
                        && !memory.shared
                        && memory.page_size_log2.is_none()
                        && facts.memory.is_none();
                    if !is_plain {
                        return Err(Unrestorable::Has("its memory is not one plain 32-bit memory"));
                    }
                    facts.memory = Some(memory);
                }
            }
            Payload::GlobalSection(section) => {
                for (index, global) in (0..).zip(section) {
                    let ty = global?.ty;
                    if !ty.mutable {
                        continue;
                    }
                    if matches!(ty.content_type, ValType::Ref(_)) || ty.shared {
                        return Err(Unrestorable::Has("it has a mutable global reference"));
                    }
                    facts.mutable_globals.push(index);
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    let is_ours =
                        export.name == MAP_EXPORT || export.name.starts_with(GLOBAL_EXPORT);
                    if is_ours || !matches!(export.kind, ExternalKind::Func | ExternalKind::Memory)
                    {
                        return Err(Unrestorable::Has(
                            "it exports something that is neither its memory nor a function",
                        ));
                    }
                }
            }
            Payload::StartSection { .. } => {
                return Err(Unrestorable::Has("it has a start function"));
            }
            Payload::Version { .. }
            | Payload::TableSection(_)
            | Payload::ElementSection(_)
            | Payload::DataCountSection { .. }
            | Payload::DataSection(_)
            | Payload::CodeSectionStart { .. }
            | Payload::CodeSectionEntry(_)
            | Payload::CustomSection(_)
            | Payload::End(_) => {}
            _ => return Err(Unrestorable::Has("it has an unknown section")),
        }
    }
    Ok(facts)
}
