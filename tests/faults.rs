//! The faults of the compiler: that the registry says what the sources have, and that the validator catches them, on a few small
//! programs here and on the whole corpus with `make faults`.

use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use synth::examination::Program;
use synth::examination::matrix::{Found, Subject};
use synth::faults::ALL;
use synth::pipeline::Options;
use synth::simulator::vectors;
use synth_validator::prove_all::STACK_BYTES;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: PathBuf, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("sources") {
        let path = entry.expect("readable").path();
        match path.is_dir() {
            true => sources(path, found),
            false => found.push(path),
        }
    }
}

/// By name: the files in which a fault acts.
fn acting() -> BTreeMap<String, BTreeSet<String>> {
    let mut files = Vec::new();
    sources(root().join("src"), &mut files);
    let mut acting: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("text");
        let name = file.strip_prefix(root()).expect("inside").to_string_lossy().into_owned();
        for part in text.split("faults::on(").skip(1) {
            let fault = part.split('"').nth(1).unwrap_or_else(|| panic!("{name}: a fault without a name"));
            acting.entry(fault.to_string()).or_default().insert(name.clone());
        }
    }
    acting
}

#[test]
fn the_registry_says_what_the_sources_have() {
    let acting = acting();
    let listed: BTreeMap<String, BTreeSet<String>> =
        ALL.iter().map(|f| (f.name.to_string(), [f.file.to_string()].into())).collect();
    assert_eq!(listed.len(), ALL.len(), "a name stands twice");
    assert_eq!(listed, acting);
    assert!(ALL.len() >= 80, "{}", ALL.len());
    let stages: BTreeSet<_> = ALL.iter().map(|f| f.stage).collect();
    assert_eq!(stages.len(), 15, "{stages:?}");
}

/// Faults that each of these programs reaches, and the validator's answer.
///
/// Covers TOR-SENSE-FAULTS.
#[test]
fn faults_are_caught_or_harmless_on_small_programs() {
    let names = ["semaphore", "branch_tables", "ring_buffer", "q15"];
    let options = Options::default;
    let program = |name: &&str| {
        let folder = root().join("corpus");
        let wasm = std::fs::read(folder.join(format!("wasm/{name}.wasm"))).ok()?;
        let text = std::fs::read_to_string(folder.join(format!("vectors/{name}.vec"))).expect("vectors");
        let script = vectors::parse(&text).expect("a script");
        Some(Subject::new(Program { name: name.to_string(), wasm, script, options: options() }).expect("compiles"))
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).stack_size(STACK_BYTES).build().expect("starts");
    std::panic::set_hook(Box::new(|_| {}));
    let found: Vec<(&str, Vec<Found>)> = pool.install(|| {
        let subjects: Vec<Subject> = names.iter().filter_map(program).collect();
        assert!(subjects.len() >= 2, "{} programs", subjects.len());
        ALL.par_iter().map(|f| (f.name, subjects.iter().map(|s| s.examine(f)).collect())).collect()
    });
    let _ = std::panic::take_hook();
    let caught = found.iter().filter(|(_, all)| all.iter().any(Found::is_caught)).count();
    let harmless = found.iter().flat_map(|(_, all)| all).filter(|f| matches!(f, Found::Harmless { .. })).count();
    println!(
        "{caught} of {} faults are caught in {names:?}; {harmless} times the code is another and right",
        ALL.len()
    );
    let unsound: Vec<_> =
        found.iter().filter(|(_, all)| all.iter().any(|f| matches!(f, Found::Unsound(_) | Found::Panic))).collect();
    assert!(unsound.is_empty(), "{unsound:?}");
    assert!(caught >= 60, "{caught}");
}

/// A compiler that leaves out checks and says so in the claim gets no proof of what was not asked for.
///
/// Covers TOR-CONTRACT-ASKED.
#[test]
fn the_contract_is_the_one_that_was_asked_for() {
    let folder = std::env::temp_dir().join(format!("synth-faults-contract-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let object = folder.join("out.o");
    let module = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus/wasm/semaphore.wasm");
    let run = |fault: &[&str]| {
        let mut synth = std::process::Command::new(env!("CARGO_BIN_EXE_synth"));
        let output =
            synth.args(["compile", "--validate", module, "-o"]).arg(&object).args(fault).output().expect("runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (status, said) = run(&["--fault", "contract-bounds"]);
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("contract is not the one that was asked for") && !object.exists(), "{said}");
    assert_eq!(run(&[]).0, Some(0));
    std::fs::remove_dir_all(&folder).expect("removed");
}
