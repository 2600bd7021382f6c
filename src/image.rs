//! The initial image: linear memory, globals, tables, data segments, and the start-up function.

use crate::error::CompileError;
use crate::faults;
use crate::module::{ConstExpr, Data, ExportKind, FuncType, Mode, Module, ValType};
use crate::object_writer::{CellInit, Image, ObjectData, TableEntry};
use smallvec::smallvec;
use std::collections::BTreeMap;
use synth_validator::arm::linked::file_name;
use synth_validator::contract::{Bounds, Contract, MASK_SPARE_BYTES, MemoryOwner, PAGE_BYTES, SYM_INIT};
use synth_validator::domain::Symbol;
use synth_validator::ir::{BlockData, Func, Inst, Op, Terminator, Type, Value, Values};
use synth_validator::trap::TrapKind;

/// Everything in the object but code.
///
/// # Errors
/// `Unsupported` for segments whose offset is not a constant, `Instantiation` for active segments that do not fit.
pub fn object_data(module: &Module, bytes: &[u8], contract: &Contract) -> Result<ObjectData, CompileError> {
    if module.globals.iter().any(|g| g.import.is_some() && (g.mutable || g.ty != ValType::Int(Type::I32))) {
        return unsupported("an imported global that is mutable or no i32");
    }
    let mut exports = Vec::new();
    for export in &module.exports {
        if export.kind == ExportKind::Function {
            let other = if faults::on("image-export") { module.functions.len() as u32 - 1 } else { export.index };
            exports.push((module.export_symbol(&export.name).into_owned(), other));
        }
    }
    let shown = module.exports.iter().filter(|e| e.kind == ExportKind::Table);
    let exported_tables = shown.map(|e| e.index).collect();
    let own = contract.memory == MemoryOwner::Own && module.memory.as_ref().is_some_and(|m| m.import.is_none());
    let memory = if own { Some(linear_memory(module, bytes, contract)?) } else { None };
    segments_fit(module)?;
    let keeps = |data: &Data| match data.mode {
        Mode::Active { .. } => !own && !data.bytes.is_empty(),
        // Code may name an empty segment too.
        Mode::Passive => true,
        Mode::Declared => false,
    };
    let segments = module.data.iter().enumerate().filter(|(_, d)| keeps(d));
    let special_names = start_up(module, contract).map(|f| (f.index, SYM_INIT.to_string()));
    Ok(ObjectData {
        exports,
        exported_tables,
        memory,
        memory_align: module.relocations.memory_align(),
        addresses: addresses(module, own)?,
        memory_bytes: module
            .memory
            .as_ref()
            .map(|m| (m.min_pages as u32 + u32::from(faults::on("image-pages"))) * PAGE_BYTES),
        cells: cells(module)?,
        result_words: module.types.iter().map(results_in_memory).max().unwrap_or(0),
        shows_results: shows_results(module),
        tables: tables(module)?,
        data_segments: segments.map(|(i, d)| (i as u32, bytes[d.bytes.clone()].to_vec())).collect(),
        file: file_name(bytes),
        passes_floats: passes_floats(module),
        imports: imports(module),
        witness: Vec::new(),
        debug: Vec::new(),
        special_names: special_names.into_iter().collect::<BTreeMap<_, _>>(),
    })
}

/// The words that are addresses in linear memory: of linear memory, if it is the object's own, and of segments' copies.
fn addresses(module: &Module, own: bool) -> Result<Vec<(Symbol, u32)>, CompileError> {
    let mut addresses = Vec::new();
    for (k, data) in module.data.iter().enumerate() {
        let (symbol, at) = match data.mode {
            Mode::Active { offset: at, .. } if own => (Symbol::Memory, offset(at)? as u32),
            _ => (Symbol::Data(k as u32), 0),
        };
        let (start, end) = (data.bytes.start as u32, data.bytes.end as u32);
        addresses.extend(module.relocations.words.range(start..end).map(|word| (symbol, at + (word - start))));
    }
    addresses.sort_unstable();
    Ok(addresses)
}

/// Words of a type's results that are not in registers.
fn results_in_memory(ty: &FuncType) -> u32 {
    let words: usize = ty.int_results().unwrap_or_default().iter().map(|t| t.words()).sum();
    (words as u32).saturating_sub(4)
}

/// Whether a function at the border has results that are not in registers: others name their place too.
pub fn shows_results(module: &Module) -> bool {
    border(module).any(|ty| results_in_memory(ty) > 0)
}

fn passes_floats(module: &Module) -> bool {
    let mut words = border(module).flat_map(|ty| ty.params.iter().chain(&ty.results));
    words.any(|t| matches!(ValType::from(*t), ValType::Float(_)))
}

/// The types of the functions that the host calls or defines, be it through a table.
fn border(module: &Module) -> impl Iterator<Item = &FuncType> {
    let exported = module.exports.iter().filter(|e| e.kind == ExportKind::Function).map(|e| e.index);
    let has_tables = module.exports.iter().any(|e| e.kind == ExportKind::Table);
    let entries = module.elements.iter().filter(move |_| has_tables).flat_map(|e| e.funcs.iter().flatten().copied());
    exported.chain(0..module.imported_functions()).chain(entries).map(|index| module.type_of(index))
}

fn imports(module: &Module) -> Vec<[String; 3]> {
    let functions = module.functions.iter().filter_map(|f| f.import.as_ref());
    let all = functions.chain(module.globals.iter().filter_map(|g| g.import.as_ref()));
    all.map(|name| [module.import_symbol(name), name.module.clone(), name.field.clone()]).collect()
}

fn unsupported<T>(what: &str) -> Result<T, CompileError> {
    Err(CompileError::Unsupported { function: None, offset: 0, what: what.to_string() })
}

/// An `i32` constant expression's value.
fn offset(expr: ConstExpr) -> Result<usize, CompileError> {
    match expr {
        ConstExpr::I32(k) => Ok(k as usize),
        _ => unsupported("a segment whose offset is not a constant"),
    }
}

fn linear_memory(module: &Module, bytes: &[u8], contract: &Contract) -> Result<Image, CompileError> {
    let spare = if contract.bounds == Bounds::Mask { u64::from(MASK_SPARE_BYTES) } else { 0 };
    let size = u64::from(contract.capacity_bytes) + spare;
    let initial = module.memory.as_ref().map_or(0, |m| m.min_pages * u64::from(PAGE_BYTES)) as usize;
    let mut image = vec![0; initial];
    for data in &module.data {
        let Mode::Active { offset: at, .. } = data.mode else {
            continue;
        };
        let (at, contents) = (offset(at)?, &bytes[data.bytes.clone()]);
        match image.get_mut(at..).and_then(|rest| rest.get_mut(..contents.len())) {
            Some(place) if faults::on("image-overlap") && place.iter().any(|b| *b != 0) => {}
            Some(place) => place.copy_from_slice(contents),
            None => {
                return Err(does_not_fit(data));
            }
        }
    }
    let has_addresses = !module.relocations.words.is_empty();
    if !has_addresses && image.iter().take(if faults::on("image-zero") { 256 } else { usize::MAX }).all(|b| *b == 0) {
        return Ok(Image::Zero(size));
    }
    image.resize(size as usize, 0);
    Ok(Image::Bytes(image))
}

/// Refuses active data segments for which start-up code without checks would be wrong.
fn segments_fit(module: &Module) -> Result<(), CompileError> {
    let Some(memory) = &module.memory else {
        return Ok(());
    };
    let size = memory.min_pages * u64::from(PAGE_BYTES);
    for data in &module.data {
        let Mode::Active { offset: at, .. } = data.mode else {
            continue;
        };
        if offset(at)? as u64 + data.bytes.len() as u64 <= size {
            continue;
        }
        // An imported memory may be larger than it must be; one of the module is not.
        return match memory.import {
            Some(_) => unsupported("a data segment that an imported memory of the least size does not hold"),
            None => Err(does_not_fit(data)),
        };
    }
    Ok(())
}

fn does_not_fit(data: &Data) -> CompileError {
    let (offset, trap) = (data.bytes.start as u64, TrapKind::OutOfBoundsMemory);
    CompileError::Instantiation { offset, trap, message: "a data segment does not fit into linear memory" }
}

fn cells(module: &Module) -> Result<Vec<CellInit>, CompileError> {
    let mut cells: Vec<CellInit> = Vec::new();
    for (index, global) in (0..).zip(&module.globals) {
        let (Some(ty), Some(_)) = (global.ty.bits(), global.cell) else {
            continue;
        };
        match (global.init, ty) {
            (ConstExpr::I32(k), _) if module.relocations.stack_pointer == Some(index) => {
                cells.push(CellInit::Address(Symbol::Memory, k));
            }
            (ConstExpr::I32(k), _) => cells.push(CellInit::Word(k)),
            (ConstExpr::I64(k), _) if faults::on("image-global-halves") => {
                cells.extend([CellInit::Word((k >> 32) as u32), CellInit::Word(k as u32)]);
            }
            (ConstExpr::I64(k), _) => cells.extend([CellInit::Word(k as u32), CellInit::Word((k >> 32) as u32)]),
            (ConstExpr::Global(g), ty) => match module.globals.get(g as usize) {
                Some(source) if source.import.is_some() => cells.push(CellInit::Address(Symbol::HostData(g), 0)),
                Some(source) => {
                    let from = source.cell.unwrap_or(0) as usize;
                    for word in from..from + ty.words() {
                        let word = cells.get(word).copied().unwrap_or(CellInit::Word(0));
                        cells.push(word);
                    }
                }
                None => return unsupported("a global initialised by a missing global"),
            },
            _ => return unsupported("a global whose initial value is not an integer constant"),
        }
    }
    cells.extend(module.data.iter().filter_map(|d| d.dropped.map(|_| CellInit::Word(0))));
    Ok(cells)
}

fn tables(module: &Module) -> Result<Vec<Vec<Option<TableEntry>>>, CompileError> {
    let mut tables: Vec<Vec<Option<TableEntry>>> = module.tables.iter().map(|t| vec![None; t.min as usize]).collect();
    for element in &module.elements {
        let Mode::Active { index, offset: at } = element.mode else {
            continue;
        };
        let at = offset(at)?;
        let entries = element.funcs.iter().map(|f| {
            f.map(|func| {
                let declared = module.functions[func as usize].type_index;
                let canonical = module.canonical[declared as usize];
                TableEntry { type_word: if faults::on("image-type-word") { canonical } else { 1 + canonical }, func }
            })
        });
        let table = tables.get_mut(index as usize);
        match table.and_then(|t| t.get_mut(at..)).and_then(|t| t.get_mut(..element.funcs.len())) {
            Some(place) if faults::on("image-element-order") => {
                place.iter_mut().rev().zip(entries).for_each(|(p, e)| *p = e);
            }
            Some(place) => place.iter_mut().zip(entries).for_each(|(p, e)| *p = e),
            None => {
                let message = "an element segment does not fit into its table";
                return Err(CompileError::Instantiation { offset: 0, trap: TrapKind::OutOfBoundsTable, message });
            }
        }
    }
    Ok(tables)
}

/// The start-up function: copies the active data segments if linear memory is the host's, then calls the module's
/// start function. Its index is the number of functions.
pub fn start_up(module: &Module, contract: &Contract) -> Option<Func> {
    let extern_memory =
        contract.memory == MemoryOwner::Extern || module.memory.as_ref().is_some_and(|m| m.import.is_some());
    let has_memory = module.memory.is_some();
    if module.start.is_none() && !(extern_memory && has_memory) {
        return None;
    }
    let index = module.functions.len() as u32;
    let mut func = Func { index, results: vec![], values: vec![], blocks: vec![] };
    let mut insts = Vec::new();
    if extern_memory {
        for (segment, data) in module.data.iter().enumerate() {
            let Mode::Active { offset: ConstExpr::I32(at), .. } = data.mode else {
                continue;
            };
            if data.bytes.is_empty() {
                continue;
            }
            let mut constant = |k: u32| -> Value {
                let v = func.value(Type::I32);
                insts.push(Inst { op: Op::Const(k), args: Values::new(), results: smallvec![v], origin: 0 });
                v
            };
            let args = vec![constant(at), constant(0), constant(data.bytes.len() as u32)];
            insts.push(Inst {
                op: Op::MemoryInit { segment: segment as u32 },
                args: args.into(),
                results: Values::new(),
                origin: 0,
            });
        }
    }
    if let Some(start) = module.start.filter(|_| !faults::on("image-start")) {
        insts.push(Inst { op: Op::Call { func: start }, args: Values::new(), results: Values::new(), origin: 0 });
    }
    func.blocks.push(BlockData { params: smallvec![], insts, end: Terminator::Return(smallvec![]), end_origin: 0 });
    Some(func)
}
