//! What foreign solvers say of the exported obligations of a package.

use super::obligation::Exported;
use super::summary::{SolverAgreement, Solvers};
use std::time::Duration;
use synth_validator::evidence::solver::{Foreign, LIMIT_SECONDS, Tally, ask};

/// Asks solvers about the exported obligations, each for at most [`LIMIT_SECONDS`]; nothing if no solver is to be asked. A solver that is
/// missing, or that is not to be believed where there is nothing to ask, is recorded as such.
pub fn agreements(solvers: &[Foreign], exported: &[Exported]) -> Option<Solvers> {
    let asked = solvers.iter().map(|solver| agreement(solver, exported)).collect();
    let (schema, kind) = (super::SCHEMA.to_string(), "solvers".to_string());
    (!solvers.is_empty()).then_some(Solvers { schema, kind, solvers: asked })
}

fn agreement(solver: &Foreign, exported: &[Exported]) -> SolverAgreement {
    let mut missing = solver.find().err();
    let mut tally = Tally::of(solver);
    if missing.is_none() {
        let texts: Vec<&str> = exported.iter().map(Exported::text).collect();
        let (answers, version) = ask(solver, &texts, Duration::from_secs(LIMIT_SECONDS.into()));
        tally.version = version;
        exported.iter().zip(answers).for_each(|(e, answer)| tally.note(e.smt2.clone(), answer));
        tally.doubt(solver, Duration::from_secs(LIMIT_SECONDS.into()));
        missing = tally.distrusted.take();
    }
    SolverAgreement {
        version: tally.version.unwrap_or_else(|| "not told".to_string()),
        agreed: tally.agreed,
        unknown: tally.unknown.len() as u32,
        disagreed: tally.disagreed.len() as u32,
        failed: tally.failed.len() as u32,
        solver: tally.solver,
        missing,
    }
}
