//! The known miscompiles of `corpus/miscompiles`: every right program is proved, every wrong artefact beside it is caught.

use rayon::prelude::*;
use std::collections::BTreeSet;
use std::path::Path;
use synth::examination::miscompiles::{Case, cases};
use synth_validator::prove_all::STACK_BYTES;

/// Lines of the list of miscompiles.
const LINES: u32 = 70;

fn all() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/miscompiles");
    cases(&folder).unwrap_or_else(|e| panic!("{e}"))
}

/// With the feature `faults` only cases that have one are examined: the others are in the builds without it.
///
/// Covers TOR-SENSE-MISCOMPILES, TOR-CLAUSE-RESULTS.
#[test]
fn wrong_artefacts_are_caught_and_right_programs_proved() {
    let cases: Vec<Case> = all().into_iter().filter(|c| !cfg!(feature = "faults") || c.has_faults()).collect();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).stack_size(STACK_BYTES).build().expect("starts");
    let outcomes: Vec<_> = pool.install(|| cases.par_iter().map(Case::examine).collect());
    let (mut failures, mut caught) = (Vec::new(), 0);
    for (case, outcome) in cases.iter().zip(outcomes) {
        failures.extend(outcome.right.err().map(|e| format!("{}: false alarm: {e}", case.name)));
        for wrong in outcome.wrong {
            match wrong.found {
                Ok(_) => caught += 1,
                Err(why) => failures.push(format!("{}: {}: not caught: {why}", case.name, wrong.what)),
            }
        }
    }
    println!("{} cases, {caught} wrong artefacts caught", cases.len());
    assert!(failures.is_empty(), "{failures:#?}");
    let least = if cfg!(feature = "faults") { 200 } else { 450 };
    assert!(caught >= least, "{caught}");
}

/// Covers TOR-SENSE-MISCOMPILES.
#[test]
fn every_line_has_a_case_and_every_case_a_history() {
    let cases = all();
    let lines: BTreeSet<u32> = cases.iter().flat_map(|c| c.lines.iter().copied()).collect();
    assert_eq!(lines, (1..=LINES).collect());
    for case in &cases {
        let number = case.name.split('-').next().and_then(|n| n.parse::<u32>().ok());
        assert!(number.is_some_and(|n| case.lines.contains(&n)), "{}: {:?}", case.name, case.lines);
        assert!(case.history.split_whitespace().count() >= 15, "{}: {}", case.name, case.history);
    }
}
