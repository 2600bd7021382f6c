//! Which functions of the corpus use which lemma and which selection rule: code that a rule made, and proofs that cite a lemma.
//!
//! The programs are compiled as `synth compile` does without options, and the obligations of their proofs are made anew.

use crate::evidence::summary::cited;
use crate::pipeline::{self, Options};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use synth_validator::evidence::obligations;
use synth_validator::ladder::{Limits, Rung};
use synth_validator::prove_all::STACK_BYTES;
use synth_validator::validate::Session;

/// What is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Entry {
    /// A lemma.
    Lemma,
    /// A rule of instruction selection.
    Rule,
}

/// Functions by what they use; a function as `program function`.
#[derive(Clone, Debug, Default)]
pub struct Uses(BTreeMap<(Entry, String), BTreeSet<String>>);

impl Uses {
    /// The functions that use an entry.
    pub fn of(&self, entry: Entry, name: &str) -> Vec<&str> {
        let found = self.0.get(&(entry, name.to_string()));
        found.map_or(Vec::new(), |functions| functions.iter().map(String::as_str).collect())
    }
}

/// Compiles programs, given by name and module in binary form, and looks what they use. `step` is called after each.
///
/// # Errors
/// A program that is not compiled, or whose links cannot be attempted.
pub fn of_programs(programs: &[(String, Vec<u8>)], step: &(dyn Fn() + Sync)) -> Result<Uses, String> {
    let pool = rayon::ThreadPoolBuilder::new().stack_size(STACK_BYTES).build().expect("invariant: threads start");
    let used: Result<Vec<_>, String> =
        pool.install(|| programs.par_iter().map(of_program).inspect(|_| step()).collect());
    let mut uses = Uses::default();
    for (entry, name, function) in used?.into_iter().flatten() {
        uses.0.entry((entry, name)).or_default().insert(function);
    }
    Ok(uses)
}

fn of_program((program, module): &(String, Vec<u8>)) -> Result<Vec<(Entry, String, String)>, String> {
    let failed = |why: String| format!("the program {program} of the corpus: {why}");
    let compiled = pipeline::compile(module, &Options::default()).map_err(|e| failed(e.to_string()))?;
    let function = |index: u32| match (index as usize) < compiled.module.functions.len() {
        true => format!("{program} {}", compiled.module.display_name(index)),
        false => format!("{program} (start-up)"),
    };
    let mut used = Vec::new();
    for f in &compiled.functions {
        used.extend(f.rules.keys().map(|rule| (Entry::Rule, rule.to_string(), function(f.index))));
    }
    for claim in &compiled.claim.functions {
        used.extend(cited(claim).map(|lemma| (Entry::Lemma, lemma, function(claim.index))));
    }
    let session = Session::new(module, &compiled.object, None, Limits::default()).map_err(|e| failed(e.to_string()))?;
    for index in session.functions() {
        let found = obligations::of(&session, index, Rung::Egraph);
        let found = found.map_err(|v| failed(format!("{}: {}: {}", function(index), v.name(), v.detail())))?;
        let lemmas = found.into_iter().flat_map(|o| o.lemmas);
        used.extend(lemmas.map(|lemma| (Entry::Lemma, lemma, function(index))));
    }
    Ok(used)
}
