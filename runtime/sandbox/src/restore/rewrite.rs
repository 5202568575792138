//! Rewrites a module so that it marks the pages it writes.
//!
//! Instructions are copied byte for byte, and marks are inserted before those that write. Types, functions
//! and globals keep their numbers; a memory, locals and exports are added at the end of their lists, so no
//! copied instruction changes its meaning. Custom sections are left out: they are read elsewhere.
//!
//! A mark comes before its write. If the address is outside the memory, the mark traps or else the write
//! does; the instance is dropped in both cases.

use wasm_encoder::{
    BlockType, CodeSection, Encode, ExportKind, ExportSection, InstructionSink, MemArg,
    MemorySection, MemoryType, Module, RawSection, ValType,
};
use wasmparser::{ExternalKind, FunctionBody, Parser, Payload};

use super::operators::{Writes, writes};
use super::validate::{Facts, validate};
use super::{GLOBAL_EXPORT, MAP_EXPORT, MARKED, PAGE, PAGE_BITS, Unrestorable};

const WASM_PAGE: usize = 64 << 10;
/// The index of the map. The guest was validated as a module with only memory 0.
const MAP: u32 = 1;

/// Validates a module and rewrites it into one whose instances can be restored. Its memory may grow to
/// `memory_limit` bytes.
///
/// # Errors
/// When it has anything that is not known to be restored.
pub(crate) fn rewrite(wasm: &[u8], memory_limit: usize) -> Result<Vec<u8>, Unrestorable> {
    let facts = validate(wasm)?;
    let memory = facts.memory.ok_or(Unrestorable::Has("it has no memory"))?;
    // No instance gets more memory than the limit, so this maximum changes nothing. The map needs one.
    let limit = (memory_limit / WASM_PAGE) as u64;
    let maximum = memory.maximum.map_or(limit, |maximum| maximum.min(limit));
    if memory.initial > maximum {
        return Err(Unrestorable::Has("its memory is larger than the limit"));
    }
    let mut module = Module::new();
    let mut code = CodeSection::new();
    let mut bodies = facts.parameters.iter();
    let mut has_exports = false;
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        match &payload {
            Payload::MemorySection(_) => {
                module.section(&memories(memory.initial, maximum));
            }
            Payload::ExportSection(section) => {
                has_exports = true;
                module.section(&exports(section.clone(), &facts)?);
            }
            Payload::CodeSectionStart { .. } | Payload::CustomSection(_) => {}
            Payload::CodeSectionEntry(body) => {
                let parameters = bodies.next().expect("validation counted the bodies");
                code.raw(&function(wasm, body, *parameters)?);
                if bodies.len() == 0 {
                    module.section(&code);
                }
            }
            other => {
                if let Some((id, range)) = other.as_section() {
                    module.section(&RawSection { id, data: &wasm[range] });
                }
            }
        }
    }
    if !has_exports {
        return Err(Unrestorable::Has("it exports nothing"));
    }
    Ok(module.finish())
}

/// The guest's memory and the map. The map has a byte for each page and two more, because a bulk write may
/// mark two pages after its last one.
fn memories(initial: u64, maximum: u64) -> MemorySection {
    let pages = maximum * (WASM_PAGE / PAGE) as u64 + 2;
    let map = pages.div_ceil(WASM_PAGE as u64);
    let memory = |minimum, maximum| MemoryType {
        minimum,
        maximum: Some(maximum),
        memory64: false,
        shared: false,
        page_size_log2: None,
    };
    let mut section = MemorySection::new();
    section.memory(memory(initial, maximum)).memory(memory(map, map));
    section
}

/// The original exports, the map, and the mutable globals.
fn exports(
    section: wasmparser::ExportSectionReader<'_>,
    facts: &Facts,
) -> Result<ExportSection, Unrestorable> {
    let mut exports = ExportSection::new();
    for export in section {
        let export = export?;
        let kind = match export.kind {
            ExternalKind::Memory => ExportKind::Memory,
            _ => ExportKind::Func,
        };
        exports.export(export.name, kind, export.index);
    }
    exports.export(MAP_EXPORT, ExportKind::Memory, MAP);
    for (number, index) in facts.mutable_globals.iter().enumerate() {
        exports.export(&format!("{GLOBAL_EXPORT}{number}"), ExportKind::Global, *index);
    }
    Ok(exports)
}

/// One function with its marks.
fn function(
    wasm: &[u8],
    body: &FunctionBody<'_>,
    parameters: u32,
) -> Result<Vec<u8>, Unrestorable> {
    let mut locals = body.get_locals_reader()?;
    let groups = locals.get_count();
    let groups_start = locals.original_position();
    let mut count = parameters;
    for _ in 0..groups {
        count += locals.read()?.0;
    }
    let groups_end = locals.original_position();

    let mut scratch = Scratch { first: count, types: Vec::new() };
    let mut code = Vec::with_capacity(body.range().len() * 2);
    // The start of the bytes that are not copied yet.
    let mut pending = groups_end;
    let mut reader = body.get_operators_reader()?;
    while !reader.eof() {
        let position = reader.original_position();
        let operator = reader.read()?;
        let written =
            writes(&operator).ok_or_else(|| Unrestorable::Instruction(name(&operator)))?;
        if matches!(written, Writes::Nothing) {
            continue;
        }
        code.extend_from_slice(&wasm[pending..position]);
        pending = position;
        let sink = InstructionSink::new(&mut code);
        match written {
            Writes::Nothing => {}
            Writes::Store { value, offset } => mark_store(sink, &mut scratch, value, offset),
            Writes::Run => mark_run(sink, &mut scratch),
        }
    }
    code.extend_from_slice(&wasm[pending..body.range().end]);

    let mut function = Vec::with_capacity(code.len() + 32);
    let added = u32::try_from(scratch.types.len()).expect("three addresses and five values");
    (groups + added).encode(&mut function);
    function.extend_from_slice(&wasm[groups_start..groups_end]);
    for ty in scratch.types {
        1_u32.encode(&mut function);
        ty.ty.encode(&mut function);
    }
    function.extend_from_slice(&code);
    Ok(function)
}

/// The locals that marks use in one function. They are added after its own when first needed.
struct Scratch {
    first: u32,
    types: Vec<Local>,
}

/// A local, by its type and its operand, as the operands of one instruction must not share one.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Local {
    operand: Operand,
    ty: ValType,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operand {
    Address,
    Value,
    Length,
}

impl Scratch {
    fn local(&mut self, operand: Operand, ty: ValType) -> u32 {
        let local = Local { operand, ty };
        let index = self.types.iter().position(|known| *known == local).unwrap_or_else(|| {
            self.types.push(local);
            self.types.len() - 1
        });
        self.first + u32::try_from(index).expect("three addresses and five values")
    }
}

const MARK: MemArg = MemArg { offset: 0, align: 0, memory_index: MAP };
const PAGE_BITS_I32: i32 = PAGE_BITS.cast_signed();

/// Marks the page in which a store begins. `[address value] -> [address value]`.
fn mark_store(
    mut sink: InstructionSink<'_>,
    scratch: &mut Scratch,
    value: wasmparser::ValType,
    offset: u64,
) {
    let value = scratch.local(Operand::Value, encoded(value));
    let address = scratch.local(Operand::Address, ValType::I32);
    sink.local_set(value).local_tee(address).local_get(address);
    if offset != 0 {
        // Wraps only if the store's own address, which does not wrap, is outside of any memory.
        let offset = u32::try_from(offset).expect("validation limits it for a 32-bit memory");
        sink.i32_const(offset.cast_signed()).i32_add();
    }
    sink.i32_const(PAGE_BITS_I32)
        .i32_shr_u()
        .i32_const(MARKED.into())
        .i32_store8(MARK)
        .local_get(value);
}

/// Marks the pages of a range. `[to from length] -> [to from length]`, where `from` is an address or the
/// byte to fill with.
fn mark_run(mut sink: InstructionSink<'_>, scratch: &mut Scratch) {
    let to = scratch.local(Operand::Address, ValType::I32);
    let from = scratch.local(Operand::Value, ValType::I32);
    let length = scratch.local(Operand::Length, ValType::I32);
    sink.local_set(length).local_set(from).local_tee(to);
    // Up to a page: marks the first and the last. One comparison saves the call of a fill.
    sink.local_get(length).i32_const(PAGE as i32).i32_le_u().if_(BlockType::Empty);
    sink.local_get(to);
    sink.i32_const(PAGE_BITS_I32).i32_shr_u().i32_const(MARKED.into()).i32_store8(MARK);
    sink.local_get(to).local_get(length).i32_add();
    sink.i32_const(PAGE_BITS_I32).i32_shr_u().i32_const(MARKED.into()).i32_store8(MARK);
    // Longer: from the first page as many as the range is long, and two more, because it may begin and
    // end within a page.
    sink.else_();
    sink.local_get(to).i32_const(PAGE_BITS_I32).i32_shr_u().i32_const(MARKED.into());
    sink.local_get(length).i32_const(PAGE_BITS_I32).i32_shr_u().i32_const(2).i32_add();
    sink.memory_fill(MAP);
    sink.end();
    sink.local_get(from).local_get(length);
}

fn encoded(ty: wasmparser::ValType) -> ValType {
    match ty {
        wasmparser::ValType::I32 => ValType::I32,
        wasmparser::ValType::I64 => ValType::I64,
        wasmparser::ValType::F32 => ValType::F32,
        wasmparser::ValType::F64 => ValType::F64,
        wasmparser::ValType::V128 => ValType::V128,
        wasmparser::ValType::Ref(_) => unreachable!("no store takes a reference"),
    }
}

/// The instruction's name: `TableSet` of `TableSet { table: 0 }`.
fn name(operator: &wasmparser::Operator<'_>) -> String {
    let mut name = format!("{operator:?}");
    name.truncate(name.find(' ').unwrap_or(name.len()));
    name
}
