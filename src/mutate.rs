//! Mutants of emitted objects: the validator's examination. Every mutant gets the validator's verdict, with the claim of the right
//! object, and is executed beside the module. A mutant that is `Proved` and does something else is a defect of the validator.
//!
//! Execution ([`execute`]) shares the meaning of instructions with the validator and nothing else: it runs whole functions with all
//! that they call, on inputs of its own. It says nothing about what a linker makes of a file; `tests/object_fields.rs` does.
//!
//! Requirement TOR-SENSE-MUTANTS: A changed object that is proved shall do what the module does in every execution that is tried.

pub mod execute;
pub mod fields;
pub mod inputs;
pub mod instructions;
pub mod layout;

use crate::pipeline::{Options, compile};
use execute::{Compared, Examiner};
use inputs::Random;
use layout::Layout;
use rayon::prelude::*;
use serde::Serialize;
use synth_validator::arm::decode::{Code, decode};
use synth_validator::arm::object::ObjectFile;
use synth_validator::ladder::Limits;
use synth_validator::prove_all::{STACK_BYTES, with_deep_stack};
use synth_validator::validate::{Session, Verdict};
use synth_validator::wasm::code::{Body, body};

/// Limits of a mutant's proof: it ends sooner than that of a right object, in `Unknown`.
pub const LIMITS: Limits = Limits { smt_steps: 100_000, full_steps: 100_000, region_steps: 20_000, queries: 60 };

/// What was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// One bit of a function.
    Bit,
    /// Two bits of a function.
    TwoBits,
    /// A register of an instruction.
    Register,
    /// Two operands of an instruction, exchanged.
    Operands,
    /// An immediate of an instruction.
    Immediate,
    /// A condition of a branch or of an IT block.
    Condition,
    /// Whether an instruction writes flags.
    Flags,
    /// What an instruction does.
    Operation,
    /// Where a branch leads.
    Target,
    /// A register list, or an operand of an instruction that uses sp.
    Stack,
    /// An instruction that became a nop.
    Deleted,
    /// An instruction done twice, in place of a later one.
    Duplicated,
    /// Two instructions that follow each other, exchanged.
    Exchanged,
    /// A word of a literal pool.
    Literal,
    /// An entry of a branch table.
    TableEntry,
    /// The symbol of a relocation.
    RelocationSymbol,
    /// The type of a relocation.
    RelocationType,
    /// The place of a relocation.
    RelocationPlace,
    /// The addend of a relocation.
    Addend,
    /// A byte of initial data, a global, a table.
    Data,
    /// A symbol's value, size, type, binding, section or name.
    Symbol,
    /// A mapping symbol.
    Mapping,
    /// A field of a section's header.
    Section,
    /// A byte of the build attributes.
    Attributes,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 24] = [
        Kind::Bit,
        Kind::TwoBits,
        Kind::Register,
        Kind::Operands,
        Kind::Immediate,
        Kind::Condition,
        Kind::Flags,
        Kind::Operation,
        Kind::Target,
        Kind::Stack,
        Kind::Deleted,
        Kind::Duplicated,
        Kind::Exchanged,
        Kind::Literal,
        Kind::TableEntry,
        Kind::RelocationSymbol,
        Kind::RelocationType,
        Kind::RelocationPlace,
        Kind::Addend,
        Kind::Data,
        Kind::Symbol,
        Kind::Mapping,
        Kind::Section,
        Kind::Attributes,
    ];
    /// What it says in tables.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Bit => "one bit of code",
            Kind::TwoBits => "two bits of code",
            Kind::Register => "register",
            Kind::Operands => "operands exchanged",
            Kind::Immediate => "immediate",
            Kind::Condition => "condition",
            Kind::Flags => "flag setting",
            Kind::Operation => "operation",
            Kind::Target => "branch target",
            Kind::Stack => "register list, sp operand",
            Kind::Deleted => "instruction deleted",
            Kind::Duplicated => "instruction duplicated",
            Kind::Exchanged => "instructions exchanged",
            Kind::Literal => "literal",
            Kind::TableEntry => "branch table entry",
            Kind::RelocationSymbol => "relocation: symbol",
            Kind::RelocationType => "relocation: type",
            Kind::RelocationPlace => "relocation: place",
            Kind::Addend => "relocation: addend",
            Kind::Data => "initial data",
            Kind::Symbol => "symbol",
            Kind::Mapping => "mapping symbol",
            Kind::Section => "section header",
            Kind::Attributes => "build attributes",
        }
    }
}

/// A changed object.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// What was changed.
    pub kind: Kind,
    /// Where and how, in words.
    pub what: String,
    /// The file.
    pub object: Vec<u8>,
}

/// What execution beside the module showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Execution {
    /// A run differs, in this.
    Differs(String),
    /// All runs agree.
    Agrees {
        /// How many.
        inputs: u32,
        /// In how many the changed instructions were executed.
        reached: u32,
    },
    /// The mutant reads as the right object does, so there is nothing to run.
    Same,
    /// It could not be run, for this reason.
    NotRun(String),
}

/// What became of a mutant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// What was changed.
    pub kind: Kind,
    /// Where and how.
    pub what: String,
    /// The verdict's name; `refused` if the object was not read.
    pub verdict: &'static str,
    /// What is said beside it.
    pub detail: String,
    /// The independent runs.
    pub execution: Execution,
}

impl Outcome {
    /// Whether the validator is wrong: proved, and a run differs.
    pub fn is_unsound(&self) -> bool {
        self.verdict == "Proved" && matches!(self.execution, Execution::Differs(_))
    }
}

/// Why a module has no mutants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MutateError {
    /// It is not compiled or read.
    Input(String),
    /// The right object is not proved, so that a mutant's verdict would say nothing.
    NotProved(String),
}

/// Compiles a module and examines mutants of its object.
///
/// # Errors
/// Why it has none.
pub fn of_module(module: &[u8], options: &Options, request: &Request) -> Result<Vec<Outcome>, MutateError> {
    let compiled = compile(module, options).map_err(|e| MutateError::Input(e.to_string()))?;
    of_object(module, &compiled.object, request)
}

/// How many mutants, which, and on how many threads.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// How many.
    pub count: u32,
    /// Seed of the changes and of the inputs.
    pub seed: u64,
    /// Threads; results do not depend on it.
    pub threads: usize,
    /// Inputs for mutants that are not refuted.
    pub inputs: u32,
}

/// Examines mutants of a module's object.
///
/// # Errors
/// Why it has none.
pub fn of_object(module: &[u8], object: &[u8], request: &Request) -> Result<Vec<Outcome>, MutateError> {
    with_deep_stack(|| {
        let session =
            Session::new(module, object, None, Limits::default()).map_err(|e| MutateError::Input(e.to_string()))?;
        let pool = rayon::ThreadPoolBuilder::new().num_threads(request.threads).stack_size(STACK_BYTES).build();
        let pool = pool.map_err(|e| MutateError::Input(e.to_string()))?;
        pool.install(|| {
            prove_right(&session)?;
            let session = Session::new(module, object, None, LIMITS).map_err(|e| MutateError::Input(e.to_string()))?;
            let bodies = bodies(&session, module);
            let codes = codes(session.object());
            let layout = Layout::new(object, &session, &codes).map_err(MutateError::Input)?;
            let examiner = Examiner::new(&session, module, &bodies, &codes, *request);
            let one = |number: u32| {
                let mut random = Random::new(request.seed, u64::from(number));
                layout.mutant(&mut random).map(|mutant| examine(&session, &examiner, &layout, mutant))
            };
            Ok((0..request.count).into_par_iter().filter_map(one).collect())
        })
    })
}

fn prove_right(session: &Session<'_>) -> Result<(), MutateError> {
    let image = session.image();
    if image != Verdict::Proved {
        return Err(MutateError::NotProved(format!("image: {}", image.detail())));
    }
    let failed = session.functions().into_par_iter().find_map_first(|f| {
        let report = session.function(f);
        (report.verdict != Verdict::Proved).then(|| format!("{}: {}", report.name, report.verdict.name()))
    });
    failed.map_or(Ok(()), |text| Err(MutateError::NotProved(text)))
}

fn bodies(session: &Session<'_>, module: &[u8]) -> Vec<Option<Body>> {
    let declared = session.module();
    (0..declared.functions.len() as u32)
        .map(|f| declared.functions[f as usize].import.is_none().then(|| body(declared, module, f).ok()).flatten())
        .collect()
}

fn codes(object: &ObjectFile) -> Vec<Option<Code>> {
    let count = object.functions.keys().max().map_or(0, |f| *f as usize + 1);
    (0..count as u32).map(|f| object.functions.get(&f).and_then(|b| decode(b).ok())).collect()
}

/// The verdict on a mutant, and its runs.
fn examine(session: &Session<'_>, examiner: &Examiner<'_>, layout: &Layout<'_>, mutant: Mutant) -> Outcome {
    let Mutant { kind, what, object } = mutant;
    let outcome = |verdict, detail: &str, execution| Outcome {
        kind,
        what: what.clone(),
        verdict,
        detail: detail.lines().next().unwrap_or_default().to_string(),
        execution,
    };
    if object == layout.object {
        return outcome("Proved", "", Execution::Same);
    }
    let changed = match session.with_object(&object) {
        Ok(changed) => changed,
        Err(e) => return outcome("refused", &e.to_string(), Execution::NotRun("not read".to_string())),
    };
    let (old, new) = (session.object(), changed.object());
    let is_new = |f: &u32| old.functions.get(f) != new.functions.get(f);
    let functions: Vec<u32> = changed.functions().into_iter().filter(is_new).collect();
    let image_is_new = old.data != new.data
        || old.exports != new.exports
        || old.extras != new.extras
        || old.places != new.places
        || functions.iter().any(|f| !new.functions.contains_key(f));
    if functions.is_empty() && !image_is_new {
        return outcome("Proved", "", Execution::Same);
    }
    let verdict = verdict(&changed, &functions, image_is_new);
    let thorough = verdict.name() != "Refuted";
    let execution = match examiner.compare(&changed, &functions, image_is_new, thorough) {
        Compared::Differs(text) => Execution::Differs(text),
        Compared::Agrees { inputs, reached } => Execution::Agrees { inputs, reached },
        Compared::NotRun(text) => Execution::NotRun(text),
    };
    outcome(verdict.name(), verdict.detail(), execution)
}

/// The verdict on what a mutant changes; a panic is a defect and not a proof.
fn verdict(changed: &Session<'_>, functions: &[u32], image_is_new: bool) -> Verdict {
    let prove = || {
        let image = if image_is_new { changed.image() } else { Verdict::Proved };
        let verdicts = functions.iter().map(|f| changed.function(*f).verdict);
        std::iter::once(image).chain(verdicts).find(|v| *v != Verdict::Proved).unwrap_or(Verdict::Proved)
    };
    let prove = std::panic::AssertUnwindSafe(prove);
    std::panic::catch_unwind(prove).unwrap_or_else(|_| Verdict::Unknown("the validator panicked".to_string()))
}
