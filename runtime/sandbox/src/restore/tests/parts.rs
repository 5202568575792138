//! Hand-made modules for tests, from parts that can each be faulty.

use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, ElementSection, Elements, EntityType, ExportKind,
    ExportSection, Function, FunctionSection, GlobalSection, GlobalType, ImportSection,
    InstructionSink, MemorySection, MemoryType, Module, RefType, StartSection, TableSection,
    TableType, TypeSection, ValType,
};

/// The size of the linear memory at the start, in bytes.
pub(super) const MEMORY: usize = 3 << 16;

/// The parts of a test's module.
pub(super) struct Parts {
    pub(super) memory: MemoryType,
    pub(super) memories: u32,
    pub(super) imports_memory: bool,
    pub(super) imports_global: bool,
    pub(super) starts: bool,
    pub(super) table: TableType,
    pub(super) globals: Vec<(ValType, bool)>,
    pub(super) locals: Vec<(u32, ValType)>,
    pub(super) data_is_passive: bool,
    pub(super) export: &'static str,
}

impl Default for Parts {
    fn default() -> Self {
        Parts {
            memory: MemoryType {
                minimum: 3,
                maximum: Some(8),
                memory64: false,
                shared: false,
                page_size_log2: None,
            },
            memories: 1,
            imports_memory: false,
            imports_global: false,
            starts: false,
            table: TableType {
                element_type: RefType::FUNCREF,
                minimum: 4,
                maximum: None,
                table64: false,
                shared: false,
            },
            globals: vec![
                (ValType::I32, true),
                (ValType::I64, true),
                (ValType::F32, true),
                (ValType::F64, true),
                (ValType::V128, true),
                (ValType::I32, false),
            ],
            locals: vec![(2, ValType::I64), (1, ValType::I32)],
            data_is_passive: false,
            export: "run",
        }
    }
}

/// A module whose `run(i32, i64)` has this body.
pub(super) fn module(parts: &Parts, body: impl FnOnce(&mut InstructionSink<'_>)) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32, ValType::I64], []);
    types.ty().function([], []);
    let mut imports = ImportSection::new();
    if parts.imports_memory {
        imports.import("host", "memory", parts.memory);
    }
    if parts.imports_global {
        let global = GlobalType { val_type: ValType::I32, mutable: true, shared: false };
        imports.import("host", "global", EntityType::Global(global));
    }
    let mut functions = FunctionSection::new();
    functions.function(0).function(1);
    let mut tables = TableSection::new();
    tables.table(parts.table);
    let mut memories = MemorySection::new();
    for _ in 0..parts.memories {
        memories.memory(parts.memory);
    }
    let mut globals = GlobalSection::new();
    for (ty, mutable) in &parts.globals {
        let value = match ty {
            ValType::I32 => ConstExpr::i32_const(-7),
            ValType::I64 => ConstExpr::i64_const(1 << 40),
            ValType::F32 => ConstExpr::f32_const(0.5_f32.into()),
            ValType::F64 => ConstExpr::f64_const(f64::NAN.into()),
            ValType::V128 => ConstExpr::v128_const(1 << 100),
            ValType::Ref(_) => ConstExpr::ref_func(0),
        };
        globals.global(GlobalType { val_type: *ty, mutable: *mutable, shared: false }, &value);
    }
    let mut exports = ExportSection::new();
    exports.export(parts.export, ExportKind::Func, 0).export("memory", ExportKind::Memory, 0);
    let mut elements = ElementSection::new();
    elements.active(None, &ConstExpr::i32_const(0), Elements::Functions([1].as_slice().into()));
    elements.passive(Elements::Functions([0].as_slice().into()));
    let mut code = CodeSection::new();
    let mut run = Function::new(parts.locals.iter().copied());
    body(&mut run.instructions());
    run.instructions().end();
    code.function(&run);
    let mut other = Function::new([]);
    other.instructions().end();
    code.function(&other);
    // No byte is zero, so that a page restored from nowhere would show.
    let bytes: Vec<u8> = (0..MEMORY).map(|at| (at % 251) as u8 + 1).collect();
    let mut data = DataSection::new();
    match parts.data_is_passive {
        true => data.passive(bytes),
        false => data.active(0, &ConstExpr::i32_const(0), bytes),
    };

    let mut module = Module::new();
    module.section(&types);
    if !imports.is_empty() {
        module.section(&imports);
    }
    module.section(&functions).section(&tables);
    if !parts.imports_memory {
        module.section(&memories);
    }
    module.section(&globals).section(&exports);
    if parts.starts {
        module.section(&StartSection { function_index: 1 });
    }
    module.section(&elements);
    if parts.data_is_passive {
        module.section(&wasm_encoder::DataCountSection { count: 1 });
    }
    module.section(&code).section(&data);
    module.finish()
}
