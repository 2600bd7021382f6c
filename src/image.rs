//! The initial image: what the object holds of a module besides code.

use crate::abi::words;
use crate::compile::CompiledFunction;
use crate::error::CompileError;
use crate::module::{ConstExpr, ExportKind, Mode, Module, ValType};
use crate::module_info::{FunctionInfo, ModuleInfo, TypeInfo};
use crate::object_writer::{CellInit, Image, ObjectData, TableEntry};
use synth_validator::contract::{Contract, MemoryOwner, PAGE_BYTES};
use synth_validator::domain::Symbol;
use synth_validator::ir::Type;

fn malformed(offset: usize, message: &str) -> CompileError {
    CompileError::Malformed { offset: offset as u64, message: message.to_string() }
}

fn unsupported(what: impl Into<String>) -> CompileError {
    CompileError::Unsupported { function: None, offset: 0, what: what.into() }
}

/// What the back end needs to know of a module. Types that are not all integers are left empty: no supported
/// function refers to them.
pub fn module_info(module: &Module) -> ModuleInfo {
    let types: Vec<TypeInfo> = module
        .types
        .iter()
        .map(|t| TypeInfo {
            params: t.int_params().unwrap_or_default(),
            results: t.int_results().unwrap_or_default(),
        })
        .collect();
    let function = |f: &crate::module::Function| {
        let ty = types[f.type_index as usize].clone();
        let import = f.import.as_ref().map(|i| module.import_symbol(i));
        FunctionInfo { params: ty.params, results: ty.results, import }
    };
    let functions = module.functions.iter().map(function).collect();
    let host_data = module.globals.iter().map(|g| g.import.as_ref().map(|i| module.import_symbol(i))).collect();
    let memory = module.memory.as_ref();
    ModuleInfo {
        functions,
        host_data,
        types,
        memory_bytes_min: memory.map_or(0, |m| (m.min_pages as u32).wrapping_mul(PAGE_BYTES)),
        memory_is_constant: memory.is_none_or(|m| m.import.is_none() && !module.grows),
    }
}

/// The initial image of a module, without witness.
///
/// # Errors
/// `Malformed` if an active segment does not fit; `Unsupported` for constants that are not integers or addresses.
pub fn object_data(
    bytes: &[u8],
    module: &Module,
    contract: &Contract,
    functions: &[CompiledFunction],
) -> Result<ObjectData, CompileError> {
    let exported = module.exports.iter().filter(|e| e.kind == ExportKind::Function);
    let mut data = ObjectData {
        exports: exported.map(|e| (e.name.clone(), e.index)).collect(),
        cells: cells(module)?,
        tables: tables(module)?,
        result_words: result_words(module, functions),
        ..ObjectData::default()
    };
    if let Some(memory) = &module.memory {
        data.memory_bytes = Some((memory.min_pages as u32).wrapping_mul(PAGE_BYTES));
        if contract.memory == MemoryOwner::Own {
            data.memory = Some(memory_image(bytes, module, contract)?);
        }
    }
    for (n, segment) in module.data.iter().enumerate() {
        if segment.mode == Mode::Passive || contract.memory == MemoryOwner::Extern {
            data.data_segments.push((n as u32, bytes[segment.bytes.clone()].to_vec()));
        }
    }
    Ok(data)
}

/// Most result words after the fourth of any function or callee, if any code refers to them.
fn result_words(module: &Module, functions: &[CompiledFunction]) -> u32 {
    let results = crate::branch_relax::RelocTarget::Symbol(Symbol::Results);
    if !functions.iter().flat_map(|f| &f.relocations).any(|r| r.target == results) {
        return 0;
    }
    let beyond = |t: &crate::module::FuncType| words(&t.int_results().unwrap_or_default()).saturating_sub(4) as u32;
    module.types.iter().map(beyond).max().unwrap_or(0)
}

fn cells(module: &Module) -> Result<Vec<CellInit>, CompileError> {
    let mut cells = Vec::new();
    for global in module.globals.iter().filter(|g| g.import.is_none()) {
        let (ValType::Int(ty), Some(cell)) = (global.ty, global.cell) else {
            // Globals of other types have no cells; functions that use them are refused.
            continue;
        };
        debug_assert_eq!(cell as usize, cells.len());
        match (ty, constant(module, global.init)?) {
            (Type::I32, init) => cells.push(init.0),
            (Type::I64, init) => cells.extend([init.0, CellInit::Word(init.1)]),
        }
    }
    Ok(cells)
}

/// The low word of a constant expression, and the high word.
fn constant(module: &Module, mut expression: ConstExpr) -> Result<(CellInit, u32), CompileError> {
    loop {
        return match expression {
            ConstExpr::I32(k) => Ok((CellInit::Word(k), 0)),
            ConstExpr::I64(k) => Ok((CellInit::Word(k as u32), (k >> 32) as u32)),
            ConstExpr::Global(g) => {
                let global = &module.globals[g as usize];
                if global.import.is_some() {
                    return Ok((CellInit::Address(Symbol::HostData(g)), 0));
                }
                expression = global.init;
                continue;
            }
            ConstExpr::Null | ConstExpr::Function(_) | ConstExpr::Other => {
                Err(unsupported("a constant that is neither an integer nor an address"))
            }
        };
    }
}

fn tables(module: &Module) -> Result<Vec<Vec<Option<TableEntry>>>, CompileError> {
    let mut tables: Vec<Vec<Option<TableEntry>>> = module.tables.iter().map(|t| vec![None; t.min as usize]).collect();
    for element in &module.elements {
        let Mode::Active { index, offset } = element.mode else { continue };
        let (CellInit::Word(offset), _) = constant(module, offset)? else {
            return Err(unsupported("a table offset that is an address"));
        };
        let range = offset as usize..(offset as usize).saturating_add(element.funcs.len());
        let entries = tables[index as usize].get_mut(range);
        let entries = entries.ok_or_else(|| malformed(0, "an element segment does not fit its table"))?;
        for (entry, func) in entries.iter_mut().zip(&element.funcs) {
            *entry = func.map(|func| {
                let ty = module.functions[func as usize].type_index;
                TableEntry { type_word: 1 + module.canonical[ty as usize], func }
            });
        }
    }
    Ok(tables)
}

fn memory_image(bytes: &[u8], module: &Module, contract: &Contract) -> Result<Image, CompileError> {
    let extra = if contract.bounds == synth_validator::contract::Bounds::Mask { 8 } else { 0 };
    let total = u64::from(contract.capacity_bytes) + extra;
    let mut image = Vec::new();
    let min = module.memory.as_ref().map_or(0, |m| m.min_pages * u64::from(PAGE_BYTES));
    for segment in &module.data {
        let Mode::Active { offset, .. } = segment.mode else { continue };
        let (CellInit::Word(offset), _) = constant(module, offset)? else {
            return Err(unsupported("a data offset that is an address"));
        };
        let contents = &bytes[segment.bytes.clone()];
        let end = offset as usize + contents.len();
        if end as u64 > min {
            return Err(malformed(segment.bytes.start, "a data segment does not fit the memory"));
        }
        if image.len() < end {
            image.resize(end, 0u8);
        }
        image[offset as usize..end].copy_from_slice(contents);
    }
    if image.iter().all(|b| *b == 0) {
        return Ok(Image::Zero(total));
    }
    image.resize(total as usize, 0);
    Ok(Image::Bytes(image))
}
