//! Every function of the corpus is proved, in every bounds mode and for both owners of linear memory, the fetched modules with
//! software bounds and masked (`synth corpus run --validate --all-bounds` proves them in all modes). All that is at -O2; at the
//! other levels the corpus is proved with software bounds. The bytes and verdicts do not depend on the number of threads.

mod support;

use std::path::PathBuf;
use support::packages;
use synth::pass::Level;
use synth::pipeline::{Options, compile};
use synth_validator::contract::{Bounds, MemoryOwner};
use synth_validator::ladder::Limits;
use synth_validator::prove_all::prove_all;
use synth_validator::refinement::Effort;
use synth_validator::validate::{Session, Verdict};

/// Pages to which modules that grow may grow.
const MEMORY_PAGES_MAX: u32 = 32;

/// The corpus and the fetched modules.
fn modules() -> Vec<PathBuf> {
    let fetched = packages::NAMES.iter().map(|name| packages::module(name));
    packages::corpus().into_iter().chain(fetched).collect()
}

/// Proves all functions of all modules at -O2. Result: functions, and what their proofs took.
fn prove(bounds: Bounds, memory: MemoryOwner, threads: usize, modules: Vec<PathBuf>) -> (usize, Effort) {
    let options = Options { bounds, memory, memory_pages_max: Some(MEMORY_PAGES_MAX), ..Options::default() };
    prove_with(&options, threads, modules)
}

fn prove_with(options: &Options, threads: usize, modules: Vec<PathBuf>) -> (usize, Effort) {
    let Options { bounds, memory, level, .. } = options;
    let (mut functions, mut total) = (0, Effort::default());
    for path in modules {
        let name = path.display();
        let bytes = std::fs::read(&path).expect("readable");
        let object = compile(&bytes, options).unwrap_or_else(|e| panic!("{name}: {e}")).object;
        let session = Session::new(&bytes, &object, None, Limits::default()).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(session.image(), Verdict::Proved, "{name}, {bounds:?}, {level:?}");
        for proved in prove_all(&session, threads, &|_| {}) {
            let report = proved.report;
            assert_eq!(report.verdict, Verdict::Proved, "{name}, {bounds:?}, {level:?}, function {}", report.index);
            assert!(report.effort().obligations() > 0, "{name}, {bounds:?}, {level:?}, function {}", report.index);
            total.add(&report.effort());
            functions += 1;
        }
    }
    println!("{bounds:?} {memory:?} {level:?}: {functions} functions proved, {} obligations", total.obligations());
    (functions, total)
}

/// Covers TOR-USE-CORPUS.
#[test]
fn every_function_is_proved_with_software_bounds() {
    let all = prove(Bounds::Software, MemoryOwner::Own, 2, modules());
    assert!(all.0 > 550);
}

/// Covers TOR-ENV-THREADS, TOR-LIMIT-STEPS.
#[test]
fn verdicts_do_not_depend_on_threads() {
    let own = || packages::corpus().into_iter().step_by(2).collect();
    assert_eq!(
        prove(Bounds::Software, MemoryOwner::Own, 1, own()),
        prove(Bounds::Software, MemoryOwner::Own, 2, own())
    );
}

/// Covers TOR-USE-CORPUS, TOR-CONTRACT-BOUNDS.
#[test]
fn every_function_is_proved_without_bounds_checks() {
    let none = prove(Bounds::None, MemoryOwner::Own, 2, packages::corpus());
    assert_eq!(none, prove(Bounds::Mpu, MemoryOwner::Own, 2, packages::corpus()));
}

/// Covers TOR-USE-CORPUS, TOR-CONTRACT-BOUNDS.
#[test]
fn every_function_is_proved_with_masked_addresses() {
    prove(Bounds::Mask, MemoryOwner::Own, 2, modules());
}

/// Covers TOR-USE-CORPUS, TOR-CLAUSE-INIT.
#[test]
fn every_function_is_proved_in_memory_of_the_host() {
    prove(Bounds::Software, MemoryOwner::Extern, 2, packages::corpus());
}

/// Proves the corpus at another level, with software bounds.
fn prove_at(level: Level) {
    let options = Options { level, memory_pages_max: Some(MEMORY_PAGES_MAX), ..Options::default() };
    assert!(prove_with(&options, 2, packages::corpus()).0 > 450, "{level:?}");
}

/// Covers TOR-USE-CORPUS.
#[test]
fn every_function_is_proved_at_level_1() {
    prove_at(Level::O1);
}

/// Covers TOR-USE-CORPUS.
#[test]
fn every_function_is_proved_at_level_s() {
    prove_at(Level::Os);
}

/// Covers TOR-USE-CORPUS.
#[test]
fn every_function_is_proved_without_optimization() {
    prove_at(Level::O0);
}
