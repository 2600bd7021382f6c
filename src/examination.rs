//! The validator examined: is what is wrong refuted, and what is right proved?
//!
//! `matrix` switches the faults of `crate::faults` on, one after the other, over the programs of the corpus; `miscompiles` has the
//! known miscompiles of `corpus/miscompiles`, each a right program beside a wrong artefact, and `listing` the machine code in some of
//! these. All of them let programs run as well as prove them: vectors in the interpreters of WebAssembly and of Arm.
//!
//! Requirement TOR-SENSE-MISCOMPILES: Every wrong artefact of the known miscompiles shall be caught, and every right program beside it
//! proved.

pub mod listing;
pub mod matrix;
pub mod miscompiles;

use crate::pipeline::{Compiled, Options};
use crate::simulator::interpreter::{run_module, run_object};
use crate::simulator::observation::Run;
use crate::simulator::vectors::Script;
use synth_validator::claim::Claim;
use synth_validator::contract::Contract;
use synth_validator::ladder::Limits;
use synth_validator::validate::{Session, Verdict};

/// Steps that the calls of a program may make: wrong code may run forever.
const FUEL: u64 = 20_000_000;

/// A program with calls to make.
pub struct Program {
    /// Its name.
    pub name: String,
    /// The module.
    pub wasm: Vec<u8>,
    /// The calls.
    pub script: Script,
    /// How it is compiled.
    pub options: Options,
}

impl Program {
    /// Runs the calls on the module.
    ///
    /// # Errors
    /// A module that cannot be read, a script that does not fit it.
    pub fn run_module(&self, contract: &Contract) -> Result<Run, String> {
        run_module(&self.wasm, contract, &self.script, FUEL).map_err(|e| format!("{}: {e}", self.name))
    }

    /// Runs the calls on an object.
    ///
    /// # Errors
    /// As [`Program::run_module`].
    pub fn run_object(&self, object: &[u8], contract: &Contract) -> Result<Run, String> {
        run_object(object, &self.wasm, contract, &self.script, FUEL).map_err(|e| format!("{}: {e}", self.name))
    }
}

/// Where runs differ first, in words: an expectation that fails in the second one, a call, or the globals at the end.
pub fn difference(module: &Run, object: &Run) -> Option<String> {
    let calls = module.observations.iter().zip(&object.observations).find(|(a, b)| a != b);
    if let Some((a, b)) = calls {
        return Some(format!("call {}: {a}, not {b}", a.call));
    }
    if let Some(failure) = object.failures.iter().find(|f| !module.failures.contains(f)) {
        return Some(failure.clone());
    }
    (module != object).then(|| format!("globals at the end: {:x?}, not {:x?}", module.cells, object.cells))
}

/// What the validator says of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// Everything is proved.
    Proved,
    /// An execution differs, or the initial image does: where, and how.
    Refuted(String),
    /// Not proved, for this reason.
    NotProved(String),
}

/// Proves those functions of an object for which `wanted` holds, and its image, with the object's own claim if none is given. A refutation
/// counts more than other failures.
pub fn verdict(wasm: &[u8], object: &[u8], claim: Option<&Claim>, wanted: impl Fn(u32) -> bool) -> Said {
    let session = match Session::new(wasm, object, claim.cloned(), Limits::default()) {
        Ok(session) => session,
        Err(e) => return Said::NotProved(e.to_string()),
    };
    let first_line = |text: &str| text.lines().next().unwrap_or_default().to_string();
    let mut said = match session.image() {
        Verdict::Proved => Said::Proved,
        Verdict::Refuted(what) => return Said::Refuted(format!("image: {}", first_line(&what))),
        other => Said::NotProved(format!("image: {}", first_line(other.detail()))),
    };
    for index in session.functions().into_iter().filter(|f| wanted(*f)) {
        let report = session.function(index);
        let text = |what: &str| format!("{}: {}", report.name, first_line(what));
        match (&report.verdict, &report.counterexample) {
            (Verdict::Proved, _) => {}
            (Verdict::Refuted(_), Some(found)) => return Said::Refuted(text(&found.what)),
            (other, _) if said == Said::Proved => {
                said = Said::NotProved(text(&format!("{}: {}", other.name(), other.detail())));
            }
            _ => {}
        }
    }
    said
}

/// The functions whose code or claim is not that of another compilation.
pub fn changed(before: &Compiled, after: &Compiled) -> Vec<u32> {
    let claims = after.claim.functions.iter().filter(|f| !before.claim.functions.contains(f)).map(|f| f.index);
    let same = |f: &crate::compile::CompiledFunction| {
        let other = before.functions.iter().find(|b| b.index == f.index);
        other.is_some_and(|b| b.code == f.code && b.relocations == f.relocations)
    };
    let code = after.functions.iter().filter(|f| !same(f)).map(|f| f.index);
    claims.chain(code).collect()
}
