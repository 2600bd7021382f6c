//! Reads a module: validates the bytes and collects the declarations. Bodies are only located; [`crate::build`]
//! reads them. What a single function cannot use is that function's error, not the module's.

use crate::error::CompileError;
use crate::faults;
use crate::module::*;
use crate::operator_name::name;
use rustc_hash::FxHashMap;
use std::ops::Range;
use wasmparser::{
    DataKind, ElementItems, ElementKind, ExternalKind, KnownCustom, MemoryType, Name, Operator, Parser, Payload,
    TableInit, TypeRef, Validator, WasmFeatures,
};

/// What validates: WebAssembly 2.0 and the proposals whose operators are then refused function by function.
fn features() -> WasmFeatures {
    WasmFeatures::WASM2 | WasmFeatures::EXTENDED_CONST | WasmFeatures::TAIL_CALL | WasmFeatures::THREADS
}

/// Decodes a binary module.
///
/// # Errors
/// `Malformed` for what is not a valid module, `Unsupported` for a valid one with features outside the compiler's
/// range (several memories, imported tables and mutable globals, shared or 64-bit memories, tags, GC types).
pub fn decode(bytes: &[u8]) -> Result<Module, CompileError> {
    if let Err(e) = Validator::new_with_features(features()).validate_all(bytes) {
        // A component is no module.
        let later = WasmFeatures::all().difference(WasmFeatures::COMPONENT_MODEL);
        let is_valid = Validator::new_with_features(later).validate_all(bytes).is_ok();
        return if is_valid {
            unsupported(e.offset() as u64, format!("a feature that WebAssembly 2.0 has not: {}", e.message()))
        } else {
            Err(e.into())
        };
    }
    let mut decoder = Decoder::default();
    for payload in Parser::new(0).parse_all(bytes) {
        decoder.payload(payload?)?;
    }
    Ok(decoder.module)
}

/// The module so far.
#[derive(Default)]
struct Decoder {
    module: Module,
    /// Index of the function whose body comes next, once a body has been met.
    next_body: Option<usize>,
}

fn unsupported<T>(offset: u64, what: impl Into<String>) -> Result<T, CompileError> {
    Err(CompileError::Unsupported { function: None, offset, what: what.into() })
}

fn range(r: Range<u64>) -> Range<usize> {
    r.start as usize..r.end as usize
}

impl Decoder {
    fn payload(&mut self, payload: Payload<'_>) -> Result<(), CompileError> {
        let m = &mut self.module;
        match payload {
            Payload::TypeSection(reader) => self.types(reader)?,
            Payload::ImportSection(reader) => {
                for import in reader.into_imports_with_offsets() {
                    let (offset, import) = import?;
                    self.import(offset, import)?;
                }
            }
            Payload::FunctionSection(reader) => {
                for type_index in reader {
                    m.functions.push(Function { type_index: type_index?, import: None, body: 0..0 });
                }
            }
            Payload::TableSection(reader) => {
                for table in reader.into_iter_with_offsets() {
                    let (offset, table) = table?;
                    if table.ty.table64 || table.ty.shared || matches!(table.init, TableInit::Expr(_)) {
                        return unsupported(offset, "a 64-bit, shared or initialized table");
                    }
                    let functions = table.ty.element_type.is_func_ref();
                    m.tables.push(Table { functions, min: table.ty.initial, max: table.ty.maximum });
                }
            }
            Payload::MemorySection(reader) => {
                for memory in reader.into_iter_with_offsets() {
                    let (offset, ty) = memory?;
                    self.memory(offset, ty, None)?;
                }
            }
            Payload::TagSection(reader) => {
                return unsupported(reader.range().start, "an exception tag");
            }
            Payload::GlobalSection(reader) => {
                for global in reader.into_iter_with_offsets() {
                    let (offset, global) = global?;
                    if global.ty.shared {
                        return unsupported(offset, "a shared global");
                    }
                    let init = const_expr(&global.init_expr)?;
                    self.global(global.ty.content_type.into(), global.ty.mutable, init, None);
                }
            }
            Payload::ExportSection(reader) => {
                for export in reader.into_iter_with_offsets() {
                    let (offset, export) = export?;
                    let kind = match export.kind {
                        ExternalKind::Func | ExternalKind::FuncExact => ExportKind::Function,
                        ExternalKind::Table => ExportKind::Table,
                        ExternalKind::Memory => ExportKind::Memory,
                        ExternalKind::Global => ExportKind::Global,
                        ExternalKind::Tag => return unsupported(offset, "an exported tag"),
                    };
                    m.exports.push(Export { name: export.name.to_string(), kind, index: export.index });
                }
            }
            Payload::StartSection { func, .. } => m.start = Some(func),
            Payload::ElementSection(reader) => self.elements(reader)?,
            Payload::DataSection(reader) => self.data(reader)?,
            Payload::CodeSectionEntry(body) => self.body(&body)?,
            Payload::CustomSection(section) => {
                if let KnownCustom::Name(reader) = section.as_known() {
                    self.names(reader);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn types(&mut self, reader: wasmparser::TypeSectionReader<'_>) -> Result<(), CompileError> {
        let at = reader.range().start;
        let mut first = FxHashMap::default();
        for ty in reader.into_iter_err_on_gc_types() {
            let Ok(ty) = ty else {
                return unsupported(at, "a type of the GC proposal");
            };
            let ty = FuncType { params: ty.params().to_vec(), results: ty.results().to_vec() };
            let next = self.module.types.len() as u32;
            let canonical = *first.entry(ty.clone()).or_insert(next);
            self.module.canonical.push(if faults::on("decode-type-identity") { next } else { canonical });
            self.module.types.push(ty);
        }
        Ok(())
    }

    fn import(&mut self, offset: u64, import: wasmparser::Import<'_>) -> Result<(), CompileError> {
        let name = Some(ImportName { module: import.module.to_string(), field: import.name.to_string() });
        match import.ty {
            TypeRef::Func(type_index) | TypeRef::FuncExact(type_index) => {
                self.module.functions.push(Function { type_index, import: name, body: 0..0 });
            }
            TypeRef::Memory(ty) => self.memory(offset, ty, name)?,
            TypeRef::Global(ty) if ty.mutable || ty.shared => {
                return unsupported(offset, "an imported mutable or shared global");
            }
            TypeRef::Global(ty) => self.global(ty.content_type.into(), false, ConstExpr::Other, name),
            TypeRef::Table(_) => return unsupported(offset, "an imported table"),
            TypeRef::Tag(_) => return unsupported(offset, "an imported tag"),
        }
        Ok(())
    }

    fn global(&mut self, ty: ValType, mutable: bool, init: ConstExpr, import: Option<ImportName>) {
        let m = &mut self.module;
        let mut cell = None;
        if let (Some(bits), None) = (ty.bits(), &import) {
            cell = Some(m.cells);
            m.cells += if faults::on("decode-global-words") { 1 } else { bits.words() as u32 };
        }
        m.globals.push(Global { ty, mutable, import, init, cell });
    }

    fn memory(&mut self, offset: u64, ty: MemoryType, import: Option<ImportName>) -> Result<(), CompileError> {
        if ty.memory64 || ty.shared || ty.page_size_log2.is_some_and(|log| log != 16) {
            return unsupported(offset, "a 64-bit or shared memory or a page size other than 64 KiB");
        }
        if self.module.memory.is_some() {
            return unsupported(offset, "a second memory");
        }
        self.module.memory = Some(Memory { min_pages: ty.initial, max_pages: ty.maximum, import });
        Ok(())
    }

    fn elements(&mut self, reader: wasmparser::ElementSectionReader<'_>) -> Result<(), CompileError> {
        for element in reader.into_iter_with_offsets() {
            let (offset, element) = element?;
            let mode = match element.kind {
                ElementKind::Passive => Mode::Passive,
                ElementKind::Declared => Mode::Declared,
                ElementKind::Active { table_index, offset_expr } => {
                    Mode::Active { index: table_index.unwrap_or(0), offset: const_expr(&offset_expr)? }
                }
            };
            let mut funcs = Vec::new();
            match element.items {
                ElementItems::Functions(items) => {
                    for f in items {
                        funcs.push(Some(f?));
                    }
                }
                ElementItems::Expressions(_, items) => {
                    for e in items {
                        match const_expr(&e?)? {
                            ConstExpr::Null if faults::on("decode-null-elements") => {}
                            ConstExpr::Null => funcs.push(None),
                            ConstExpr::Function(f) => funcs.push(Some(f)),
                            _ => {
                                return unsupported(offset, "an element other than ref.func or ref.null");
                            }
                        }
                    }
                }
            }
            self.module.elements.push(Element { mode, funcs });
        }
        Ok(())
    }

    fn data(&mut self, reader: wasmparser::DataSectionReader<'_>) -> Result<(), CompileError> {
        for data in reader {
            let data = data?;
            let mode = match data.kind {
                DataKind::Passive => Mode::Passive,
                DataKind::Active { memory_index, offset_expr } => {
                    Mode::Active { index: memory_index, offset: const_expr(&offset_expr)? }
                }
            };
            let end = data.range.end as usize - usize::from(faults::on("decode-data-shifted"));
            // The code section, which says whether segments are dropped, comes before.
            let m = &mut self.module;
            let dropped = (m.drops && mode == Mode::Passive).then_some(m.cells);
            m.cells += u32::from(dropped.is_some());
            m.data.push(Data { mode, bytes: end - data.data.len()..end, dropped });
        }
        Ok(())
    }

    fn body(&mut self, body: &wasmparser::FunctionBody<'_>) -> Result<(), CompileError> {
        let m = &mut self.module;
        let index = self.next_body.unwrap_or_else(|| m.imported_functions() as usize);
        m.functions[index].body = range(body.range());
        self.next_body = Some(index + 1);
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            let offset = operators.original_position();
            match operators.read()? {
                // Wherever they stand: a table that can change is no constant.
                operator @ (Operator::TableSet { .. }
                | Operator::TableGrow { .. }
                | Operator::TableFill { .. }
                | Operator::TableCopy { .. }
                | Operator::TableInit { .. }) => {
                    let (function, what) = (Some(index as u32), format!("operator {}", name(&operator)));
                    return Err(CompileError::Unsupported { function, offset: offset as _, what });
                }
                Operator::MemoryGrow { .. } => m.grows = true,
                Operator::DataDrop { .. } => m.drops = true,
                _ => {}
            }
        }
        Ok(())
    }

    /// Function names. A damaged name section is not an error of the module.
    fn names(&mut self, reader: wasmparser::NameSectionReader<'_>) {
        for subsection in reader.into_iter().map_while(Result::ok) {
            if let Name::Function(map) = subsection {
                let names = map.into_iter().map_while(Result::ok);
                self.module.names.extend(names.map(|n| (n.index, n.name.to_string())));
            }
        }
    }
}

/// Reads a constant expression of one operator; longer ones are [`ConstExpr::Other`].
fn const_expr(expr: &wasmparser::ConstExpr<'_>) -> Result<ConstExpr, CompileError> {
    let mut reader = expr.get_operators_reader();
    let value = match reader.read()? {
        Operator::I32Const { value } => ConstExpr::I32(value as u32),
        Operator::I64Const { value } => ConstExpr::I64(value as u64),
        Operator::F32Const { value } => ConstExpr::I32(value.bits()),
        Operator::F64Const { value } => ConstExpr::I64(value.bits()),
        Operator::GlobalGet { global_index } => ConstExpr::Global(global_index),
        Operator::RefNull { .. } => ConstExpr::Null,
        Operator::RefFunc { function_index } => ConstExpr::Function(function_index),
        _ => ConstExpr::Other,
    };
    let last = matches!(reader.read()?, Operator::End);
    Ok(if last { value } else { ConstExpr::Other })
}
