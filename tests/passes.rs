//! Faults of optimizer passes: wrong steps that somebody could have written, switched on one after the other. Where a fault
//! changes what a function does, the validator refuses the pass there, the function is compiled without it, and the
//! build still ends proved.

mod support;

use std::collections::BTreeSet;
use support::packages;
use support::proofs::deep_map;
use synth::pipeline::{Compiled, OPTIMIZER, Options, compile};
use synth::refusal::{Refusal, settle};
use synth::{checks, inline, licm};
use synth_validator::ladder::Limits;
use synth_validator::validate::{FunctionReport, Session, Verdict};

/// A module in which each fault finds something to break: guarded loads, loops, a dispatch, recursion, checks in a row.
const TEXT: &str = include_str!("passes/faults.wat");

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

fn faults() -> Vec<(&'static str, &'static str)> {
    [inline::FAULTS, checks::FAULTS, licm::FAULTS].concat()
}

#[test]
fn faults_are_refused_and_the_build_ends_proved() {
    let wasm = wat::parse_str(TEXT).expect("the module");
    let results =
        deep_map(&faults(), |(fault, _)| proved(&wasm, Options { fault: Some(*fault), ..Options::default() }));
    for ((fault, what), (_, reports, refusals)) in faults().into_iter().zip(results) {
        let pass = fault.split('-').next().expect("a pass");
        assert!(OPTIMIZER.iter().any(|p| p.name == pass), "{fault}: no pass {pass}");
        assert!(refusals.iter().any(|r| r.pass == pass), "{fault} ({what}): not refused anywhere: {refusals:?}");
        for report in reports {
            assert_eq!(report.verdict, Verdict::Proved, "{fault}: {}", report.name);
        }
    }
}

#[test]
fn without_faults_nothing_is_refused() {
    let wasm = wat::parse_str(TEXT).expect("the module");
    let (compiled, _, refusals) = deep_map(&[()], |()| proved(&wasm, Options::default())).remove(0);
    assert!(refusals.is_empty(), "{refusals:?}");
    let applied: BTreeSet<&str> =
        compiled.claim.functions.iter().flat_map(|f| &f.stages).map(|s| s.name.as_str()).collect();
    for pass in OPTIMIZER {
        assert!(applied.contains(pass.name), "{} is not applied in the test's module", pass.name);
    }
}

/// The illegal hoists on real programs: wherever they change behaviour they are refused, and all is proved in the end.
#[test]
fn illegal_hoists_are_refused_on_the_corpus() {
    for (fault, programs) in [
        ("licm-assignment-above-dispatch", ["branch_tables", "bytecode", "event_dispatch", "scheduler"]),
        ("licm-trap-above-guard", ["number_theory", "traps", "json", "pid"]),
    ] {
        let folder = packages::repository().join("corpus/wasm");
        let files: Vec<_> = programs.iter().map(|p| folder.join(format!("{p}.wasm"))).filter(|p| p.exists()).collect();
        let options = || Options { fault: Some(fault), ..Options::default() };
        let results = deep_map(&files, |path| proved(&std::fs::read(path).expect("a program"), options()));
        let refused: usize = results.iter().map(|(_, _, refusals)| refusals.len()).sum();
        assert!(refused > 0, "{fault} is refused nowhere in {programs:?}");
        for report in results.iter().flat_map(|(_, reports, _)| reports) {
            assert_eq!(report.verdict, Verdict::Proved, "{fault}: {}", report.name);
        }
    }
}
