//! What foreign solvers say of the exported obligations of a package.

use super::obligation::Exported;
use super::summary::{SolverAgreement, Solvers};
use std::time::Duration;
use synth_validator::evidence::solver::{Answer, Foreign, LIMIT_SECONDS, ask};

/// Asks solvers about the exported obligations, each for at most [`LIMIT_SECONDS`]; nothing if no solver is to be asked. A solver that is
/// missing is recorded as such.
pub fn agreements(solvers: &[Foreign], exported: &[Exported]) -> Option<Solvers> {
    let asked = solvers.iter().map(|solver| agreement(solver, exported)).collect();
    let (schema, kind) = (super::SCHEMA.to_string(), "solvers".to_string());
    (!solvers.is_empty()).then_some(Solvers { schema, kind, solvers: asked })
}

fn agreement(solver: &Foreign, exported: &[Exported]) -> SolverAgreement {
    let missing = solver.find().err();
    let files = exported.iter().flat_map(|e| e.files.iter().filter(|(path, _)| *path == e.smt2));
    let texts: Vec<&str> = files.map(|(_, text)| text.as_str()).collect();
    let (answers, version) = match missing {
        None => ask(solver, &texts, Duration::from_secs(LIMIT_SECONDS.into())),
        Some(_) => (Vec::new(), None),
    };
    let count = |wanted: fn(&Answer) -> bool| answers.iter().filter(|a| wanted(a)).count() as u32;
    SolverAgreement {
        solver: solver.kind.name().to_string(),
        version: version.unwrap_or_else(|| "not told".to_string()),
        agreed: count(|a| matches!(a, Answer::Agrees)),
        unknown: count(|a| matches!(a, Answer::Unknown)),
        disagreed: count(|a| matches!(a, Answer::Disagrees)),
        failed: count(|a| matches!(a, Answer::Failed(_))),
        missing,
    }
}
