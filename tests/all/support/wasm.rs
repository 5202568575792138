//! Modules that `zigts build` did not make, byte by byte.

use wasm_encoder::{
    CodeSection, CustomSection, EntityType, ExportKind, ExportSection, Function, FunctionSection,
    ImportSection, Instruction, MemorySection, MemoryType, Module, TypeSection, ValType,
};

const MEMORY: MemoryType = MemoryType {
    minimum: 1,
    maximum: Some(16),
    memory64: false,
    shared: false,
    page_size_log2: None,
};

/// The ABI that servers speak.
pub(crate) const ABI: u32 = 9;

/// The manifest of a handler with `onMessage` alone, which may call `send`, for an ABI.
pub(crate) fn manifest(abi: u32) -> String {
    format!(
        r#"{{"abi":{abi},"compiler":"none","sourceHash":"","exports":["onMessage"],"imports":["send"]}}"#
    )
}

/// A module of one custom section.
pub(crate) fn with_manifest(manifest: &str) -> Vec<u8> {
    let mut module = Module::new();
    module.section(&manifest_section(manifest));
    module.finish()
}

fn manifest_section(manifest: &str) -> CustomSection<'_> {
    CustomSection { name: "zigttp.manifest".into(), data: manifest.as_bytes().into() }
}

/// A module with every export of a handler, which are all its memory.
pub(crate) fn without_functions() -> Vec<u8> {
    let mut memories = MemorySection::new();
    memories.memory(MEMORY);
    let mut exports = ExportSection::new();
    for name in [
        "memory",
        "room_of",
        "on_upgrade",
        "on_open",
        "on_message",
        "on_close",
        "on_request",
        "handler",
        "on_signal",
        "on_stream",
    ] {
        exports.export(name, ExportKind::Memory, 0);
    }
    let mut module = Module::new();
    module.section(&memories).section(&exports).section(&manifest_section(&manifest(ABI)));
    module.finish()
}

/// A handler whose `onMessage` has this body; it can call `send` as function 0. Its parameters are seed,
/// ws, kind, and the lengths of data and room.
pub(crate) fn handler(on_message: &[Instruction<'_>]) -> Vec<u8> {
    use ValType::{I32, I64};
    const SEND: u32 = 0;
    let events: [(&str, &[ValType]); 9] = [
        ("on_open", &[I64, I64, I32, I32]),
        ("on_message", &[I64, I64, I32, I32, I32]),
        ("on_close", &[I64, I64, I32, I32, I32]),
        ("on_request", &[I64, I32, I32, I32, I32, I32]),
        ("on_signal", &[I64, I32, I32, I32, I32, I32]),
        ("on_stream", &[I64, I32, I32, I32, I32]),
        ("handler", &[I64, I32, I32, I32, I32]),
        ("on_upgrade", &[I64, I32, I32, I32, I32, I32]),
        ("room_of", &[I64, I32, I32, I32, I32]),
    ];
    let mut types = TypeSection::new();
    types.ty().function([I64, I32, I32, I32, I32], [I32]);
    let mut imports = ImportSection::new();
    imports.import("zigttp", "send", EntityType::Function(SEND));
    let mut functions = FunctionSection::new();
    let mut memories = MemorySection::new();
    memories.memory(MEMORY);
    let mut exports = ExportSection::new();
    exports.export("memory", ExportKind::Memory, 0);
    let mut code = CodeSection::new();
    for (index, (name, parameters)) in (1..).zip(events) {
        types.ty().function(parameters.iter().copied(), [I32]);
        functions.function(index);
        exports.export(name, ExportKind::Func, index);
        let mut function = Function::new([]);
        let body: &[Instruction<'_>] =
            if name == "on_message" { on_message } else { &[Instruction::I32Const(0)] };
        for instruction in body {
            function.instruction(instruction);
        }
        function.instruction(&Instruction::End);
        code.function(&function);
    }
    let mut module = Module::new();
    module
        .section(&types)
        .section(&imports)
        .section(&functions)
        .section(&memories)
        .section(&exports)
        .section(&code)
        .section(&manifest_section(&manifest(ABI)));
    module.finish()
}

/// A handler that does nothing, with these fields of WebAssembly text before its own.
pub(crate) fn with_fields(fields: &str) -> Vec<u8> {
    with_memory(fields, r#"(memory (export "memory") 1 16)"#)
}

/// The same with another memory.
pub(crate) fn with_memory(fields: &str, memory: &str) -> Vec<u8> {
    with_on_message(&manifest(ABI), fields, memory, "(i32.const 0)")
}

/// The same with another manifest and this body of its `onMessage`.
pub(crate) fn with_on_message(
    manifest: &str,
    fields: &str,
    memory: &str,
    on_message: &str,
) -> Vec<u8> {
    with_bodies(
        manifest,
        &format!("{fields} {memory}"),
        on_message,
        "(i32.const 0)",
        "(i32.const 0)",
    )
}

/// A handler with these bodies of its `room_of` and its `handler`.
pub(crate) fn with_room_of(manifest: &str, fields: &str, room_of: &str, handler: &str) -> Vec<u8> {
    let (imports, data) = fields.split_at(fields.find("(data").unwrap_or(fields.len()));
    let memory = r#"(memory (export "memory") 1 16)"#;
    with_bodies(manifest, &format!("{imports} {memory} {data}"), "(i32.const 0)", room_of, handler)
}

fn with_bodies(
    manifest: &str,
    fields: &str,
    on_message: &str,
    room_of: &str,
    handler: &str,
) -> Vec<u8> {
    let manifest = manifest.replace('"', "\\\"").replace('\n', " ");
    let module = format!(
        r#"(module {fields}
(func (export "on_open") (param i64 i64 i32 i32) (result i32) (i32.const 0))
(func (export "on_message") (param i64 i64 i32 i32 i32) (result i32) {on_message})
(func (export "on_close") (param i64 i64 i32 i32 i32) (result i32) (i32.const 0))
(func (export "room_of") (param i64 i32 i32 i32 i32) (result i32) {room_of})
(func (export "on_upgrade") (param i64 i32 i32 i32 i32 i32) (result i32) (i32.const 0))
(func (export "on_request") (param i64 i32 i32 i32 i32 i32) (result i32) (i32.const 0))
(func (export "on_signal") (param i64 i32 i32 i32 i32 i32) (result i32) (i32.const 0))
(func (export "on_stream") (param i64 i32 i32 i32 i32) (result i32) (i32.const 0))
(func (export "handler") (param i64 i32 i32 i32 i32) (result i32) {handler})
(@custom "zigttp.manifest" "{manifest}"))"#
    );
    wat::parse_str(&module).unwrap_or_else(|error| panic!("{error}"))
}
