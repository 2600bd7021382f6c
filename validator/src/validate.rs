//! Proves an object against its module: the initial image, and every function through its links.

mod chain;
pub mod module;

use crate::arm;
use crate::arm::decode::{Helper, Target};
use crate::arm::object::ObjectFile;
use crate::claim::Claim;
use crate::contract::{Bounds, Contract, Native, quoted};
use crate::ladder::Limits;
use crate::refinement::{Closed, Effort, Place};
use crate::refute::report::Difference;
use crate::refute::{Recording, Start};
use crate::wasm;
use crate::wasm::module::{ExportKind, Module};
use crate::wasm::reader::ReadError;
use chain::Chain;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// A verdict. Only `Proved` is success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    // Requirement TOR-VERDICT-PROVED: A function shall be `Proved` only if every link of its chain, from the bytes of the module to
    // those of the object, is proved.
    /// Holds in every state that the assumptions allow.
    Proved,
    // Requirement TOR-VERDICT-REFUTED: A function shall be `Refuted` only with a state from which module and code were executed and
    // seen to differ.
    /// An execution on both sides differs.
    Refuted(String),
    // Requirement TOR-VERDICT-UNKNOWN: What could be neither proved nor refuted shall be `Unknown` with its reason, which is not
    // success.
    /// Not proved, for this reason.
    Unknown(String),
    // Requirement TOR-VERDICT-UNSUPPORTED: An operator, instruction, byte or construction without a modelled meaning shall give
    // `Unsupported` with its name, never no effect.
    /// Something has no modelled meaning.
    Unsupported(String),
    // Requirement TOR-VERDICT-VACUOUS: Assumptions that contradict each other, and a proof in which no obligation arose, shall give
    // `Vacuous`, which is not success.
    /// The assumptions cannot be satisfied, or nothing was to be shown.
    Vacuous(String),
}

impl Verdict {
    /// The verdict's name.
    pub fn name(&self) -> &'static str {
        match self {
            Verdict::Proved => "Proved",
            Verdict::Refuted(_) => "Refuted",
            Verdict::Unknown(_) => "Unknown",
            Verdict::Unsupported(_) => "Unsupported",
            Verdict::Vacuous(_) => "Vacuous",
        }
    }
    /// What is said beside the name.
    pub fn detail(&self) -> &str {
        match self {
            Verdict::Proved => "",
            Verdict::Refuted(d) | Verdict::Unknown(d) | Verdict::Unsupported(d) | Verdict::Vacuous(d) => d,
        }
    }
}

/// The verdict on one link of a function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkReport {
    /// Pass that made the right side; `machine` for the final link.
    pub name: String,
    /// The verdict.
    pub verdict: Verdict,
    /// What the proof took.
    pub effort: Effort,
    /// Where it stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// The verdict on a function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionReport {
    /// Function index (imports first).
    pub index: u32,
    /// Name for people.
    pub name: String,
    /// The verdict: `Proved` if all links are.
    pub verdict: Verdict,
    /// The links in order.
    pub links: Vec<LinkReport>,
    /// Assumptions on which it rests, by name.
    pub assumptions: Vec<String>,
    /// Entry states from which module and code were run, and agreed, before the proof.
    pub agreed_runs: u32,
    /// The executed difference, if there is one.
    pub counterexample: Option<Box<Difference>>,
}

impl FunctionReport {
    /// The effort of all links.
    pub fn effort(&self) -> Effort {
        let mut total = Effort::default();
        self.links.iter().for_each(|l| total.add(&l.effort));
        total
    }
}

/// What the detail of a verdict begins with if a limit was reached.
pub const LIMIT_REACHED: &str = "limit reached";
/// Name of the final link.
const MACHINE: &str = "machine";

/// Why nothing can be validated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputError {
    /// The module.
    Module {
        /// Byte offset.
        offset: usize,
        /// What is wrong.
        message: String,
    },
    /// The object.
    Object(String),
    /// The claim.
    Claim(String),
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InputError::Module { offset, message } => {
                write!(f, "the module is refused at offset {offset:#x}: {message}")
            }
            InputError::Object(m) => write!(f, "the object is refused: {m}"),
            InputError::Claim(m) => write!(f, "the claim is refused: {m}"),
        }
    }
}

impl std::error::Error for InputError {}

/// A module, an object and a claim, ready to be proved function by function, from any thread.
pub struct Session<'a> {
    chain: Arc<Chain<'a>>,
    object: ObjectFile,
    /// Whether reports have the links of functions that executions refute.
    explains: bool,
}

/// Reads an object, or the one in a linked image.
fn read_object(bytes: &[u8], module: &Module, claim: &Claim) -> Result<ObjectFile, InputError> {
    let object = match arm::linked::is_linked(bytes) {
        true => arm::object::read_linked(bytes, module, &claim.linkage),
        false => arm::object::read(bytes, module),
    };
    object.map_err(|e| InputError::Object(e.to_string()))
}

impl<'a> Session<'a> {
    /// Reads module and object, or a linked image that has the object in it. The claim is taken from the object if none is given.
    ///
    /// # Errors
    /// What cannot be read, or a contract that does not fit the module.
    pub fn new(bytes: &'a [u8], object: &[u8], claim: Option<Claim>, limits: Limits) -> Result<Self, InputError> {
        let refused = |e: ReadError| InputError::Module { offset: e.offset, message: e.message };
        let mut module = wasm::reader::read(bytes).map_err(refused)?;
        let claim = match claim {
            Some(claim) => claim,
            None => arm::linked::claim(object, bytes).map_err(InputError::Claim)?,
        };
        module.put_under(&claim.contract, bytes).map_err(refused)?;
        let object = read_object(object, &module, &claim)?;
        Ok(Session { chain: Arc::new(Chain::new(bytes, module, claim, limits)?), object, explains: true })
    }
    /// The same module and claim with another object. Links between IR forms, which no object has a part in, are proved once for all
    /// such sessions. Reports leave out the links of functions that executions refute.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn with_object(&self, object: &[u8]) -> Result<Self, InputError> {
        let object = read_object(object, self.module(), self.claim())?;
        Ok(Session { chain: self.chain.clone(), object, explains: false })
    }

    /// The module's declarations.
    pub fn module(&self) -> &Module {
        &self.chain.module
    }
    /// The contract.
    pub fn contract(&self) -> &Contract {
        &self.chain.claim.contract
    }
    /// The claim.
    pub fn claim(&self) -> &Claim {
        &self.chain.claim
    }
    /// The object.
    pub fn object(&self) -> &ObjectFile {
        &self.object
    }
    // Requirement TOR-VERDICT-MISSING: A function that an object has to define and does not define shall not be proved.
    /// The functions to be proved: all that the object defines, and all that it must define because others than the module's
    /// functions may call them. What the module's functions still call is there too, or the object would not have been read.
    /// Of a linked image the functions that are in it.
    pub fn functions(&self) -> Vec<u32> {
        let module = &self.chain.module;
        if self.object.is_linked {
            return self.object.functions.keys().copied().collect();
        }
        let entries = module.elements.iter().flat_map(|e| &e.funcs).flatten().copied();
        let roots: BTreeSet<u32> = self.exported().chain(entries).chain(module.start).collect();
        self.defined().filter(|f| roots.contains(f) || self.object.functions.contains_key(f)).collect()
    }
    /// Functions of which nothing is said because the file does not have them, with their names: exports, and those of whose code the
    /// claim says something. A linker leaves out what nothing needs.
    pub fn left_out(&self) -> BTreeMap<u32, String> {
        let claimed = self.claim().functions.iter().filter(|f| !f.witness.cuts.is_empty()).map(|f| f.index);
        let (compiled, there) = (self.exported().chain(claimed).collect::<BTreeSet<u32>>(), self.functions());
        let missing = self.defined().filter(|f| compiled.contains(f) && !there.contains(f));
        missing.map(|f| (f, self.module().display_name(f))).collect()
    }
    fn exported(&self) -> impl Iterator<Item = u32> {
        self.module().exports.iter().filter(|e| e.kind == ExportKind::Function).map(|e| e.index)
    }
    fn defined(&self) -> std::ops::Range<u32> {
        self.module().imported_functions()..self.module().functions.len() as u32
    }

    /// The verdict on the initial image, the exports, and the start-up function.
    pub fn image(&self) -> Verdict {
        let faults = arm::image::check_image(&self.chain.module, self.chain.bytes, &self.object, self.contract());
        match faults.first() {
            None => Verdict::Proved,
            Some(fault) => {
                let more = faults.len() - 1;
                let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
                Verdict::Refuted(format!("{}: {}{more}", fault.what, fault.detail))
            }
        }
    }

    /// Proves one function.
    pub fn function(&self, index: u32) -> FunctionReport {
        let mut report = self.chain.report(index, self.assumptions());
        if let Err(verdict) = self.prove(index, &mut report) {
            report.verdict = verdict;
        }
        report
    }

    // Requirement TOR-ASSUME-NAMED: Every verdict shall name the assumptions that it rests on, all of them and no others.
    // Requirement TOR-ASSUME-CORE: That the core executes as DDI 0403E says shall be named `A-CORE` in every verdict on code.
    // Requirement TOR-ASSUME-STACK: That there is enough stack shall be named `A-STACK` in every verdict on code.
    // Requirement TOR-ASSUME-FRAME: That memory below sp is not aliased by linear memory shall be named `A-FRAME` in every verdict
    // on code.
    // Requirement TOR-ASSUME-HOST: That nobody else writes linear memory or globals during a call shall be named `A-HOST` in every
    // verdict on code.
    // Requirement TOR-ASSUME-LOAD: That the image was loaded as its file says shall be named `A-LOAD` in every verdict on a linked
    // image, and in no other.
    // Requirement TOR-ASSUME-AAPCS: That imports and table entries obey the AAPCS shall be named `A-AAPCS` where the module has
    // imported functions or tables, and only there.
    // Requirement TOR-ASSUME-NATIVE: The host addresses on which a verdict rests shall be named in `A-NATIVE`, each of them.
    // Requirement TOR-ASSUME-RELOCATED: That the linker's sections name every number that is an address in linear memory shall be named
    // `A-RELOCATED` where linear memory is a part of the host's, and only there.
    // Requirement TOR-ASSUME-BOUNDS: That accesses are in range shall be named `A-BOUNDS` under every bounds mode but `software`,
    // and only there.
    // Requirement TOR-ASSUME-PREFIX: What the symbols of imports begin with, if it is anything, shall be named in `A-PREFIX`.
    // Requirement TOR-ASSUME-RT: Each helper of the run-time library that a function, or the start-up function before it, calls shall
    // be named in its `A-RT`.
    fn assumptions(&self) -> Vec<String> {
        let module = &self.chain.module;
        let mut names: Vec<String> = ["A-CORE", "A-STACK", "A-FRAME", "A-HOST"].map(String::from).to_vec();
        if self.object.is_linked {
            names.push("A-LOAD".to_string());
        }
        if module.imported_functions() > 0 || !module.tables.is_empty() {
            names.push("A-AAPCS".to_string());
        }
        let prefix = &self.contract().import_prefix;
        let has_symbols = module.imported_functions() > 0 || module.globals.iter().any(|g| g.import.is_some());
        if !prefix.is_empty() && has_symbols {
            names.push(format!("A-PREFIX({prefix})"));
        }
        if module.has_host_accesses() || !self.contract().native.is_empty() {
            let words = self.contract().native.iter().map(|n| match *n {
                Native::Param(func, n) => format!("{}:{n}", module.border_name(func)),
                Native::Result(func, 0) => format!("{}:result", module.border_name(func)),
                Native::Result(func, n) => format!("{}:result {n}", module.border_name(func)),
                Native::Everything => "everything".to_string(),
            });
            let symbols = module.globals.iter().filter(|g| !g.mutable).filter_map(|g| g.import.as_ref());
            let words: Vec<String> =
                words.chain(symbols.map(|i| format!("&{}", quoted(&module.import_symbol(i))))).collect();
            names.push(format!("A-NATIVE({})", words.join(", ")));
        }
        if module.relocations.in_host {
            names.push("A-RELOCATED".to_string());
        }
        if self.contract().bounds != Bounds::Software {
            names.push("A-BOUNDS".to_string());
        }
        names.sort_unstable();
        names
    }

    fn prove(&self, index: u32, report: &mut FunctionReport) -> Result<(), Verdict> {
        self.with_machine(index, |machine| {
            let started = self.object.init().map(|init| &init.code.relocations);
            let starts = |h| started.is_some_and(|all| all.values().any(|r| r.target == Target::Helper(h)));
            let calls = |h: &Helper| machine.helpers_used().contains(h) || starts(*h);
            let names: Vec<&str> = Helper::ALL.into_iter().filter(calls).map(|h| h.name()).collect();
            if !names.is_empty() {
                report.assumptions.push(format!("A-RT({})", names.join(", ")));
            }
            self.chain.prove(index, (machine, MACHINE), report, self.explains)
        })
    }

    /// Proves the links of a function once more and tells `observer` of every obligation that is closed, with the name of its
    /// link. Nothing is reported, and no verdict of this session depends on it.
    ///
    /// # Errors
    /// What stands in the way of the attempt; a link that is not proved is not among it.
    pub fn observe(&self, index: u32, observer: &mut dyn FnMut(&str, &Closed<'_>)) -> Result<(), Verdict> {
        self.with_machine(index, |machine| self.chain.observe(index, (machine, MACHINE), observer))
    }

    /// Runs a function of the module and its machine code from a start, for at most `fuel` steps each.
    ///
    /// # Errors
    /// Why they cannot be run.
    pub fn record(&self, index: u32, start: &Start, fuel: u64) -> Result<[Recording; 2], Verdict> {
        self.with_machine(index, |machine| self.chain.record(index, machine, start, fuel))
    }

    /// The meaning of a function's machine code.
    fn with_machine<T>(
        &self,
        index: u32,
        then: impl FnOnce(&arm::semantics::Function<'_>) -> Result<T, Verdict>,
    ) -> Result<T, Verdict> {
        let (_, claim) = self.chain.claimed(index)?;
        let Some(bytes) = self.object.functions.get(&index) else {
            return Err(Verdict::Refuted("the object does not define this function".to_string()));
        };
        self.chain.body(index)?;
        let code = arm::decode::decode(bytes).map_err(|e| Verdict::Unsupported(e.0))?;
        let types = claim.indirect_types.clone();
        let machine = arm::semantics::Function::new(&code, &self.chain.module, self.contract(), index, types);
        then(&machine.map_err(|e| Verdict::Unsupported(e.0))?)
    }
}
