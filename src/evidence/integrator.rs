//! What the integrator of an object has to see to, `assumptions.json`: the assumptions by name, and the facts about memory, imports,
//! exports and stack that they speak of.

use super::assumption::{Assumption, about, named};
use super::section::{Section, loaded};
use super::summary::{StackBound, Summary};
use crate::stack::FunctionStack;
use serde::Serialize;
use std::collections::BTreeMap;
use synth_validator::contract::{Bounds, MemoryOwner, PAGE_BYTES, SYM_INIT, SYM_MEMORY, SYM_MEMORY_BYTES};
use synth_validator::validate::Session;
use synth_validator::wasm::module::{ExportKind, ValType};

/// An assumption that verdicts of the package rest on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Used {
    /// What it says.
    #[serde(flatten)]
    pub assumption: Assumption,
    /// What it is about, for those that say so.
    pub about: String,
    /// Indices of the functions that rest on it; nothing if all do.
    pub functions: Option<Vec<u32>>,
}

/// An imported or exported function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Border {
    /// Module and field of an import; the name of an export.
    pub name: String,
    /// Its symbol.
    pub symbol: String,
    /// Types of parameters.
    pub params: Vec<&'static str>,
    /// Types of results.
    pub results: Vec<&'static str>,
    /// Stack of an export with all that it calls, functions in `outside` left out; nothing for imports, or if there is no bound.
    pub stack_bytes: Option<u64>,
    /// Functions outside that it calls, with the bytes in use then; an exported import calls the host's function.
    pub outside: BTreeMap<String, u64>,
}

/// Linear memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LinearMemory {
    /// Whether the module has one.
    pub exists: bool,
    /// Symbol of its first byte.
    pub base: &'static str,
    /// Symbol of the cell with its size.
    pub size_cell: &'static str,
    /// Who defines it: `object` or `host`.
    pub owner: &'static str,
    /// Bytes at the start.
    pub initial_bytes: u64,
    /// Bytes to which it may grow.
    pub capacity_bytes: u32,
    /// What happens on accesses outside: `software`, `mpu`, `mask` or `none`.
    pub bounds: &'static str,
}

/// A condition that is no assumption of a proof but of running the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// About what.
    pub about: &'static str,
    /// What holds.
    pub says: &'static str,
}

/// What holds for every object.
pub const CONDITIONS: [Condition; 7] = [
    Condition {
        about: "interrupts",
        says: "The code masks no interrupts and may be interrupted anywhere. Handlers keep registers and the stack as \
               exceptions do, and touch neither linear memory nor globals (A-HOST).",
    },
    Condition {
        about: "reentrance",
        says: "Linear memory, globals and result words are one set per object. Calls into the module may not overlap \
               from two threads, or from a handler and what it interrupts. Imports may write linear memory and \
               globals and may call exports: a proof takes both to be unknown after a call.",
    },
    Condition {
        about: "traps",
        says: "A trap executes udf #kind, a UsageFault (or HardFault). The handler may not return into the function.",
    },
    Condition {
        about: "memory protection",
        says: "Code is executed and read (literal pools, branch tables), never written. Linear memory, globals, \
               tables and result words are data. With --bounds mpu an access outside of linear memory must fault.",
    },
    Condition {
        about: "floating point",
        says: "The code uses no floating-point register and no floating-point instruction. Lazy state preservation is \
               left as it is.",
    },
    Condition {
        about: "self-modifying code",
        says: "There is none, and nobody may change the code while it is in use.",
    },
    Condition {
        about: "configuration and control register",
        says: "CCR.UNALIGN_TRP must be 0, for single loads and stores may be unaligned; CCR.DIV_0_TRP must be 0, for \
               the proofs take a division by zero to give 0 and not to fault.",
    },
];

/// The file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Integrator {
    /// [`super::SCHEMA`].
    pub schema: &'static str,
    /// `assumptions`.
    pub kind: &'static str,
    /// Assumptions of the proofs.
    pub assumptions: Vec<Used>,
    /// Names of assumptions that have no text, which is a defect of the tool.
    pub unknown: Vec<String>,
    /// Linear memory.
    pub memory: LinearMemory,
    /// Memory map: loaded sections.
    pub sections: Vec<Section>,
    /// What the host defines.
    pub imports: Vec<Border>,
    /// Imported globals: symbols whose address the host defines.
    pub host_data: Vec<String>,
    /// What the host may call.
    pub exports: Vec<Border>,
    /// The start-up function's symbol, if it has to be called before everything else.
    pub start_up: Option<String>,
    /// Its stack; nothing if there is none or it cannot be told.
    pub start_up_stack: Option<StackBound>,
    /// What holds for every object.
    pub conditions: &'static [Condition],
}

fn types(types: &[ValType]) -> Vec<&'static str> {
    use synth_validator::ir::Type;
    let name = |ty: &ValType| match ty {
        ValType::Int(Type::I32) => "i32",
        ValType::Int(_) => "i64",
        ValType::Float(Type::I32) => "f32",
        ValType::Float(_) => "f64",
        ValType::Other(name) => *name,
    };
    types.iter().map(name).collect()
}

fn assumptions(summary: &Summary) -> (Vec<Used>, Vec<String>) {
    let (mut used, mut unknown) = (Vec::new(), Vec::new());
    for name in &summary.totals.assumptions {
        let resting = summary.functions.iter().filter(|f| f.certified.assumptions.contains(name));
        let resting: Vec<u32> = resting.map(|f| f.certified.index).collect();
        let functions = (resting.len() < summary.functions.len()).then_some(resting);
        match named(name) {
            Some(assumption) => used.push(Used { assumption: *assumption, about: about(name).to_string(), functions }),
            None => unknown.push(name.clone()),
        }
    }
    (used, unknown)
}

/// Makes the file.
pub fn integrator(session: &Session<'_>, object: &[u8], summary: &Summary, stacks: &[FunctionStack]) -> Integrator {
    let (module, contract) = (session.module(), session.contract());
    let (assumptions, unknown) = assumptions(summary);
    let border = |name: String, symbol: String, index: u32, stack: Option<&FunctionStack>| {
        let ty = module.type_of(index);
        Border {
            name,
            symbol,
            params: types(&ty.params),
            results: types(&ty.results),
            stack_bytes: stack.and_then(|f| f.total.bytes),
            outside: stack.map_or_else(BTreeMap::new, |f| f.total.outside.clone()),
        }
    };
    let imported = module.functions.iter().enumerate();
    let imported = imported.filter_map(|(index, f)| Some((index as u32, f.import.as_ref()?)));
    let imports = imported
        .map(|(index, i)| border(format!("{}.{}", i.module, i.field), module.import_symbol(i), index, None))
        .collect();
    // What a linker left out nobody can call.
    let left_out = session.left_out();
    let is_callable = |index: u32| !left_out.contains_key(&index);
    let functions = module.exports.iter().filter(|e| e.kind == ExportKind::Function && is_callable(e.index));
    let exports = functions.map(|e| {
        let stack = stacks.iter().find(|f| f.exports.contains(&e.name));
        border(e.name.clone(), module.export_symbol(&e.name).into_owned(), e.index, stack)
    });
    let memory = module.memories.first();
    Integrator {
        schema: super::SCHEMA,
        kind: "assumptions",
        assumptions,
        unknown,
        memory: LinearMemory {
            exists: memory.is_some(),
            base: SYM_MEMORY,
            size_cell: SYM_MEMORY_BYTES,
            owner: match contract.memory {
                MemoryOwner::Own => "object",
                MemoryOwner::Extern => "host",
            },
            initial_bytes: memory.map_or(0, |m| m.min_pages * u64::from(PAGE_BYTES)),
            capacity_bytes: contract.capacity_bytes,
            bounds: match contract.bounds {
                Bounds::Software => "software",
                Bounds::Mpu => "mpu",
                Bounds::Mask => "mask",
                Bounds::None => "none",
            },
        },
        sections: loaded(object),
        imports,
        host_data: module.globals.iter().filter_map(|g| g.import.as_ref()).map(|i| module.import_symbol(i)).collect(),
        exports: exports.collect(),
        start_up: session.object().init().map(|_| SYM_INIT.to_string()),
        start_up_stack: stacks.iter().find(|f| f.extra.as_deref() == Some(SYM_INIT)).map(StackBound::from),
        conditions: &CONDITIONS,
    }
}
