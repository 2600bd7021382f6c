//! Refused passes: where the validator does not prove a pass's link for a function, the function is compiled without that pass.
//!
//! The build goes on and ends with what is proved; what was refused is kept as evidence.

use crate::pipeline::{OPTIMIZER, Options};
use serde::Serialize;
use synth_validator::refinement::Place;
use synth_validator::validate::{FunctionReport, LIMIT_REACHED, LinkReport, Verdict};

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
        Refusal::of_link(report, unproved(report).next(), pass)
    }
    fn of_link(report: &FunctionReport, link: Option<&LinkReport>, pass: &'static str) -> Refusal {
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

fn unproved(report: &FunctionReport) -> impl Iterator<Item = &LinkReport> {
    report.links.iter().filter(|l| l.verdict != Verdict::Proved)
}

/// The refusals that a report asks for: the first link that is not proved, if an optimizer pass made it, and then those of passes whose
/// links took all that the limits allow, so that no round takes that once more.
fn refused(report: &FunctionReport) -> Vec<Refusal> {
    let pass = |l: &LinkReport| OPTIMIZER.iter().find(|p| p.name == l.name).map(|p| p.name);
    let mut links = unproved(report);
    let Some((first, name)) = links.next().and_then(|l| Some((l, pass(l)?))) else { return Vec::new() };
    let exhausted = links.filter(|l| l.verdict.detail().starts_with(LIMIT_REACHED));
    let mut all = vec![(first, name)];
    for other in exhausted.filter_map(|l| Some((l, pass(l)?))) {
        if all.iter().all(|(_, name)| *name != other.1) {
            all.push(other);
        }
    }
    all.into_iter().map(|(link, name)| Refusal::of_link(report, Some(link), name)).collect()
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
        let new: Vec<Refusal> = reports(&result).into_iter().flat_map(refused).collect();
        if new.is_empty() {
            return Ok((result, refusals));
        }
        options.refused.extend(new.iter().map(|r| (r.function, r.pass)));
        refusals.extend(new);
    }
}
