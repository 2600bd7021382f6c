//! The list of passes, and the way from a module's bytes to an object with its claim.
//!
//! Requirement TOR-USE-CORPUS: Right code for the programs of the corpus shall be proved at every optimization level and in every
//! bounds mode.
//!
//! Requirement TOR-USE-GENERATED: Generated programs that are proved shall agree with a foreign engine on results, traps, memory and
//! calls.

use crate::branch_relax::RelocTarget;
use crate::compile::{CompiledFunction, Core, compile_function};
use crate::debug_info::{self, DebugOptions};
use crate::error::CompileError;
use crate::faults;
use crate::image;
use crate::inline_report::{self, InlineReport};
use crate::module::{ExportKind, ImportName, Module};
use crate::module_info::{FunctionInfo, ModuleInfo, TypeInfo};
use crate::native::{self, Remark, Request};
use crate::object_writer::{SymbolOptions, sites, write_object};
use crate::pass::{Cx, Form, Level, NotRun, Pass, Run};
use crate::passes::{
    carriers, checks, dead_params, dead_store, ends, forward, gvn, if_convert, induction, inline, licm, merge, ranges,
    rewrite, rotate, sccp,
};
use crate::select::Tuning;
use crate::{build, call_graph, decode, legalize, simplify, verify};
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use synth_validator::arm::linked::Linkage;
use synth_validator::arm::object::{is_called_by, is_reserved};
use synth_validator::claim::{Claim, FunctionClaim, Stage};
use synth_validator::contract::{Bounds, Contract, MemoryOwner, Native, PAGE_BYTES};
use synth_validator::ir::Func;
use synth_validator::witness::Witness;

const fn pass(name: &'static str, from: Level, run: Run) -> Pass {
    Pass { name, from, run }
}

/// The passes after the builder that every function needs, in order. Each is one link that the validator proves: the next form
/// refines the one before. All functions come so far before any goes on, because inlining takes callees in this form.
const NEEDED: &[Pass] = &[
    pass("legalize", Level::O0, |f, _| Some(legalize::legalize(f).into())),
    pass("simplify", Level::O0, |f, _| Some(simplify::simplify(f).into())),
];

/// Inlining, which takes callees in the form before it.
pub const INLINE: Pass = pass("inline", Level::O1, inline::inline);
/// Cleaning again.
pub const CLEAN: Pass = pass("clean", Level::O1, clean);
/// Arguments that callees ignore are not computed.
pub const DEAD_PARAMS: Pass = pass("dead_params", Level::O1, dead_params::dead_params);
/// Packed pairs of words are taken apart. Only for modules: `legalize` leaves no carriers.
pub const CARRIERS: Pass = pass("carriers", Level::O1, carriers::carriers);
/// Sparse conditional constant propagation.
pub const SCCP: Pass = pass("sccp", Level::O1, sccp::sccp);
/// Folding of branches and merging of blocks.
pub const MERGE: Pass = pass("merge", Level::O1, merge::merge);
/// Global value numbering.
pub const GVN: Pass = pass("gvn", Level::O1, gvn::gvn);
/// Forwarding of stores and loads to loads.
pub const FORWARD: Pass = pass("forward", Level::O1, forward::forward);
/// Removal and joining of bounds checks.
pub const CHECKS: Pass = pass("checks", Level::O1, checks::checks);
/// Removal of what the ranges of words decide.
pub const RANGES: Pass = pass("ranges", Level::O1, ranges::ranges);
/// Removal of stores that nobody sees.
pub const DEAD_STORE: Pass = pass("dead_store", Level::O1, dead_store::dead_store);
/// Equality saturation with the lemmas. After ranges, because it hides remainders.
pub const REWRITE: Pass = pass("rewrite", Level::O1, rewrite::rewrite);
/// Conversion of decisions to selects.
pub const IF_CONVERT: Pass = pass("if_convert", Level::O1, if_convert::if_convert);
/// Rotation of loops, so that they test at their bottom.
pub const ROTATE: Pass = pass("rotate", Level::O2, rotate::rotate);
/// Loop-invariant code motion.
pub const LICM: Pass = pass("licm", Level::O2, licm::licm);

/// Removal of induction variables that others can stand for.
pub const INDUCTION: Pass = pass("induction", Level::O2, induction::induction);
/// Blocks end where a trap is certain.
pub const ENDS: Pass = pass("ends", Level::O0, ends::ends);

/// The optimizer's passes, in order. Each is a link as well, and may be left out.
#[rustfmt::skip]
pub const OPTIMIZER: &[Pass] = &[
    INLINE, CLEAN, DEAD_PARAMS, SCCP, MERGE, GVN, FORWARD, INDUCTION, CHECKS, RANGES, DEAD_STORE, REWRITE, IF_CONVERT, ROTATE,
    LICM, ENDS,
];

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
    /// What the symbols of imports begin with.
    pub import_prefix: String,
    /// Symbols of exported functions that are to have others than usual, by name of the export.
    pub export_symbols: BTreeMap<String, String>,
    /// Words at functions' borders that are host addresses, besides those that the module says.
    pub native: Vec<Request>,
    /// How the object shows its symbols.
    pub symbols: SymbolOptions,
    /// Whether words may be loaded from behind the code; else `movw` and `movt` make them.
    pub literal_pools: bool,
    /// Optimization level.
    pub level: Level,
    /// Names of optimizer passes not to run.
    pub left_out: Vec<String>,
    /// Passes that are not to run on a function: there the validator refused them.
    pub refused: BTreeSet<(u32, &'static str)>,
    /// Names of functions to inline where they are called, if they are not very large.
    pub inline: Vec<String>,
    /// Whether to report what became of calls.
    pub inline_report: bool,
    /// Whether to write debug information, and which.
    pub debug: Option<DebugOptions>,
    /// The fault that is switched on; without effect unless the build has the feature `faults`.
    pub fault: Option<&'static str>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            core: Core::default(),
            bounds: Bounds::Software,
            memory: MemoryOwner::Own,
            memory_pages_max: None,
            import_prefix: String::new(),
            export_symbols: BTreeMap::new(),
            native: Vec::new(),
            symbols: SymbolOptions::default(),
            literal_pools: true,
            level: Level::default(),
            left_out: Vec::new(),
            refused: BTreeSet::new(),
            inline: Vec::new(),
            inline_report: false,
            debug: None,
            fault: None,
        }
    }
}

impl Options {
    /// What instructions are chosen for.
    pub fn tuning(&self) -> Tuning {
        Tuning { core: self.core, is_small: self.level == Level::Os, moves_only: !self.literal_pools }
    }
    /// Why an optimizer pass does not run on a function; nothing if it runs.
    pub fn not_run(&self, pass: &Pass, index: u32) -> Option<NotRun> {
        if pass.from > self.level {
            Some(NotRun::Level)
        } else if self.left_out.iter().any(|name| name == pass.name) {
            Some(NotRun::LeftOut)
        } else {
            self.refused.contains(&(index, pass.name)).then_some(NotRun::Refused)
        }
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
    /// What became of calls, if it was asked for.
    pub inline_report: Option<InlineReport>,
    /// What to look at in the module's use of host addresses.
    pub remarks: Vec<Remark>,
}

/// Compiles a module.
///
/// # Errors
/// The first thing that is malformed, unsupported or too large.
pub fn compile(bytes: &[u8], options: &Options) -> Result<Compiled, CompileError> {
    faults::with(options.fault, || compile_with(bytes, options))
}

fn compile_with(bytes: &[u8], options: &Options) -> Result<Compiled, CompileError> {
    let wrong = options.fault;
    let mut module = decode::decode(bytes)?;
    module.import_prefix.clone_from(&options.import_prefix);
    module.export_symbols.clone_from(&options.export_symbols);
    names_are_free(&module)?;
    let native::Found { native, host_accesses, relocations, remarks } = native::find(bytes, &options.native)?;
    (module.host_accesses, module.relocations) = (host_accesses, relocations);
    let contract = Contract { native, ..contract(&module, options)? };
    let mut info = module_info(&module, &contract)?;
    let first = module.imported_functions();
    let defined = first..module.functions.len() as u32;
    let (roots, hinted) = (call_graph::roots(&module), hinted(&module, &options.inline)?);
    let (none, nothing) = (FxHashMap::default(), FxHashMap::default());
    let cx = Cx {
        module: &module,
        contract: &contract,
        level: options.level,
        forms: &[],
        calls: &none,
        unused: &nothing,
        roots: &roots,
        hinted: &hinted,
    };
    let needed = |index| faults::with(wrong, || needed(bytes, index, &cx));
    let forms: Vec<Vec<Stage>> = defined.clone().into_par_iter().map(needed).collect::<Result<_, _>>()?;
    let (calls, unused) = (call_graph::counts(&forms), call_graph::unused_params(&forms));
    let cx = Cx { forms: &forms, calls: &calls, unused: &unused, ..cx };
    let optimized = |(index, stages): (u32, &Vec<Stage>)| faults::with(wrong, || optimize(stages, options, &cx, index));
    let more: Vec<Vec<Stage>> = defined.into_par_iter().zip(&forms).map(optimized).collect::<Result<_, _>>()?;
    let last = |place: usize| more.get(place)?.last().or(forms[place].last());
    let kept = call_graph::reachable(&module, |index| Some(&last(index.checked_sub(first)? as usize)?.func));
    let inline_report = options.inline_report.then(|| {
        let stages: Vec<Vec<Stage>> = forms.iter().zip(&more).map(|(a, b)| [&a[..], b].concat()).collect();
        inline_report::report(&cx, &stages, options)
    });
    let mut stages = forms;
    stages.iter_mut().zip(more).for_each(|(stages, more)| stages.extend(more));
    let compiled = stages.into_par_iter().enumerate().map(|(place, stages)| {
        let index = first + place as u32;
        // A function that is inlined wherever it is called stays in the claim, for its form, and not in the object.
        let last = &stages.last().expect("invariant: the builder made one").func;
        let removed = options.level > Level::O0 && !kept.contains(&index);
        let code = || compile_function(last, &info, options.tuning());
        let code = if removed { None } else { Some(faults::with(wrong, code)?) };
        let (witness, indirect_types) =
            code.as_ref().map(|c| (c.witness.clone(), c.indirect_types.clone())).unwrap_or_default();
        let claim = FunctionClaim { index, stages, witness, indirect_types };
        let bytes = encoded(&claim);
        Ok((code, (claim, bytes)))
    });
    let mut compiled: Vec<_> = compiled.collect::<Result<_, CompileError>>()?;
    let mut data = image::object_data(&module, bytes, &contract)?;
    if let Some(func) = image::start_up(&module, &contract) {
        info.functions.push(FunctionInfo { params: vec![], results: vec![], import: None });
        let (code, claim) = start_up(&func, &info, options.tuning())?;
        let bytes = encoded(&claim);
        compiled.push((Some(code), (claim, bytes)));
    }
    let (functions, claims): (Vec<_>, Vec<_>) = compiled.into_iter().unzip();
    let functions: Vec<CompiledFunction> = functions.into_iter().flatten().collect();
    helpers_are_left_alone(&module, &contract, &functions)?;
    let (claims, encoded_claims): (Vec<_>, Vec<_>) = claims.into_iter().unzip();
    // A claim is its fields one after the other, a list its length and its elements.
    data.witness = encoded(&(&contract, claims.len()));
    data.witness.reserve(encoded_claims.iter().map(Vec::len).sum());
    encoded_claims.iter().for_each(|claim| data.witness.extend_from_slice(claim));
    let linkage = Linkage { file: data.file.clone(), sites: sites(&functions, &data) };
    data.witness.extend_from_slice(&encoded(&linkage));
    let claim = Claim { contract, functions: claims, linkage };
    debug_assert_eq!(data.witness, claim.encode());
    if let Some(debug) = &options.debug {
        data.debug = debug_info::sections(debug, &module, bytes, (&functions, &claim), &data.thunks(&functions))?;
    }
    let object = write_object(&functions, &info, &data, options.core, options.symbols)?;
    Ok(Compiled { object, claim, functions, module, remarks, inline_report })
}

fn encoded(part: &impl Serialize) -> Vec<u8> {
    postcard::to_allocvec(part).expect("invariant: serialization to memory does not fail")
}

/// The start-up function, which has no form that a module's function had.
fn start_up(func: &Func, info: &ModuleInfo, tuning: Tuning) -> Result<(CompiledFunction, FunctionClaim), CompileError> {
    let code = compile_function(func, info, tuning)?;
    let (stages, witness, indirect_types) = (vec![], Witness::default(), code.indirect_types.clone());
    Ok((code, FunctionClaim { index: func.index, stages, witness, indirect_types }))
}

/// The functions that the user named, by an export's name or their own.
fn hinted(module: &Module, names: &[String]) -> Result<BTreeSet<u32>, CompileError> {
    let all = module.imported_functions()..module.functions.len() as u32;
    let find = |name: &String| {
        let exported = module.exports.iter().find(|e| e.kind == ExportKind::Function && e.name == *name);
        exported.map(|e| e.index).or_else(|| all.clone().find(|f| module.display_name(*f) == *name))
    };
    names.iter().map(|name| find(name).ok_or_else(|| CompileError::NoFunction { name: name.clone() })).collect()
}

/// Functions of C that format and scan, with variable arguments. Source: ISO/IEC 9899:2018, 7.21.6, 7.29.2, K.3.5.3.
const VARIADIC: [&str; 18] = [
    "printf",
    "fprintf",
    "sprintf",
    "snprintf",
    "dprintf",
    "scanf",
    "fscanf",
    "sscanf",
    "wprintf",
    "fwprintf",
    "swprintf",
    "wscanf",
    "fwscanf",
    "swscanf",
    "printf_s",
    "fprintf_s",
    "sprintf_s",
    "snprintf_s",
];

/// Refuses imports and exports that would take a symbol of the object contract or of a run-time helper.
fn names_are_free(module: &Module) -> Result<(), CompileError> {
    let functions = module.functions.iter().filter_map(|f| f.import.as_ref());
    let imports = functions.chain(module.globals.iter().filter_map(|g| g.import.as_ref()));
    let imports = imports.map(|i| module.import_symbol(i));
    let exports = module.exports.iter().filter(|e| e.kind == ExportKind::Function).map(|e| e.name.clone());
    let unsupported = |what: String| Err(CompileError::Unsupported { function: None, offset: 0, what });
    if let Some(name) = imports.chain(exports).find(|name| is_reserved(name)) {
        return unsupported(format!(
            "an import or export named {name}, which is a name of the object contract or of a run-time helper"
        ));
    }
    let functions = module.functions.iter().filter_map(|f| f.import.as_ref()).map(|i| module.import_symbol(i));
    if let Some(name) = functions.into_iter().find(|name| VARIADIC.contains(&name.as_str())) {
        return Err(CompileError::Border {
            function: None,
            offset: None,
            what: format!("the import {name} is a C function with variable arguments, which WebAssembly passes in linear memory"),
            remedy: "import a function with fixed arguments, or give the host's own function another symbol with --import-prefix"
                .to_string(),
        });
    }
    match ambiguous(module) {
        Some(symbol) => unsupported(format!("{symbol} as the symbol of an import and of something else")),
        None => Ok(()),
    }
}

/// Refuses imports and exports that a run-time helper which the code needs may call in the place of its library's functions. With the
/// base at 0 an import's function is the library's.
fn helpers_are_left_alone(
    module: &Module,
    contract: &Contract,
    functions: &[CompiledFunction],
) -> Result<(), CompileError> {
    let targets = functions.iter().flat_map(|f| &f.relocations).map(|r| &r.target);
    let helpers = targets.filter_map(|t| if let RelocTarget::Helper(name) = t { Some(*name) } else { None });
    let helpers: BTreeSet<&str> = helpers.collect();
    let exports = module.exports.iter().filter(|e| e.kind == ExportKind::Function).map(|e| ("export", e.name.clone()));
    let imported = module.functions.iter().filter_map(|f| f.import.as_ref());
    let imported = imported.chain(module.globals.iter().filter_map(|g| g.import.as_ref()));
    let imported = imported.map(|i| ("import", module.import_symbol(i)));
    let imported = imported.filter(|_| !contract.native.contains(&Native::Everything));
    let named = exports.chain(imported);
    let called = |(kind, name): (&'static str, String)| {
        let helper = helpers.iter().find(|h| is_called_by(h, &name))?;
        Some((*helper, kind, name))
    };
    match named.into_iter().find_map(called) {
        Some((helper, kind, name)) => Err(CompileError::Border {
            function: None,
            offset: None,
            what: format!(
                "the {kind} {name} has the name of a function that {helper} may call, which the code needs from the run-time library"
            ),
            remedy: "give it another name (imports: --import-prefix), or do without what needs the helper: memory.copy, memory.fill, \
                     memory.init, 64-bit division, and data segments under --memory extern"
                .to_string(),
        }),
        None => Ok(()),
    }
}

/// The symbol of an import that another import, the same import with another type or as a global, or an exported function has as well.
fn ambiguous(module: &Module) -> Option<String> {
    let ty = |type_index: u32| Some(module.canonical[type_index as usize]);
    let functions = module.functions.iter().filter_map(|f| Some((f.import.as_ref()?, ty(f.type_index))));
    let imports = functions.chain(module.globals.iter().filter_map(|g| Some((g.import.as_ref()?, None))));
    let exports = module.exports.iter().filter(|e| e.kind == ExportKind::Function);
    let mut owners: BTreeMap<String, Option<(&ImportName, Option<u32>)>> = BTreeMap::new();
    // What is called by an export's own name may be a trampoline.
    let symbols = exports.flat_map(|e| [module.export_symbol(&e.name).into_owned(), e.name.clone()]);
    owners.extend(symbols.map(|symbol| (symbol, None)));
    imports.map(|import| (module.import_symbol(import.0), import)).find_map(|(symbol, (import, ty))| {
        let owner = *owners.entry(symbol.clone()).or_insert(Some((import, ty)));
        (owner != Some((import, ty))).then_some(symbol)
    })
}

/// The forms of a function up to inlining.
fn needed(bytes: &[u8], index: u32, cx: &Cx<'_>) -> Result<Vec<Stage>, CompileError> {
    let built = build::build(bytes, cx.module, cx.contract, index)?;
    checked_if_debug("build", &built.func, cx.module)?;
    let mut stages = vec![stage("build", (built.func, built.witness).into())];
    for pass in NEEDED {
        let form = (pass.run)(&stages.last().expect("invariant: the builder made one").func, cx);
        let form = form.expect("invariant: needed passes always make a form");
        checked_if_debug(pass.name, &form.func, cx.module)?;
        stages.push(stage(pass.name, form));
    }
    checked_last(&stages, cx.module)?;
    Ok(stages)
}

/// The forms that the optimizer's passes make, from the last of the forms before.
fn optimize(before: &[Stage], options: &Options, cx: &Cx<'_>, index: u32) -> Result<Vec<Stage>, CompileError> {
    let mut stages: Vec<Stage> = Vec::new();
    for pass in OPTIMIZER.iter().filter(|pass| options.not_run(pass, index).is_none()) {
        let last = stages.last().or(before.last()).expect("invariant: the builder made one");
        if let Some(form) = (pass.run)(&last.func, cx) {
            checked_if_debug(pass.name, &form.func, cx.module)?;
            stages.push(stage(pass.name, form));
        }
    }
    checked_last(&stages, cx.module)?;
    Ok(stages)
}

/// Cleaning again, if anything has changed since the first time.
fn clean(func: &Func, cx: &Cx<'_>) -> Option<Form> {
    let unchanged = cx.form(func.index).is_some_and(|(_, before)| before == func);
    (!unchanged).then(|| simplify::simplify(func).into())
}

pub(crate) fn stage(name: &str, form: Form) -> Stage {
    let Form { func, witness, inlined, ignoring } = form;
    Stage { name: name.to_string(), func, witness, inlined, ignoring }
}

/// Refuses the last form if it is not well formed: before inlining takes it and before code is emitted.
fn checked_last(stages: &[Stage], module: &Module) -> Result<(), CompileError> {
    stages.last().map_or(Ok(()), |stage| checked(&stage.name, &stage.func, module))
}

/// Forms between are looked at in development builds.
fn checked_if_debug(pass: &str, func: &Func, module: &Module) -> Result<(), CompileError> {
    if cfg!(debug_assertions) { checked(pass, func, module) } else { Ok(()) }
}

/// Refuses IR that is not well formed, naming the pass that made it.
pub(crate) fn checked(pass: &str, func: &Func, module: &Module) -> Result<(), CompileError> {
    match verify::verify(func, Some(module)).into_iter().next() {
        None => Ok(()),
        Some(fault) => Err(CompileError::Internal {
            function: Some(func.index),
            message: format!("after {pass}, block {}: {}", fault.block.0, fault.message),
        }),
    }
}

/// The contract that the options make for a module.
pub(crate) fn contract(module: &Module, options: &Options) -> Result<Contract, CompileError> {
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
    let (import_prefix, export_symbols) = (options.import_prefix.clone(), options.export_symbols.clone());
    let bounds = if faults::on("contract-bounds") { Bounds::None } else { options.bounds };
    let dsp = options.core.has_dsp();
    Ok(Contract { import_prefix, export_symbols, dsp, ..Contract::new(bounds, memory, capacity_bytes) })
}

/// Whether linear memory always has the size that it starts with.
pub(crate) fn memory_is_constant(module: &Module, contract: &Contract) -> bool {
    let Some(memory) = &module.memory else { return true };
    let full = memory.min_pages * u64::from(PAGE_BYTES) == u64::from(contract.capacity_bytes);
    full || !module.resizes()
}

/// What the back end needs to know of a module.
///
/// # Errors
/// `Unsupported` for types that are not all integers.
pub fn module_info(module: &Module, contract: &Contract) -> Result<ModuleInfo, CompileError> {
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
        memory_is_constant: memory_is_constant(module, contract),
    })
}
