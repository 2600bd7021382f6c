//! Refused passes: where the validator does not prove a pass's link for a function, the function is compiled without that pass.
//!
//! The build goes on and ends with what is proved; what was refused is kept as evidence.

use crate::pipeline::{OPTIMIZER, Options};
use serde::Serialize;
use synth_validator::refinement::Place;
use synth_validator::validate::{FunctionReport, Verdict};

/// A pass that was refused for a function.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct Refusal {
    /// Function index (imports first).
    pub function: u32,
    /// The function's name for people.
    pub name: String,
    /// The pass.
    pub pass: &'static str,
    /// The verdict's name.
    pub verdict: &'static str,
    /// Where the proof stopped: obligation, region and both points. Nothing if it was not attempted.
    #[serde(flatten)]
    pub place: Option<Place>,
    /// Reason, obligation and place in one text.
    pub detail: String,
    /// An executed difference between module and code, if one was found.
    pub counterexample: Option<String>,
}

impl Refusal {
    /// What a report says of its first link that is not proved, or of itself if there is none.
    pub fn new(report: &FunctionReport, pass: &'static str) -> Refusal {
        let link = report.links.iter().find(|l| l.verdict != Verdict::Proved);
        let verdict = link.map_or(&report.verdict, |l| &l.verdict);
        Refusal {
            function: report.index,
            name: report.name.clone(),
            pass,
            verdict: verdict.name(),
            place: link.and_then(|l| l.place.clone()),
            detail: verdict.detail().to_string(),
            counterexample: report.counterexample.as_ref().map(|d| d.render()),
        }
    }
}

/// The refusal that a report asks for: the first link that is not proved, if an optimizer pass made it.
fn refusal(report: &FunctionReport) -> Option<Refusal> {
    let link = report.links.iter().find(|l| l.verdict != Verdict::Proved)?;
    let pass = OPTIMIZER.iter().find(|p| p.name == link.name)?;
    Some(Refusal::new(report, pass.name))
}

/// Compiles and proves by `attempt` until no pass is refused any more. Each round refuses at least one pass of one function, so
/// that it ends. Result: the last attempt and all refusals.
///
/// # Errors
/// Those of `attempt`.
pub fn settle<T, E>(
    mut options: Options,
    mut attempt: impl FnMut(&Options) -> Result<T, E>,
    reports: impl Fn(&T) -> Vec<&FunctionReport>,
) -> Result<(T, Vec<Refusal>), E> {
    let mut refusals = Vec::new();
    loop {
        let result = attempt(&options)?;
        let new: Vec<Refusal> = reports(&result).into_iter().filter_map(refusal).collect();
        if new.is_empty() {
            return Ok((result, refusals));
        }
        options.refused.extend(new.iter().map(|r| (r.function, r.pass)));
        refusals.extend(new);
    }
}
