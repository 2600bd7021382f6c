//! Reads a module's declarations from its bytes.
//!
//! `wasmparser` decodes and validates; this file keeps what the proofs need, refuses what the object contract has no
//! place for, and bounds what a hostile module can ask for. Function bodies are read later, one by one, by
//! [`super::code`], so that one unsupported function does not hide the others.
//!
//! Requirement TOR-INPUT-MODULE: A module that does not pass WebAssembly validation shall be refused, with the byte offset of what is
//! wrong.

use super::module::{
    ConstExpr, Data, Element, Export, ExportKind, FuncType, Function, Global, ImportName, Memory, Mode, Module, Table,
    ValType,
};
use crate::ir::Type;
use rustc_hash::FxHashMap;
use std::fmt;
use std::ops::Range;
use wasmparser::{
    DataKind, ElementItems, ElementKind, ExternalKind, KnownCustom, Name, Operator, Parser, Payload, TypeRef,
    Validator, WasmFeatures,
};

/// Bytes of the largest module that is read, debug sections included. Byte offsets are kept in 32 bits.
pub const MODULE_BYTES_MAX: usize = 1 << 26;
/// Functions, types, globals and exports of the largest module that is read.
pub const DECLARATIONS_MAX: u32 = 100_000;
/// Initial entries of the largest table: what an image in a microcontroller's flash could hold, with room to spare.
pub const TABLE_ENTRIES_MAX: u64 = 1 << 20;

/// Whose fault it is that a module was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadErrorKind {
    /// The bytes are not a valid module.
    Malformed,
    /// The module is valid but uses a feature that is not supported.
    Unsupported,
    /// The module exceeds a limit of this reader.
    Limit,
}

/// Why a module was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    /// Byte offset in the module.
    pub offset: usize,
    /// What is wrong there.
    pub message: String,
    /// Whose fault it is.
    pub kind: ReadErrorKind,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ReadErrorKind::Malformed => "malformed module",
            ReadErrorKind::Unsupported => "unsupported module",
            ReadErrorKind::Limit => "limit exceeded",
        };
        write!(f, "{kind}: {} (at byte offset {:#x})", self.message, self.offset)
    }
}

impl std::error::Error for ReadError {}

impl From<wasmparser::Error> for ReadError {
    fn from(e: wasmparser::Error) -> ReadError {
        let kind = match e.missing_wasm_feature() {
            Some(_) => ReadErrorKind::Unsupported,
            None => ReadErrorKind::Malformed,
        };
        ReadError { offset: e.offset() as usize, message: e.message().to_string(), kind }
    }
}

/// What validates: WebAssembly 2.0 and the proposals that are then refused function by function.
pub(super) fn features() -> WasmFeatures {
    WasmFeatures::WASM2 | WasmFeatures::EXTENDED_CONST | WasmFeatures::TAIL_CALL | WasmFeatures::THREADS
}

/// Validates a binary module and reads its declarations.
/// # Errors
/// Malformed modules, module-level features without support, and modules past the limits, with the byte offset.
/// Source: WebAssembly Core 2.0, 5.5 (modules).
pub fn read(bytes: &[u8]) -> Result<Module, ReadError> {
    if bytes.len() > MODULE_BYTES_MAX {
        return Err(limit(MODULE_BYTES_MAX, "a module larger than 64 MiB"));
    }
    if Parser::is_component(bytes) {
        return Err(unsupported(4, "a component; only core modules are read"));
    }
    let mut parser = Parser::new(0);
    parser.set_features(features());
    // Counts come first, so that the limits hold for the validator as well.
    for payload in parser.clone().parse_all(bytes) {
        check_count(&payload?)?;
    }
    Validator::new_with_features(features()).validate_all(bytes)?;
    let (mut m, mut bodies) = (Module::default(), 0);
    for payload in parser.parse_all(bytes) {
        section(&mut m, payload?, &mut bodies)?;
    }
    Ok(m)
}

/// Refuses sections with more entries than are read. The validator would call a second memory malformed.
fn check_count(payload: &Payload) -> Result<(), ReadError> {
    let (count, range, what) = match payload {
        Payload::TypeSection(s) => (s.count(), s.range(), "types"),
        Payload::ImportSection(s) => (s.count(), s.range(), "imports"),
        Payload::FunctionSection(s) => (s.count(), s.range(), "functions"),
        Payload::GlobalSection(s) => (s.count(), s.range(), "globals"),
        Payload::TableSection(s) => (s.count(), s.range(), "tables"),
        Payload::ExportSection(s) => (s.count(), s.range(), "exports"),
        Payload::DataSection(s) => (s.count(), s.range(), "data segments"),
        Payload::ElementSection(s) => (s.count(), s.range(), "element segments"),
        Payload::MemorySection(s) if s.count() > 1 => {
            return Err(unsupported(s.range().start as usize, "more than one memory"));
        }
        _ => return Ok(()),
    };
    if count > DECLARATIONS_MAX {
        return Err(limit(range.start as usize, &format!("{count} {what}, at most {DECLARATIONS_MAX}")));
    }
    Ok(())
}

/// Reads one section of a validated module.
fn section(m: &mut Module, payload: Payload, bodies: &mut usize) -> Result<(), ReadError> {
    match payload {
        Payload::TypeSection(s) => {
            let mut first: FxHashMap<FuncType, u32> = FxHashMap::default();
            for ty in s.into_iter_err_on_gc_types() {
                let ty = ty?;
                let list = |types: &[wasmparser::ValType]| types.iter().map(|t| val_type(*t)).collect();
                let ty = FuncType { params: list(ty.params()), results: list(ty.results()) };
                let index = m.types.len() as u32;
                m.canonical.push(*first.entry(ty.clone()).or_insert(index));
                m.types.push(ty);
            }
        }
        Payload::ImportSection(s) => {
            for import in s.into_imports_with_offsets() {
                let (offset, import) = import?;
                self::import(m, offset as usize, import)?;
            }
        }
        Payload::FunctionSection(s) => {
            *bodies = m.functions.len();
            for type_index in s {
                m.functions.push(Function { type_index: type_index?, import: None, body: 0..0 });
            }
        }
        Payload::TableSection(s) => {
            for table in s.into_iter_with_offsets() {
                let (offset, table) = table?;
                m.tables.push(self::table(offset as usize, &table.ty, None)?);
            }
        }
        Payload::MemorySection(s) => {
            for memory in s.into_iter_with_offsets() {
                let (offset, memory) = memory?;
                self::memory(m, offset as usize, &memory, None)?;
            }
        }
        Payload::GlobalSection(s) => {
            for global in s {
                let global = global?;
                let ty = val_type(global.ty.content_type);
                let (cell, words) = match ty {
                    ValType::Int(t) | ValType::Float(t) => (Some(m.cells), t.words() as u32),
                    ValType::Other(_) => (None, 0),
                };
                m.cells += words;
                let init = const_expr(&global.init_expr)?;
                m.globals.push(Global { ty, mutable: global.ty.mutable, import: None, init, cell });
            }
        }
        Payload::ExportSection(s) => {
            for export in s {
                let export = export?;
                let kind = match export.kind {
                    ExternalKind::Func | ExternalKind::FuncExact => ExportKind::Function,
                    ExternalKind::Table => ExportKind::Table,
                    ExternalKind::Memory => ExportKind::Memory,
                    ExternalKind::Global => ExportKind::Global,
                    ExternalKind::Tag => ExportKind::Tag,
                };
                m.exports.push(Export { name: export.name.to_string(), kind, index: export.index });
            }
        }
        Payload::StartSection { func, .. } => m.start = Some(func),
        Payload::ElementSection(s) => {
            for element in s {
                m.elements.push(self::element(element?)?);
            }
        }
        Payload::DataSection(s) => {
            for data in s {
                let data = data?;
                let mode = match data.kind {
                    DataKind::Passive => Mode::Passive,
                    DataKind::Active { memory_index, offset_expr } => {
                        Mode::Active { index: memory_index, offset: const_expr(&offset_expr)? }
                    }
                };
                let end = data.range.end as usize;
                // The code section, which says whether segments are dropped, comes before.
                let dropped = (m.drops && mode == Mode::Passive).then_some(m.cells);
                m.cells += u32::from(dropped.is_some());
                m.data.push(Data { mode, bytes: end - data.data.len()..end, dropped });
            }
        }
        Payload::CodeSectionEntry(body) => {
            scan(m, &body)?;
            m.functions[*bodies].body = usize_range(body.range());
            *bodies += 1;
        }
        Payload::CustomSection(s) => {
            if let KnownCustom::Name(names) = s.as_known() {
                m.names = function_names(names);
            }
        }
        Payload::TagSection(s) => {
            return Err(unsupported(s.range().start as usize, "tags (exception handling)"));
        }
        _ => {}
    }
    Ok(())
}

/// Reads an import.
fn import(m: &mut Module, offset: usize, import: wasmparser::Import) -> Result<(), ReadError> {
    let name = ImportName { module: import.module.to_string(), field: import.name.to_string() };
    match import.ty {
        TypeRef::Func(type_index) | TypeRef::FuncExact(type_index) => {
            m.functions.push(Function { type_index, import: Some(name), body: 0..0 });
        }
        TypeRef::Global(ty) if ty.mutable => {
            return Err(unsupported(offset, "an imported mutable global"));
        }
        TypeRef::Global(ty) => {
            let (ty, init) = (val_type(ty.content_type), ConstExpr::Other("imported"));
            m.globals.push(Global { ty, mutable: false, import: Some(name), init, cell: None });
        }
        TypeRef::Memory(ty) => memory(m, offset, &ty, Some(name))?,
        TypeRef::Table(_) => return Err(unsupported(offset, "an imported table")),
        TypeRef::Tag(_) => return Err(unsupported(offset, "an imported tag (exception handling)")),
    }
    Ok(())
}

/// Reads a memory.
fn memory(
    m: &mut Module,
    offset: usize,
    ty: &wasmparser::MemoryType,
    import: Option<ImportName>,
) -> Result<(), ReadError> {
    let refused = [
        (ty.memory64, "a 64-bit memory"),
        (ty.shared, "a shared memory"),
        (ty.page_size_log2.is_some(), "a custom page size"),
        (!m.memories.is_empty(), "more than one memory"),
    ];
    if let Some((_, what)) = refused.iter().find(|(refused, _)| *refused) {
        return Err(unsupported(offset, what));
    }
    m.memories.push(Memory { min_pages: ty.initial, max_pages: ty.maximum, import });
    Ok(())
}

/// Reads a table.
fn table(offset: usize, ty: &wasmparser::TableType, import: Option<ImportName>) -> Result<Table, ReadError> {
    if ty.table64 || ty.shared || ty.element_type != wasmparser::RefType::FUNCREF {
        return Err(unsupported(offset, "a table of anything but function references with 32-bit indices"));
    }
    if ty.initial > TABLE_ENTRIES_MAX {
        return Err(limit(offset, &format!("a table of {} entries, at most {TABLE_ENTRIES_MAX}", ty.initial)));
    }
    Ok(Table { min: ty.initial, max: ty.maximum, import })
}

/// Reads an element segment.
fn element(element: wasmparser::Element) -> Result<Element, ReadError> {
    let mode = match element.kind {
        ElementKind::Passive => Mode::Passive,
        ElementKind::Declared => Mode::Declared,
        ElementKind::Active { table_index, offset_expr } => {
            Mode::Active { index: table_index.unwrap_or(0), offset: const_expr(&offset_expr)? }
        }
    };
    let funcs = match element.items {
        ElementItems::Functions(items) => items.into_iter().map(|f| Ok(Some(f?))).collect::<Result<_, ReadError>>()?,
        ElementItems::Expressions(_, items) => {
            let mut funcs = Vec::new();
            for item in items.into_iter_with_offsets() {
                let (offset, item) = item?;
                funcs.push(match item.get_operators_reader().read()? {
                    Operator::RefNull { .. } => None,
                    Operator::RefFunc { function_index } => Some(function_index),
                    _ => {
                        return Err(unsupported(offset as usize, "an element that is neither ref.func nor ref.null"));
                    }
                });
            }
            funcs
        }
    };
    Ok(Element { mode, funcs })
}

/// A value type.
pub(super) fn val_type(ty: wasmparser::ValType) -> ValType {
    match ty {
        wasmparser::ValType::I32 => ValType::Int(Type::I32),
        wasmparser::ValType::I64 => ValType::Int(Type::I64),
        wasmparser::ValType::F32 => ValType::Float(Type::I32),
        wasmparser::ValType::F64 => ValType::Float(Type::I64),
        wasmparser::ValType::V128 => ValType::Other("v128"),
        wasmparser::ValType::Ref(wasmparser::RefType::FUNCREF) => ValType::Other("funcref"),
        wasmparser::ValType::Ref(wasmparser::RefType::EXTERNREF) => ValType::Other("externref"),
        wasmparser::ValType::Ref(_) => ValType::Other("ref"),
    }
}

/// A constant expression: one operator and `end`, anything longer is not supported.
fn const_expr(expr: &wasmparser::ConstExpr) -> Result<ConstExpr, ReadError> {
    let mut ops = expr.get_operators_reader();
    let init = match ops.read()? {
        Operator::I32Const { value } => ConstExpr::I32(value as u32),
        Operator::I64Const { value } => ConstExpr::I64(value as u64),
        Operator::GlobalGet { global_index } => ConstExpr::Global(global_index),
        Operator::F32Const { value } => ConstExpr::I32(value.bits()),
        Operator::F64Const { value } => ConstExpr::I64(value.bits()),
        Operator::RefNull { .. } | Operator::RefFunc { .. } => ConstExpr::Other("reference"),
        _ => ConstExpr::Other("constant expression"),
    };
    match ops.read()? {
        Operator::End => Ok(init),
        _ => Ok(ConstExpr::Other("extended constant expression")),
    }
}

/// Notes the operators that matter to the whole module.
fn scan(m: &mut Module, body: &wasmparser::FunctionBody) -> Result<(), ReadError> {
    let mut ops = body.get_operators_reader()?;
    while !ops.eof() {
        match ops.read()? {
            Operator::MemoryGrow { .. } => m.grows = true,
            Operator::DataDrop { .. } => m.drops = true,
            Operator::TableSet { .. }
            | Operator::TableGrow { .. }
            | Operator::TableFill { .. }
            | Operator::TableCopy { .. }
            | Operator::TableInit { .. } => m.writes_tables = true,
            _ => {}
        }
    }
    Ok(())
}

/// The function names of the `name` section. Names carry no meaning: what follows a malformed one is left out.
fn function_names(names: wasmparser::NameSectionReader) -> Vec<(u32, String)> {
    let maps = names.into_iter().map_while(Result::ok).filter_map(|n| match n {
        Name::Function(map) => Some(map),
        _ => None,
    });
    let named = maps.flat_map(|map| map.map_while(Result::ok));
    named.map(|n| (n.index, n.name.to_string())).collect()
}

fn usize_range(range: Range<u64>) -> Range<usize> {
    range.start as usize..range.end as usize
}

pub(super) fn unsupported(offset: usize, message: &str) -> ReadError {
    ReadError { offset, message: message.to_string(), kind: ReadErrorKind::Unsupported }
}

fn limit(offset: usize, message: &str) -> ReadError {
    ReadError { offset, message: message.to_string(), kind: ReadErrorKind::Limit }
}
