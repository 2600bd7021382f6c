//! Reads from a `.wasm` file what a machine needs to run it: imports, exported signatures, constant globals.
//!
//! It also adds an export for linear memory, so that an interpreter shows the memory of every module. It validates
//! nothing beyond what it reads.

use super::observation::{IMPORTED_GLOBAL, RunError, Value};
use super::vectors::{Base, Operand, Script, ScriptError, Statement};
use std::collections::{BTreeMap, HashMap};
use wasmparser::{ExternalKind, FuncType, Operator, Parser, Payload, TypeRef, ValType};

/// The name under which `with_exported_memory` exports memory 0.
pub const MEMORY_EXPORT: &str = "__synth_test_memory";

/// How wide a value is; floating-point values count as their bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// 32 bits.
    Word,
    /// 64 bits.
    Double,
}

impl Width {
    /// The value of this width with the low bits of `bits`.
    pub fn value(self, bits: u64) -> Value {
        match self {
            Self::Word => Value::Word(bits as u32),
            Self::Double => Value::Double(bits),
        }
    }

    /// 32 or 64.
    pub fn bits(self) -> u32 {
        match self {
            Self::Word => 32,
            Self::Double => 64,
        }
    }
}

/// Parameter and result widths, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// One per parameter.
    pub params: Vec<Width>,
    /// One per result.
    pub results: Vec<Width>,
}

/// An imported function; imports that repeat module and field are listed once.
#[derive(Clone, Debug)]
pub struct ImportedFunction {
    /// First part of its name.
    pub module: String,
    /// Second part of its name.
    pub field: String,
    /// The symbol in objects: the field, or module and field if two modules offer the same field or a function is exported
    /// under it.
    pub symbol: String,
    /// Its type.
    pub signature: Signature,
}

/// What of a module is visible from outside.
#[derive(Clone, Debug, Default)]
pub struct Interface {
    /// In order of first appearance; the position is the import index of observations.
    pub imports: Vec<ImportedFunction>,
    /// Symbols of imported immutable globals.
    pub imported_globals: Vec<String>,
    /// Exported functions.
    pub exports: BTreeMap<String, Signature>,
    /// Values of exported immutable `i32` globals.
    pub constants: BTreeMap<String, u32>,
    /// Initial and maximal pages of memory 0, if there is one.
    pub memory: Option<(u64, Option<u64>)>,
}

/// Reads the interface of `wasm`.
///
/// # Errors
/// `RunError::Module` if it is malformed, or has a vector or reference type in a visible signature, an imported
/// mutable global, or an import with several results.
pub fn interface(wasm: &[u8]) -> Result<Interface, RunError> {
    let mut reading = Reading::default();
    for payload in Parser::new(0).parse_all(wasm) {
        reading.payload(payload.map_err(malformed)?)?;
    }
    reading.finish()
}

fn malformed(error: wasmparser::Error) -> RunError {
    RunError::Module(error.to_string())
}

#[derive(Default)]
struct Reading {
    types: Vec<FuncType>,
    functions: Vec<u32>,
    globals: Vec<Option<u32>>,
    exports: Vec<(String, ExternalKind, u32)>,
    function_imports: Vec<(String, String, u32)>,
    global_imports: Vec<(String, String)>,
    memory: Option<(u64, Option<u64>)>,
}

impl Reading {
    fn payload(&mut self, payload: Payload<'_>) -> Result<(), RunError> {
        match payload {
            Payload::TypeSection(section) => {
                for ty in section.into_iter_err_on_gc_types() {
                    self.types.push(ty.map_err(malformed)?);
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import.map_err(malformed)?;
                    self.import(import.module, import.name, import.ty)?;
                }
            }
            Payload::FunctionSection(section) => {
                for ty in section {
                    self.functions.push(ty.map_err(malformed)?);
                }
            }
            Payload::MemorySection(section) => {
                for memory in section {
                    let memory = memory.map_err(malformed)?;
                    self.memory.get_or_insert((memory.initial, memory.maximum));
                }
            }
            Payload::GlobalSection(section) => {
                for global in section {
                    let global = global.map_err(malformed)?;
                    let mut operators = global.init_expr.get_operators_reader();
                    let first = operators.read().map_err(malformed)?;
                    let alone = matches!(operators.read().map_err(malformed)?, Operator::End);
                    let value = match first {
                        Operator::I32Const { value } if alone => Some(value as u32),
                        Operator::GlobalGet { global_index } if alone => {
                            self.globals.get(global_index as usize).copied().flatten()
                        }
                        _ => None,
                    };
                    let constant = !global.ty.mutable && global.ty.content_type == ValType::I32;
                    self.globals.push(value.filter(|_| constant));
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export.map_err(malformed)?;
                    self.exports.push((export.name.to_string(), export.kind, export.index));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn import(&mut self, module: &str, field: &str, ty: TypeRef) -> Result<(), RunError> {
        match ty {
            TypeRef::Func(index) | TypeRef::FuncExact(index) => {
                self.functions.push(index);
                self.function_imports.push((module.to_string(), field.to_string(), index));
            }
            TypeRef::Global(global) if global.mutable => {
                return Err(RunError::Module(format!("imported mutable global {module}.{field}")));
            }
            TypeRef::Global(_) => {
                self.globals.push(Some(IMPORTED_GLOBAL));
                self.global_imports.push((module.to_string(), field.to_string()));
            }
            TypeRef::Memory(memory) => {
                self.memory.get_or_insert((memory.initial, memory.maximum));
            }
            TypeRef::Table(_) | TypeRef::Tag(_) => {}
        }
        Ok(())
    }

    fn signature(&self, type_index: u32, name: &str) -> Result<Signature, RunError> {
        let missing = || RunError::Module(format!("type {type_index} of {name} is missing"));
        let ty = self.types.get(type_index as usize).ok_or_else(missing)?;
        let widths = |types: &[ValType]| {
            let width = |ty: &ValType| match ty {
                ValType::I32 | ValType::F32 => Ok(Width::Word),
                ValType::I64 | ValType::F64 => Ok(Width::Double),
                ValType::V128 | ValType::Ref(_) => Err(RunError::Module(format!("{name} has a {ty} in its type"))),
            };
            types.iter().map(width).collect::<Result<Vec<_>, _>>()
        };
        Ok(Signature { params: widths(ty.params())?, results: widths(ty.results())? })
    }

    fn finish(self) -> Result<Interface, RunError> {
        let mut interface = Interface { memory: self.memory, ..Interface::default() };
        let all = || {
            let functions = self.function_imports.iter().map(|(module, field, _)| (module, field));
            functions.chain(self.global_imports.iter().map(|(module, field)| (module, field)))
        };
        let exported = |name: &str| self.exports.iter().any(|(n, kind, _)| n == name && *kind == ExternalKind::Func);
        let shared = |module: &str, field: &str| all().any(|(other, same)| same == field && other != module);
        let symbol = |module: &str, field: &str| match shared(module, field) || exported(field) {
            true => format!("{module}_{field}").replace(|c: char| !c.is_ascii_alphanumeric(), "_"),
            false => field.to_string(),
        };
        for (module, field, type_index) in &self.function_imports {
            let signature = self.signature(*type_index, field)?;
            if signature.results.len() > 1 {
                return Err(RunError::Module(format!("import {module}.{field} has several results")));
            }
            if interface.imports.iter().all(|known| known.module != *module || known.field != *field) {
                let (module, field) = (module.clone(), field.clone());
                let symbol = symbol(&module, &field);
                interface.imports.push(ImportedFunction { module, field, symbol, signature });
            }
        }
        for (module, field) in &self.global_imports {
            interface.imported_globals.push(symbol(module, field));
        }
        interface.imported_globals.sort();
        interface.imported_globals.dedup();
        for (name, kind, index) in &self.exports {
            match kind {
                ExternalKind::Func | ExternalKind::FuncExact => {
                    let missing = || RunError::Module(format!("exported function {index} is missing"));
                    let type_index = *self.functions.get(*index as usize).ok_or_else(missing)?;
                    interface.exports.insert(name.clone(), self.signature(type_index, name)?);
                }
                ExternalKind::Global => {
                    if let Some(value) = self.globals.get(*index as usize).copied().flatten() {
                        interface.constants.insert(name.clone(), value);
                    }
                }
                ExternalKind::Memory | ExternalKind::Table | ExternalKind::Tag => {}
            }
        }
        Ok(interface)
    }
}

impl Interface {
    /// The value that `operand` starts from if it needs no run: a constant's, or zero for numbers and variables.
    fn constant(&self, operand: &Operand) -> Result<u64, String> {
        match &operand.base {
            Base::Symbol(name) => {
                let found = self.constants.get(name).copied().map(u64::from);
                found.ok_or_else(|| format!("@{name} is no exported immutable i32 global"))
            }
            Base::Number | Base::Variable(_) => Ok(0),
        }
    }

    /// Evaluates `operand` with these variables; unset ones are zero. `check` must have accepted the script.
    pub fn evaluate(&self, operand: &Operand, variables: &HashMap<String, u64>) -> u64 {
        let base = match &operand.base {
            Base::Variable(name) => variables.get(name).copied().unwrap_or(0),
            _ => self.constant(operand).unwrap_or(0),
        };
        base.wrapping_add(operand.offset)
    }

    /// Checks that the script fits the module: names, numbers of values, widths.
    ///
    /// # Errors
    /// `RunError::Script` with the first line that does not.
    pub fn check(&self, script: &Script) -> Result<(), RunError> {
        let mut last = None;
        for (line, statement) in &script.lines {
            let checked = match statement {
                Statement::Write { address, .. }
                | Statement::Load { address, .. }
                | Statement::ExpectMemory { address, .. } => self.check_values("address", &[Width::Word], [address]),
                Statement::Call { export, arguments, variables } => match self.exports.get(export) {
                    None => Err(format!("no exported function {export}")),
                    Some(signature) if variables.len() > signature.results.len() => {
                        Err(format!("{export} has only {} results", signature.results.len()))
                    }
                    Some(signature) => {
                        last = Some(signature);
                        self.check_values("argument", &signature.params, arguments)
                    }
                },
                Statement::Expect(values) => {
                    let results = last.map(|signature| &signature.results[..]).unwrap_or_default();
                    self.check_values("result", results, values)
                }
                Statement::ExpectImport { field, arguments } => {
                    match self.imports.iter().find(|import| import.field == *field) {
                        None => Err(format!("no imported function {field}")),
                        Some(import) => self.check_values("argument", &import.signature.params, arguments),
                    }
                }
                Statement::ExpectTrap(_) | Statement::ExpectImports(_) => Ok(()),
            };
            checked.map_err(|reason| RunError::Script(ScriptError { line: *line, reason }))?;
        }
        Ok(())
    }

    fn check_values<'a>(
        &self,
        what: &str,
        widths: &[Width],
        values: impl IntoIterator<Item = &'a Operand, IntoIter: ExactSizeIterator>,
    ) -> Result<(), String> {
        let values = values.into_iter();
        if values.len() != widths.len() {
            return Err(format!("{} {what}s where {} are needed", values.len(), widths.len()));
        }
        for (value, width) in values.zip(widths) {
            self.constant(value)?;
            if !value.fits(width.bits()) {
                return Err(format!("{what} 0x{:x} does not fit {} bits", value.offset, width.bits()));
            }
        }
        Ok(())
    }
}

/// The module with memory 0 also exported as `MEMORY_EXPORT`, everything else unchanged. Call it only for modules that
/// have a memory.
///
/// # Errors
/// `RunError::Module` if the module is malformed.
pub fn with_exported_memory(wasm: &[u8]) -> Result<Vec<u8>, RunError> {
    const EXPORT_SECTION: u8 = 7;
    let mut entry = leb128(MEMORY_EXPORT.len() as u32);
    entry.extend_from_slice(MEMORY_EXPORT.as_bytes());
    entry.extend_from_slice(&[2, 0]);
    let mut exports = (0, Vec::new());
    let mut insert_at = None;
    let mut replaced = 0..0;
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.map_err(malformed)?;
        if let Payload::ExportSection(section) = &payload {
            let range = section.range();
            let body = &wasm[range.start as usize..range.end as usize];
            let count_bytes = body.iter().take_while(|byte| **byte >= 0x80).count() + 1;
            exports = (section.count(), body[count_bytes..].to_vec());
            let header = 1 + leb128_bytes_before(wasm, range.start as usize);
            replaced = range.start as usize - header..range.end as usize;
        }
        // Sections 8 to 12 follow the export section; custom sections, 0, may stand anywhere.
        if let Some((id, range)) = payload.as_section()
            && (8..=12).contains(&id)
            && insert_at.is_none()
        {
            insert_at = Some(range.start as usize - 1 - leb128_bytes_before(wasm, range.start as usize));
        }
    }
    if replaced.is_empty() {
        let at = insert_at.unwrap_or(wasm.len());
        replaced = at..at;
    }
    let mut body = leb128(exports.0 + 1);
    body.extend_from_slice(&exports.1);
    body.extend_from_slice(&entry);
    let mut module = wasm[..replaced.start].to_vec();
    module.push(EXPORT_SECTION);
    module.extend_from_slice(&leb128(body.len() as u32));
    module.extend_from_slice(&body);
    module.extend_from_slice(&wasm[replaced.end..]);
    Ok(module)
}

/// How many bytes the section size that ends before `at` has: its last byte is below 0x80, those before are not.
fn leb128_bytes_before(wasm: &[u8], at: usize) -> usize {
    1 + wasm[..at - 1].iter().rev().take_while(|byte| **byte >= 0x80).count()
}

fn leb128(mut value: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}
