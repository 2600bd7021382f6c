//! What became of each optimizer pass, function by function: evidence beside the proof.

use crate::pass::NotRun;
use crate::pipeline::{OPTIMIZER, Options};
use crate::refusal::Refusal;
use serde::Serialize;
use synth_validator::claim::Claim;

/// What became of a pass. Each function of the module is in one of the lists, unless the pass was not run at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PassOutcome {
    /// The pass.
    pub pass: &'static str,
    /// The lowest level that runs it, as after `-O`.
    pub from: &'static str,
    /// Why it was not run on any function: `level` or `left-out`.
    pub not_run: Option<&'static str>,
    /// Functions of which it made a new form.
    pub applied: Vec<u32>,
    /// Functions in which it found nothing to do.
    pub unchanged: Vec<u32>,
    /// Functions for which the validator refused it.
    pub refused: Vec<u32>,
}

/// What became of the passes, in their order.
pub fn outcomes(claim: &Claim, options: &Options, refusals: &[Refusal]) -> Vec<PassOutcome> {
    let mut outcomes: Vec<PassOutcome> = Vec::new();
    for pass in OPTIMIZER {
        if outcomes.iter().any(|o| o.pass == pass.name) {
            continue;
        }
        let (mut applied, mut unchanged, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        let mut not_run = None;
        // The start-up function has no forms: no pass is for it.
        for function in claim.functions.iter().filter(|f| !f.stages.is_empty()) {
            let is_refused = refusals.iter().any(|r| r.pass == pass.name && r.function == function.index);
            match options.not_run(pass, function.index) {
                Some(NotRun::Level) => not_run = Some("level"),
                Some(NotRun::LeftOut) => not_run = Some("left-out"),
                Some(NotRun::Refused) => refused.push(function.index),
                None if is_refused => refused.push(function.index),
                None if function.stages.iter().any(|s| s.name == pass.name) => applied.push(function.index),
                None => unchanged.push(function.index),
            }
        }
        outcomes.push(PassOutcome { pass: pass.name, from: pass.from.name(), not_run, applied, unchanged, refused });
    }
    outcomes
}
