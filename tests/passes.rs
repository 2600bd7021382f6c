//! Faults of optimizer passes: wrong steps that somebody could have written, switched on one after the other. Where a fault
//! changes what a function does, the validator refuses the pass there, the function is compiled without it, and the
//! build still ends proved.

mod support;

use support::packages;
use support::proofs::deep_map;
use synth::faults::of_pass;
use synth::pass::Pass;
use synth::pass_report::outcomes;
use synth::pipeline::{Compiled, OPTIMIZER, Options, compile};
use synth::refusal::{Refusal, settle};
use synth_validator::ladder::Limits;
use synth_validator::validate::{FunctionReport, Session, Verdict};

/// Compiles and proves, refusing passes until what is left is proved.
fn proved(wasm: &[u8], options: Options) -> (Compiled, Vec<FunctionReport>, Vec<Refusal>) {
    let attempt = |options: &Options| {
        let compiled = compile(wasm, options).map_err(|e| e.to_string())?;
        let session = Session::new(wasm, &compiled.object, None, Limits::default()).map_err(|e| e.to_string())?;
        let reports = session.functions().into_iter().map(|index| session.function(index)).collect();
        Ok::<_, String>((compiled, reports))
    };
    fn reports(attempt: &(Compiled, Vec<FunctionReport>)) -> Vec<&FunctionReport> {
        attempt.1.iter().collect()
    }
    let ((compiled, reports), refusals) = settle(options, attempt, reports).expect("it compiles");
    (compiled, reports, refusals)
}

/// The module of a pass: each of its faults finds something to break there.
fn module(pass: &str) -> Vec<u8> {
    let path = packages::repository().join("tests/passes").join(pass).with_extension("wat");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    wat::parse_str(text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Passes with their faults.
fn passes() -> impl Iterator<Item = &'static Pass> {
    OPTIMIZER.iter().filter(|p| of_pass(p.name).next().is_some())
}

/// Covers TOR-SENSE-FAULTS.
#[test]
fn faults_are_refused_and_the_build_ends_proved() {
    let faults: Vec<_> = passes().flat_map(|p| of_pass(p.name).map(|f| (p.name, (f.name, f.what)))).collect();
    assert!(faults.len() >= 10, "{} faults", faults.len());
    let results = deep_map(&faults, |(pass, (fault, _))| {
        proved(&module(pass), Options { fault: Some(fault), ..Options::default() })
    });
    for ((pass, (fault, what)), (compiled, reports, refusals)) in faults.into_iter().zip(results) {
        assert!(refusals.iter().any(|r| r.pass == pass), "{fault} ({what}): not refused anywhere: {refusals:?}");
        // What was refused is told in parts, and the function is among those for which the pass was refused.
        let outcomes = outcomes(&compiled.claim, &Options::default(), &refusals);
        for refusal in refusals {
            let outcome = outcomes.iter().find(|o| o.pass == refusal.pass).expect("a pass");
            let lists = [&outcome.refused, &outcome.applied, &outcome.unchanged].map(|l| l.contains(&refusal.function));
            assert_eq!(lists, [true, false, false], "{fault}: {outcome:?}");
            let json = serde_json::to_value(&refusal).expect("serializes");
            let is_text = |key: &str| json[key].as_str().is_some_and(|text| !text.is_empty());
            let missing = ["pass", "name", "verdict", "region", "obligation"].into_iter().find(|key| !is_text(key));
            assert_eq!(missing, None, "{fault}: {json}");
        }
        for report in reports {
            assert_eq!(report.verdict, Verdict::Proved, "{fault}: {}", report.name);
        }
    }
}

#[test]
fn without_faults_nothing_is_refused_and_each_pass_is_applied() {
    let passes: Vec<&Pass> = passes().collect();
    let results = deep_map(&passes, |pass| proved(&module(pass.name), Options::default()));
    for (pass, (compiled, _, refusals)) in passes.iter().zip(results) {
        assert!(refusals.is_empty(), "{}: {refusals:?}", pass.name);
        let mut stages = compiled.claim.functions.iter().flat_map(|f| &f.stages);
        assert!(stages.any(|s| s.name == pass.name), "{} is not applied in its module", pass.name);
    }
}

#[test]
fn a_call_whose_inlining_was_refused_is_reported_so() {
    let options = Options { fault: Some("inline-arguments"), inline_report: true, ..Options::default() };
    let (compiled, _, refusals) = deep_map(&[options], |o| proved(&module("inline"), o.clone())).remove(0);
    assert!(refusals.iter().any(|r| r.pass == "inline"), "{refusals:?}");
    let report = compiled.inline_report.expect("it was asked for");
    for refusal in refusals.iter().filter(|r| r.pass == "inline") {
        let calls: Vec<_> = report.surviving.iter().filter(|c| c.caller.index == refusal.function).collect();
        assert!(!calls.is_empty(), "{refusal:?}");
        assert!(calls.iter().all(|c| c.reason == "refused"), "{calls:?}");
    }
}

/// The illegal hoists on real programs: wherever they change behaviour they are refused, and all is proved in the end.
///
/// Covers TOR-SENSE-FAULTS, TOR-CLAUSE-TRAPS.
#[test]
fn illegal_hoists_are_refused_on_the_corpus() {
    for (fault, programs) in [
        ("licm-assignment-above-dispatch", ["branch_tables", "bytecode", "event_dispatch", "scheduler"]),
        ("licm-trap-above-guard", ["number_theory", "traps", "json", "pid"]),
    ] {
        let folder = packages::repository().join("corpus/wasm");
        let files: Vec<_> = programs.iter().map(|p| folder.join(format!("{p}.wasm"))).filter(|p| p.exists()).collect();
        // Ranges would remove the guarded traps before they can move.
        let options = || Options { fault: Some(fault), left_out: vec!["ranges".to_string()], ..Options::default() };
        let results = deep_map(&files, |path| proved(&std::fs::read(path).expect("a program"), options()));
        let refused: usize = results.iter().map(|(_, _, refusals)| refusals.len()).sum();
        assert!(refused > 0, "{fault} is refused nowhere in {programs:?}");
        for report in results.iter().flat_map(|(_, reports, _)| reports) {
            assert_eq!(report.verdict, Verdict::Proved, "{fault}: {}", report.name);
        }
    }
}
