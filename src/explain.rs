//! Explaining what is not proved: a smaller module with the same symptom ([`reduce`]), and the two executions that part, side by side
//! ([`columns`]).
//!
//! A module's *right side* is what is to refine it: an object that a compiler made of it, or a module that an optimizer made. Whatever makes
//! it must be at hand to reduce the module, because every smaller module needs a right side of its own.

pub mod columns;
pub mod reduce;

use serde::Serialize;
use std::collections::BTreeMap;
use synth_validator::ladder::Limits;
use synth_validator::prove_all::with_deep_stack;
use synth_validator::refute::report::{Difference, Kind};
use synth_validator::refute::{Recording, Start};
use synth_validator::validate::module::ModuleSession;
use synth_validator::validate::{FunctionReport, Session, Verdict};

/// Steps of a recording, on either side.
const RECORDED_STEPS: u64 = 20_000;

/// What is seen where something is not proved, whichever function it is in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Symptom {
    /// Name of the verdict.
    pub verdict: &'static str,
    /// What an executed difference is in.
    pub kind: Option<Kind>,
    /// The first link that is not proved, if no execution shows a difference.
    pub link: Option<String>,
    /// Why a proof of it is open, in the first words of the verdict's text: `limit reached`, `not confirmed`.
    pub reason: Option<String>,
}

impl Symptom {
    fn new(verdict: &Verdict, kind: Option<Kind>, link: Option<String>) -> Symptom {
        let reason = match verdict {
            Verdict::Unknown(text) => text.split_once(": ").map(|(reason, _)| reason.to_string()),
            _ => None,
        };
        Symptom { verdict: verdict.name(), kind, link, reason }
    }
}

/// Something that is not proved.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Function index (imports first); none for the initial image, or what is not code of a module.
    pub function: Option<u32>,
    /// Name for people.
    pub name: String,
    /// What is to be kept while the module gets smaller.
    pub symptom: Symptom,
    /// The verdict's text.
    pub detail: String,
    /// The executed difference.
    pub difference: Option<Box<Difference>>,
    /// Both executions from the difference's start: the module's and the right side's.
    pub recordings: Option<[Recording; 2]>,
}

/// Everything that is not proved about a right side, the image first, then by function.
///
/// # Errors
/// What cannot be read.
pub fn findings(module: &[u8], right: &[u8], limits: &Limits) -> Result<Vec<Finding>, String> {
    with_deep_stack(|| match right.starts_with(b"\0asm") {
        true => of_module(module, right, limits),
        false => of_object(module, right, limits),
    })
}

fn of_object(module: &[u8], object: &[u8], limits: &Limits) -> Result<Vec<Finding>, String> {
    let session = Session::new(module, object, None, *limits).map_err(|e| e.to_string())?;
    let image = whole("the initial image", &session.image());
    let reports = session.functions().into_iter().map(|f| session.function(f));
    let record = |index: u32, start: &Start| session.record(index, start, RECORDED_STEPS);
    Ok(image.into_iter().chain(reports.filter_map(|r| finding(r, &record))).collect())
}

fn of_module(before: &[u8], after: &[u8], limits: &Limits) -> Result<Vec<Finding>, String> {
    let rounds = ModuleSession::unaided(before, after)?;
    let round = rounds.0.into_iter().next().ok_or("no round")?;
    let session = ModuleSession::new(before, &round.module, round.claim, *limits).map_err(|e| e.to_string())?;
    let declarations = whole("what is not code", &session.declarations());
    let reports = session.functions().map(|f| session.function(f));
    let record = |index: u32, start: &Start| session.record(index, start, RECORDED_STEPS);
    // Functions of modules whose declarations differ are not looked at.
    Ok(match declarations {
        Some(finding) => vec![finding],
        None => reports.filter_map(|r| finding(r, &record)).collect(),
    })
}

fn whole(name: &str, verdict: &Verdict) -> Option<Finding> {
    (*verdict != Verdict::Proved).then(|| Finding {
        function: None,
        name: name.to_string(),
        symptom: Symptom::new(verdict, None, None),
        detail: verdict.detail().to_string(),
        difference: None,
        recordings: None,
    })
}

fn finding(report: FunctionReport, record: &dyn Fn(u32, &Start) -> Result<[Recording; 2], Verdict>) -> Option<Finding> {
    if report.verdict == Verdict::Proved {
        return None;
    }
    let difference = report.counterexample;
    let open = report.links.iter().find(|l| l.verdict != Verdict::Proved).map(|l| l.name.clone());
    let kind = difference.as_ref().map(|d| d.kind);
    Some(Finding {
        function: Some(report.index),
        name: if report.name.is_empty() { "a function without a name".to_string() } else { report.name },
        symptom: Symptom::new(&report.verdict, kind, open.filter(|_| kind.is_none())),
        detail: report.verdict.detail().to_string(),
        recordings: difference.as_ref().and_then(|d| record(report.index, &d.start).ok()),
        difference,
    })
}

/// Where code comes from: byte offset in the module by offset in the function's machine code.
pub type Origins = BTreeMap<u32, u32>;
