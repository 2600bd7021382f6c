//! A small run of what `synth corpus mutate` does at large: mutants of some programs, whose verdicts no execution contradicts; and the
//! executions see what they should: nearly everything that the validator refutes by its own runs.

mod support;

use support::packages::repository;
use synth::mutate::{Execution, Outcome, Request, of_module};
use synth::pipeline::Options;

fn mutants(program: &str, count: u32, threads: usize) -> Vec<Outcome> {
    let wasm = std::fs::read(repository().join("corpus/wasm").join(program).with_extension("wasm")).expect("a module");
    let request = Request { count, seed: 7, threads, inputs: 200 };
    of_module(&wasm, &Options::default(), &request).unwrap_or_else(|e| panic!("{program}: {e:?}"))
}

/// Covers TOR-SENSE-MUTANTS.
#[test]
fn proved_mutants_do_what_the_module_does() {
    let (mut refuted, mut seen, mut proved) = (0, 0, 0);
    for program in ["semaphore", "traps", "globals", "tables", "segments", "multi_value"] {
        let outcomes = mutants(program, 120, 2);
        assert!(outcomes.len() > 100, "{program}: {}", outcomes.len());
        for outcome in outcomes {
            assert!(!outcome.is_unsound(), "{program}: {outcome:?}");
            assert!(!outcome.detail.contains("panicked"), "{program}: {outcome:?}");
            proved += u32::from(outcome.verdict == "Proved");
            if outcome.verdict == "Refuted" {
                refuted += 1;
                seen += u32::from(matches!(outcome.execution, Execution::Differs(_)));
            }
        }
    }
    println!("{refuted} refuted, {seen} of them seen by independent runs; {proved} proved");
    assert!(refuted > 200 && proved > 10, "{refuted}, {proved}");
    assert!(10 * seen > 8 * refuted, "{seen} of {refuted}");
}

/// Covers TOR-ENV-THREADS.
#[test]
fn mutants_do_not_depend_on_threads() {
    assert_eq!(mutants("loops", 40, 1), mutants("loops", 40, 3));
}
