//! The list of passes, and the way from a module's bytes to an object with its claim.

use crate::compile::{CompiledFunction, Core, compile_function};
use crate::error::CompileError;
use crate::image;
use crate::module::{ExportKind, ImportName, Module};
use crate::module_info::{FunctionInfo, ModuleInfo, TypeInfo};
use crate::object_writer::write_object;
use crate::{build, decode, legalize, simplify, verify};
use rayon::prelude::*;
use std::collections::BTreeMap;
use synth_validator::arm::object::is_reserved;
use synth_validator::claim::{Claim, FunctionClaim, Stage};
use synth_validator::contract::{Bounds, Contract, MemoryOwner, PAGE_BYTES, export_symbol};
use synth_validator::ir::Func;
use synth_validator::witness::Witness;

/// A pass: from one form of a function to the next, with the witness that the next refines it.
type Pass = (&'static str, fn(&Func) -> (Func, Witness));

/// The passes after the builder, in order. Each is one link that the validator proves.
const PASSES: [Pass; 2] = [("legalize", legalize::legalize), ("simplify", simplify::simplify)];

/// What a user chooses.
#[derive(Clone, Debug)]
pub struct Options {
    /// Core to compile for.
    pub core: Core,
    /// Bounds mode.
    pub bounds: Bounds,
    /// Owner of linear memory.
    pub memory: MemoryOwner,
    /// Pages to which linear memory may grow; the module's minimum if absent.
    pub memory_pages_max: Option<u32>,
}

impl Default for Options {
    fn default() -> Self {
        Options { core: Core::default(), bounds: Bounds::Software, memory: MemoryOwner::Own, memory_pages_max: None }
    }
}

/// A compiled module.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The relocatable object.
    pub object: Vec<u8>,
    /// What its proof starts from; the object carries the same.
    pub claim: Claim,
    /// The functions, ascending by index, the start-up function last.
    pub functions: Vec<CompiledFunction>,
    /// The module's declarations.
    pub module: Module,
}

/// Compiles a module.
///
/// # Errors
/// The first thing that is malformed, unsupported or too large.
pub fn compile(bytes: &[u8], options: &Options) -> Result<Compiled, CompileError> {
    let module = decode::decode(bytes)?;
    names_are_free(&module)?;
    let contract = contract(&module, options)?;
    let mut info = module_info(&module)?;
    let first = module.imported_functions();
    let mut compiled: Vec<(CompiledFunction, FunctionClaim)> = (first..module.functions.len() as u32)
        .into_par_iter()
        .map(|index| function(bytes, &module, &info, &contract, options.core, index))
        .collect::<Result<_, _>>()?;
    let data = image::object_data(&module, bytes, &contract)?;
    if let Some(func) = image::start_up(&module, &contract) {
        info.functions.push(FunctionInfo { params: vec![], results: vec![], import: None });
        let code = compile_function(&func, &info, &contract, options.core)?;
        let claim = FunctionClaim {
            index: func.index,
            stages: vec![],
            witness: Witness::default(),
            indirect_types: code.indirect_types.clone(),
        };
        compiled.push((code, claim));
    }
    let (functions, claims): (Vec<_>, Vec<_>) = compiled.into_iter().unzip();
    let claim = Claim { contract, functions: claims };
    let mut data = data;
    data.witness = claim.encode();
    let object = write_object(&functions, &info, &data, options.core)?;
    Ok(Compiled { object, claim, functions, module })
}

/// Refuses imports and exports that would take a symbol of the object contract or of a run-time helper.
fn names_are_free(module: &Module) -> Result<(), CompileError> {
    let functions = module.functions.iter().filter_map(|f| f.import.as_ref());
    let imports = functions.chain(module.globals.iter().filter_map(|g| g.import.as_ref()));
    let imports = imports.map(|i| module.import_symbol(i));
    let exports = module.exports.iter().filter(|e| e.kind == ExportKind::Function).map(|e| e.name.clone());
    let unsupported = |what: String| Err(CompileError::Unsupported { function: None, offset: 0, what });
    if let Some(name) = imports.chain(exports).find(|name| is_reserved(name)) {
        return unsupported(format!(
            "an import or export named {name}, a name that the object contract or a run-time helper has,"
        ));
    }
    match ambiguous(module) {
        Some(symbol) => unsupported(format!("{symbol} as the symbol of an import and of something else")),
        None => Ok(()),
    }
}

/// The symbol of an import that another import or an exported function has as well.
fn ambiguous(module: &Module) -> Option<String> {
    let functions = module.functions.iter().filter_map(|f| f.import.as_ref());
    let imports = functions.chain(module.globals.iter().filter_map(|g| g.import.as_ref()));
    let exports = module.exports.iter().filter(|e| e.kind == ExportKind::Function);
    let mut owners: BTreeMap<String, Option<&ImportName>> = BTreeMap::new();
    owners.extend(exports.map(|e| (export_symbol(&e.name).into_owned(), None)));
    imports.map(|import| (module.import_symbol(import), import)).find_map(|(symbol, import)| {
        let owner = *owners.entry(symbol.clone()).or_insert(Some(import));
        (owner != Some(import)).then_some(symbol)
    })
}

fn function(
    bytes: &[u8],
    module: &Module,
    info: &ModuleInfo,
    contract: &Contract,
    core: Core,
    index: u32,
) -> Result<(CompiledFunction, FunctionClaim), CompileError> {
    let built = build::build(bytes, module, contract, index)?;
    checked("build", &built.func, module)?;
    let mut stages = vec![Stage { name: "build".to_string(), func: built.func, witness: built.witness }];
    for (name, pass) in PASSES {
        let (func, witness) = pass(&stages.last().expect("invariant: the builder made one").func);
        checked(name, &func, module)?;
        stages.push(Stage { name: name.to_string(), func, witness });
    }
    let last = &stages.last().expect("invariant: the builder made one").func;
    let code = compile_function(last, info, contract, core)?;
    let (witness, indirect_types) = (code.witness.clone(), code.indirect_types.clone());
    Ok((code, FunctionClaim { index, stages, witness, indirect_types }))
}

/// Refuses IR that is not well formed, naming the pass that made it.
fn checked(pass: &str, func: &Func, module: &Module) -> Result<(), CompileError> {
    match verify::verify(func, Some(module)).into_iter().next() {
        None => Ok(()),
        Some(fault) => Err(CompileError::Internal {
            function: Some(func.index),
            message: format!("after {pass}, block {}: {}", fault.block.0, fault.message),
        }),
    }
}

/// The contract that the options make for a module.
fn contract(module: &Module, options: &Options) -> Result<Contract, CompileError> {
    let (min, declared) = match &module.memory {
        Some(memory) => (memory.min_pages, memory.max_pages.unwrap_or(u64::MAX)),
        None => (0, 0),
    };
    let wanted = options.memory_pages_max.map_or(min, |pages| u64::from(pages).max(min)).min(declared);
    let pages = if options.bounds == Bounds::Mask { wanted.next_power_of_two() } else { wanted };
    let limit = (1 << 31) / u64::from(PAGE_BYTES);
    if pages > limit {
        return Err(CompileError::Limit { function: None, what: "pages of linear memory", limit });
    }
    let capacity_bytes = pages as u32 * PAGE_BYTES;
    let imported = module.memory.as_ref().is_some_and(|m| m.import.is_some());
    let memory = if imported { MemoryOwner::Extern } else { options.memory };
    Ok(Contract { bounds: options.bounds, memory, capacity_bytes })
}

/// What the back end needs to know of a module.
///
/// # Errors
/// `Unsupported` for types that are not all integers.
pub fn module_info(module: &Module) -> Result<ModuleInfo, CompileError> {
    // A type with unsupported parts is refused where a function uses it; here it counts as empty.
    let types: Vec<TypeInfo> = module
        .types
        .iter()
        .map(|t| TypeInfo { params: t.int_params().unwrap_or_default(), results: t.int_results().unwrap_or_default() })
        .collect();
    let functions = module
        .functions
        .iter()
        .map(|f| {
            let TypeInfo { params, results } = types[f.type_index as usize].clone();
            FunctionInfo { params, results, import: f.import.as_ref().map(|i| module.import_symbol(i)) }
        })
        .collect();
    let host_data = module.globals.iter().map(|g| g.import.as_ref().map(|i| module.import_symbol(i))).collect();
    let memory = module.memory.as_ref();
    Ok(ModuleInfo {
        functions,
        types,
        host_data,
        memory_bytes_min: memory.map_or(0, |m| m.min_pages as u32 * PAGE_BYTES),
        memory_is_constant: memory.is_none_or(|m| m.import.is_none()) && !module.grows,
    })
}
