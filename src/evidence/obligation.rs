//! Exported obligations: what foreign solvers and people can check again, as files of a package.
//!
//! Exported are obligations that comparing nodes did not close: those of the rungs from `egraph` on. The links are proved once more for it.

use rayon::prelude::*;
use serde::Serialize;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use synth_validator::claim::Claim;
use synth_validator::evidence::obligations::{self, Obligation};
use synth_validator::ladder::{Limits, Rung};
use synth_validator::prove_all::STACK_BYTES;
use synth_validator::validate::{InputError, Session};

/// An obligation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// Function index (imports first).
    pub function: u32,
    /// Link in whose proof it arose.
    pub link: String,
    /// Number among the obligations of the function's links of that name, from 1.
    pub number: u32,
    /// The rung that closed it.
    pub rung: &'static str,
    /// What it says.
    pub says: String,
    /// Path of its SMT-LIB text in the package.
    pub smt2: String,
    /// Path of the e-graph's proof, if that closed it.
    pub egg: Option<String>,
    /// The lemmas that this proof cites, by name.
    pub lemmas: BTreeSet<String>,
    /// Whether certificates count it.
    #[serde(skip)]
    pub counts: bool,
    /// The files: path, text.
    #[serde(skip)]
    pub files: Vec<(String, String)>,
}

impl Exported {
    /// Its SMT-LIB text.
    pub fn text(&self) -> &str {
        let file = self.files.iter().find(|(path, _)| *path == self.smt2);
        &file.expect("invariant: its text is among its files").1
    }
}

fn exported_one(obligation: Obligation) -> Exported {
    let path = |end: &str| format!("obligations/{}.{end}", obligation.id());
    let smt2 = path("smt2");
    let egg = obligation.egg.as_ref().map(|_| path("egg.txt"));
    let mut files = vec![(smt2.clone(), obligation.smt2)];
    files.extend(egg.clone().zip(obligation.egg));
    Exported {
        function: obligation.function,
        link: obligation.link,
        number: obligation.number,
        rung: obligation.rung.name(),
        says: obligation.what,
        smt2,
        egg,
        lemmas: obligation.lemmas,
        counts: obligation.counts,
        files,
    }
}

/// The obligations of an object's proofs, in the order of functions and of the proofs. A function whose links cannot be attempted has none.
/// On `threads` threads.
///
/// # Errors
/// What cannot be read.
pub fn exported(
    module: &[u8],
    object: &[u8],
    claim: &Claim,
    limits: Limits,
    threads: usize,
) -> Result<Vec<Exported>, InputError> {
    let session = Session::new(module, object, Some(claim.clone()), limits)?;
    let of = |function: u32| {
        // A defect of the validator says nothing about the other functions. The summary compares how many there are with how many
        // the certificate counts.
        let found = AssertUnwindSafe(|| obligations::of(&session, function, Rung::Egraph).unwrap_or_default());
        catch_unwind(found).unwrap_or_default()
    };
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .stack_size(STACK_BYTES)
        .build()
        .expect("invariant: threads start");
    let all: Vec<Vec<Obligation>> = pool.install(|| session.functions().into_par_iter().map(of).collect());
    Ok(all.into_iter().flatten().map(exported_one).collect())
}
