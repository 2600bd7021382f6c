//! Faults over programs: which of them the validator catches.

use super::{Program, Said, changed, difference, verdict};
use crate::faults::{ALL, Fault, Stage};
use crate::optimize::{self, optimize};
use crate::pipeline::{Compiled, OPTIMIZER, Options, compile};
use object::{Object, ObjectSection, ObjectSymbol, RelocationTarget};
use rayon::prelude::*;
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use synth_validator::contract::WITNESS_SECTION;

/// What came of a program that was compiled with a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The fault changes nothing there.
    NotReached,
    /// The validator refutes the object by an execution, or by what its image holds.
    Refuted(String),
    /// The validator does not prove the object.
    NotProved(String),
    /// The compiler's own checks stop it.
    Stopped(String),
    /// Something else was compiled, and it is right as well: it is proved, and all calls of the vectors agree.
    Harmless {
        /// How many calls.
        calls: usize,
    },
    /// The object is proved, and it does something else than the module: the validator is wrong.
    Unsound(String),
    /// The validator or an interpreter panics at it.
    Panic,
}

impl Found {
    /// Its letter in a table.
    pub fn letter(&self) -> char {
        match self {
            Found::NotReached => '.',
            Found::Refuted(_) => 'R',
            Found::NotProved(_) => 'n',
            Found::Stopped(_) => 's',
            Found::Harmless { .. } => 'h',
            Found::Unsound(_) => '!',
            Found::Panic => 'p',
        }
    }
    /// Whether the validator caught it.
    pub fn is_caught(&self) -> bool {
        matches!(self, Found::Refuted(_) | Found::NotProved(_))
    }
}

/// A program beside what is right of it.
pub struct Subject {
    program: Program,
    right: Compiled,
    contents: String,
}

impl Subject {
    /// Compiles a program without faults.
    ///
    /// # Errors
    /// Why it is not compiled.
    pub fn new(program: Program) -> Result<Subject, String> {
        let right = compile(&program.wasm, &program.options).map_err(|e| format!("{}: {e}", program.name))?;
        let contents = contents(&right.object)?;
        Ok(Subject { program, right, contents })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.program.name
    }

    /// Compiles it with a fault, or optimizes it if only that can go wrong, and asks the validator; if that proves it, lets it run.
    pub fn examine(&self, fault: &Fault) -> Found {
        let found = || match is_of_optimizer(fault) {
            true => self.optimized(fault.name).unwrap_or_else(Found::Stopped),
            false => self.compiled(fault.name),
        };
        catch_unwind(AssertUnwindSafe(found)).unwrap_or(Found::Panic)
    }

    fn optimized(&self, fault: &'static str) -> Result<Found, String> {
        let wasm = &self.program.wasm;
        let with = |fault| optimize(wasm, &optimize::Options { fault, threads: 1, ..optimize::Options::default() });
        let right = with(None).map_err(|e| e.to_string())?;
        let wrong =
            catch_unwind(AssertUnwindSafe(|| with(Some(fault)))).map_err(|_| "a check of the optimizer fails")?;
        let wrong = wrong.map_err(|e| e.to_string())?;
        if let Some(refusal) = wrong.refusals.iter().find(|r| !right.refusals.contains(r)) {
            let detail = refusal.detail.clone();
            return Ok(if refusal.counterexample.is_some() {
                Found::Refuted(detail)
            } else {
                Found::NotProved(detail)
            });
        }
        if wrong.module == right.module {
            return Ok(Found::NotReached);
        }
        let contract = &self.right.claim.contract;
        let (script, options) = (self.program.script.clone(), self.program.options.clone());
        let other = Program { name: self.program.name.clone(), wasm: wrong.module, script, options };
        let (module, other) = (self.program.run_module(contract)?, other.run_module(contract)?);
        Ok(match difference(&module, &other) {
            Some(difference) => Found::Unsound(difference),
            None => Found::Harmless { calls: module.observations.len() },
        })
    }

    fn compiled(&self, fault: &'static str) -> Found {
        let options = Options { fault: Some(fault), ..self.program.options.clone() };
        let wrong = match catch_unwind(AssertUnwindSafe(|| compile(&self.program.wasm, &options))) {
            Err(_) => return Found::Stopped("a check of the compiler fails".to_string()),
            Ok(Err(e)) => return Found::Stopped(e.to_string()),
            Ok(Ok(wrong)) => wrong,
        };
        if wrong.object == self.right.object {
            return Found::NotReached;
        }
        if wrong.claim.contract != self.right.claim.contract {
            return Found::NotProved("the contract is not the one that was asked for".to_string());
        }
        let changed = changed(&self.right, &wrong);
        // If all functions are what they were, it is the writing of the object that is at fault, and any of them may be wrong.
        match verdict(&self.program.wasm, &wrong.object, None, |f| changed.is_empty() || changed.contains(&f)) {
            Said::Refuted(what) => Found::Refuted(what),
            Said::NotProved(what) => Found::NotProved(what),
            Said::Proved => self.agrees(&wrong).unwrap_or_else(Found::Unsound),
        }
    }

    /// Whether a proved object does what the module does.
    fn agrees(&self, wrong: &Compiled) -> Result<Found, String> {
        if contents(&wrong.object)? == self.contents {
            return Ok(Found::Harmless { calls: 0 });
        }
        let contract = &wrong.claim.contract;
        let module = self.program.run_module(contract)?;
        let object = self.program.run_object(&wrong.object, contract)?;
        match difference(&module, &object) {
            Some(difference) => Err(difference),
            None => Ok(Found::Harmless { calls: module.observations.len() }),
        }
    }
}

/// Whether only `synth optimize` does what a fault does wrong.
fn is_of_optimizer(fault: &Fault) -> bool {
    let is_in = |pass: &str| fault.name.strip_prefix(pass).is_some_and(|rest| rest.starts_with('-'));
    fault.stage == Stage::Writer || fault.stage == Stage::Pass && !OPTIMIZER.iter().any(|p| is_in(p.name))
}

/// What an object puts into an image, as text: sections but the witness, symbols, relocations.
fn contents(bytes: &[u8]) -> Result<String, String> {
    let file = object::File::parse(bytes).map_err(|e| e.to_string())?;
    let mut text = String::new();
    for section in file.sections().filter(|s| s.name() != Ok(WITNESS_SECTION)) {
        let _ = write!(text, "{:?} {} {:x?}", section.name(), section.size(), section.data());
        for (at, relocation) in section.relocations() {
            let symbol = match relocation.target() {
                RelocationTarget::Symbol(symbol) => {
                    file.symbol_by_index(symbol).ok().map(|s| s.name().map(str::to_string))
                }
                _ => None,
            };
            let _ = write!(text, " {at}:{:?}:{symbol:?}", relocation.flags());
        }
    }
    for symbol in file.symbols() {
        let _ = write!(text, " {:?}={:?}+{}:{}", symbol.name(), symbol.section(), symbol.address(), symbol.size());
    }
    Ok(text)
}

/// What came of each fault in each program.
pub struct Matrix {
    /// Names of the programs, in order.
    pub programs: Vec<String>,
    /// The faults, each with what came of it by program.
    pub rows: Vec<(&'static Fault, Vec<Found>)>,
}

impl Matrix {
    /// Examines all faults for which `wanted` holds. `progress` is told of each fault that is done.
    pub fn new(subjects: &[Subject], wanted: impl Fn(&Fault) -> bool, progress: &(dyn Fn(&Fault) + Sync)) -> Matrix {
        let faults: Vec<&'static Fault> = ALL.iter().filter(|f| wanted(f)).collect();
        let row = |fault: &&'static Fault| {
            let found = subjects.par_iter().map(|s| s.examine(fault)).collect();
            progress(fault);
            (*fault, found)
        };
        Matrix {
            programs: subjects.iter().map(|s| s.name().to_string()).collect(),
            rows: faults.iter().map(row).collect(),
        }
    }

    /// Faults that nothing caught, and programs in which the validator proves what is wrong or panics.
    pub fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        for (fault, found) in &self.rows {
            if !found.iter().any(Found::is_caught) {
                failures.push(format!("{} is not caught in any program", fault.name));
            }
            for (program, found) in self.programs.iter().zip(found) {
                match found {
                    Found::Unsound(what) => {
                        failures.push(format!("{} in {program} is proved and wrong: {what}", fault.name));
                    }
                    Found::Panic => failures.push(format!("{} in {program} makes the validator panic", fault.name)),
                    _ => {}
                }
            }
        }
        failures
    }

    /// Cells of a kind.
    pub fn count(&self, kind: impl Fn(&Found) -> bool) -> usize {
        self.rows.iter().flat_map(|(_, found)| found).filter(|f| kind(f)).count()
    }
}
