//! Proves that one module refines another: the same declarations, and every function by its chain of links.
//!
//! Method. All sections but code and custom ones are equal byte for byte, so that both modules have the same functions, memory,
//! globals, tables and initial image. A function whose body is the same bytes means the same. A function that nothing in the new
//! module can call may have any body. Every other function is proved link by link: module, IR forms, and the new body as this crate
//! reads it from the new module's bytes. Calls are events of both sides, to functions of which the same is proved.
//!
//! Requirement TOR-ASSUME-CAPACITY: Between modules the assumptions shall be named `A-CAPACITY`, with the capacity, `A-HOST` and `A-STACK`.
//!
//! Proofs are about what the modules' operators mean to every engine. A module that means more to synth is refused ([`means_more`]).
//!
//! Requirement TOR-REFINE-MODULES: A module shall refine another only if all sections but code and custom ones are the same bytes and
//! every function is proved, has the same bytes or cannot be called.
//!
//! Requirement TOR-REFINE-WRONG: A body in the second module that does something else shall not be proved, whatever the witness says.

use super::chain::Chain;
use super::{FunctionReport, InputError, LinkReport, Verdict};
use crate::arm::linked::Linkage;
use crate::claim::{Claim, Round, Rounds};
use crate::contract::{Bounds, Contract, MemoryOwner, PAGE_BYTES};
use crate::ladder::Limits;
use crate::refinement::Effort;
use crate::refute::{Recording, Start};
use crate::wasm;
use crate::wasm::module::Module;
use crate::wasm::provenance;
use crate::wasm::semantics::Function as Wasm;
use std::collections::BTreeSet;
use wasmparser::{Parser, Payload};

/// Link of a function whose bytes are the same.
pub const IDENTICAL: &str = "identical";
/// Link of a function that nothing calls.
pub const UNCALLED: &str = "uncalled";
/// Link whose right side is the new module's body.
pub const WASM: &str = "wasm";

/// Two modules and a claim, ready to be proved function by function, from any thread.
pub struct ModuleSession<'a> {
    chain: Chain<'a>,
    after_bytes: &'a [u8],
    after: Module,
    callable: Vec<bool>,
}

fn unreadable(e: wasm::reader::ReadError) -> InputError {
    InputError::Module { offset: e.offset, message: e.message }
}

impl<'a> ModuleSession<'a> {
    /// Reads both modules.
    ///
    /// # Errors
    /// What cannot be read or means more to synth than its operators say, or a contract that does not fit or leaves accesses unchecked.
    pub fn new(before: &'a [u8], after: &'a [u8], claim: Claim, limits: Limits) -> Result<Self, InputError> {
        let module = wasm::reader::read(before).map_err(unreadable)?;
        let after_module = wasm::reader::read(after).map_err(unreadable)?;
        if let Some(message) = means_more(&module, before).or_else(|| means_more(&after_module, after)) {
            return Err(InputError::Module { offset: 0, message });
        }
        let capacity = capacity_bytes(&module, &after_module);
        if claim.contract.bounds != Bounds::Software || claim.contract.capacity_bytes != capacity {
            let what = "between modules every access is checked, and linear memory grows to its declared maximum";
            return Err(InputError::Claim(what.to_string()));
        }
        let callable = wasm::reach::callable(after).map_err(unreadable)?;
        let chain = Chain::new(before, module, claim, limits)?;
        Ok(ModuleSession { chain, after_bytes: after, after: after_module, callable })
    }

    /// What can be claimed without knowing how the second module was made: nothing of any function.
    ///
    /// # Errors
    /// A module that cannot be read.
    pub fn unaided(before: &[u8], after: &[u8]) -> Result<Rounds, String> {
        let module = wasm::reader::read(before).map_err(|e| e.to_string())?;
        let after_module = wasm::reader::read(after).map_err(|e| e.to_string())?;
        let contract = Contract::new(Bounds::Software, MemoryOwner::Own, capacity_bytes(&module, &after_module));
        let claim = Claim { contract, functions: Vec::new(), linkage: Linkage::default() };
        Ok(Rounds(vec![Round { module: after.to_vec(), claim }]))
    }

    /// The first module's declarations.
    pub fn module(&self) -> &Module {
        &self.chain.module
    }
    /// The contract.
    pub fn contract(&self) -> &Contract {
        &self.chain.claim.contract
    }
    /// The functions to be proved: all that the module defines.
    pub fn functions(&self) -> std::ops::Range<u32> {
        self.chain.module.imported_functions()..self.chain.module.functions.len() as u32
    }

    /// The verdict on what is not code.
    pub fn declarations(&self) -> Verdict {
        let (before, after) = match (sections(self.chain.bytes), sections(self.after_bytes)) {
            (Ok(before), Ok(after)) => (before, after),
            (Err(e), _) | (_, Err(e)) => return Verdict::Unknown(e),
        };
        let ids = |list: &[(u8, &[u8])]| list.iter().map(|s| s.0).collect::<Vec<u8>>();
        if ids(&before) != ids(&after) {
            return Verdict::Unknown(format!("sections {:?} and {:?}", ids(&before), ids(&after)));
        }
        match before.iter().zip(&after).find(|(a, b)| a != b) {
            // A segment that only one of them drops has a cell in that one only.
            None if self.chain.module.cells != self.after.cells => {
                Verdict::Unknown("only one of the modules drops a segment".to_string())
            }
            None => Verdict::Proved,
            Some((section, _)) => Verdict::Unknown(format!("section {} is not the same", section.0)),
        }
    }

    /// Proves one function.
    pub fn function(&self, index: u32) -> FunctionReport {
        let mut report = self.chain.report(index, assumptions(self.contract()));
        if let Err(verdict) = self.prove(index, &mut report) {
            report.verdict = verdict;
        }
        report
    }

    /// Runs both modules' functions from a start, for at most `fuel` steps each.
    ///
    /// # Errors
    /// Why they cannot be run.
    pub fn record(&self, index: u32, start: &Start, fuel: u64) -> Result<[Recording; 2], Verdict> {
        self.with_after(index, |after| self.chain.record(index, after, start, fuel))
    }

    /// The meaning of the second module's function.
    fn with_after<T>(&self, index: u32, work: impl FnOnce(&Wasm<'_>) -> Result<T, Verdict>) -> Result<T, Verdict> {
        let body = wasm::code::body(&self.after, self.after_bytes, index);
        let body = body.map_err(|e| Verdict::Unsupported(e.to_string()))?;
        work(&Wasm::new(&self.after, &body, self.contract()))
    }

    fn prove(&self, index: u32, report: &mut FunctionReport) -> Result<(), Verdict> {
        let declared = self.declarations();
        if declared != Verdict::Proved {
            return Err(declared);
        }
        let plain = |name: &str| {
            let (verdict, effort) = (Verdict::Proved, Effort::default());
            LinkReport { name: name.into(), verdict, effort, place: None }
        };
        let (old, new) =
            (&self.chain.module.functions[index as usize].body, &self.after.functions[index as usize].body);
        if self.chain.bytes[old.clone()] == self.after_bytes[new.clone()] {
            report.links.push(plain(IDENTICAL));
            return Ok(());
        }
        if !self.callable[index as usize] {
            report.links.push(plain(UNCALLED));
            return Ok(());
        }
        self.with_after(index, |after| self.chain.prove(index, (after, WASM), report, true))
    }
}

/// Bytes to which linear memory may grow: its declared maximum, at most 2 GiB, or its size if nothing changes that in either module.
fn capacity_bytes(before: &Module, after: &Module) -> u32 {
    let changes = before.resizes() || after.resizes();
    let memory = before.memories.first();
    let pages = memory.map_or(0, |m| if changes { m.max_pages.unwrap_or(u64::MAX) } else { m.min_pages });
    pages.min(1 << 15) as u32 * PAGE_BYTES
}

/// `A-CAPACITY`: linear memory does not grow past the contract's capacity, and growth below it does not fail.
fn assumptions(contract: &Contract) -> Vec<String> {
    vec![format!("A-CAPACITY({})", contract.capacity_bytes), "A-HOST".to_string(), "A-STACK".to_string()]
}

/// Why a module, read from these bytes, means something to synth that its operators do not say: a section names host addresses, or
/// numbers that are addresses in linear memory, or it accesses the host's memory through imported globals.
pub fn means_more(module: &Module, bytes: &[u8]) -> Option<String> {
    let says_more = |name: &str| matches!(name, "synth.abi" | "linking") || name.starts_with("reloc.");
    let named = Parser::new(0).parse_all(bytes).find_map(|payload| match payload {
        Ok(Payload::CustomSection(section)) if says_more(section.name()) => Some(section.name().to_string()),
        _ => None,
    });
    let what = match named {
        Some(name) if name != "synth.abi" => return Some(format!("a module for a linker (section {name})")),
        Some(name) => format!(", as its section {name} says"),
        None if provenance::host_accesses(module, bytes, &BTreeSet::new()) == Ok(BTreeSet::new()) => return None,
        None => String::new(),
    };
    Some(format!(
        "the module accesses the host's memory by address{what}, which is not what its text means to other engines"
    ))
}

/// Number and contents of each section that is neither code nor custom, in order.
fn sections(bytes: &[u8]) -> Result<Vec<(u8, &[u8])>, String> {
    let mut found = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(|e| e.message().to_string())?;
        let section = match &payload {
            Payload::CustomSection(_) | Payload::CodeSectionStart { .. } => None,
            _ => payload.as_section(),
        };
        if let Some((id, range)) = section {
            let range = range.start as usize..range.end as usize;
            found.push((id, bytes.get(range).ok_or("a section past the module's end")?));
        }
    }
    Ok(found)
}
