//! The same programs in four places: a foreign WebAssembly interpreter, the validator's WebAssembly interpreter, the
//! validator's Arm interpreter on the compiled object, and an emulated Cortex-M4 with the object linked into firmware.
//!
//! Every script of the corpus and of the published modules is run in all of them; each call must show the same results,
//! trap, trace of import calls, memory size and memory contents, and the script's own expectations, which come from
//! standards and independent models, must hold. In the bounds modes that check nothing, calls that leave linear memory
//! are taken out.

mod support;

use rayon::prelude::*;
use std::path::PathBuf;
use support::observation::{Run, TrapKind, disagreements, first_difference};
use support::vectors::{self, Script, Statement};
use support::{interpreter, modules, packages, qemu_engine, wasmi_engine};
use synth::pipeline::{Compiled, Options, compile};
use synth_validator::contract::Bounds;

/// A module and its script.
struct Program {
    name: String,
    wasm: Vec<u8>,
    script: Script,
    /// Pages to which memory may grow, everywhere.
    pages_max: u32,
}

impl Program {
    fn new(name: &str, wasm: PathBuf, script: PathBuf, spare_pages: u64) -> Program {
        let wasm = std::fs::read(&wasm).unwrap_or_else(|e| panic!("{}: {e}", wasm.display()));
        let text = std::fs::read_to_string(&script).unwrap_or_else(|e| panic!("{}: {e}", script.display()));
        let script = vectors::parse(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        let interface = modules::interface(&wasm).unwrap_or_else(|e| panic!("{name}: {e}"));
        let (min, max) = interface.memory.unwrap_or((0, Some(0)));
        let pages_max = (min + spare_pages).min(max.unwrap_or(u64::MAX)) as u32;
        Program { name: name.to_string(), wasm, script, pages_max }
    }

    fn compile(&self, bounds: Bounds) -> Compiled {
        // The capacity of a masked memory is a power of two, so that growing may succeed where it fails elsewhere.
        let pages = if bounds == Bounds::Mask { self.pages_max.next_power_of_two() } else { self.pages_max };
        let options = Options { bounds, memory_pages_max: Some(pages), ..Options::default() };
        compile(&self.wasm, &options).unwrap_or_else(|e| panic!("{} {bounds:?}: {e}", self.name))
    }

    fn in_wasmi(&self, script: &Script, pages_max: u32) -> Run {
        let run = wasmi_engine::run(&self.wasm, script, Some(pages_max));
        run.unwrap_or_else(|e| panic!("{}: {e}", self.name))
    }
}

fn corpus() -> Vec<Program> {
    let corpus = packages::repository().join("corpus");
    let mut names: Vec<String> = std::fs::read_dir(corpus.join("vectors"))
        .expect("the corpus has scripts")
        .map(|e| e.expect("readable").path().file_stem().expect("named").to_string_lossy().into_owned())
        .collect();
    names.sort();
    let file = |folder: &str, name: &str, ending: &str| corpus.join(folder).join(name).with_extension(ending);
    names.iter().map(|n| Program::new(n, file("wasm", n, "wasm"), file("vectors", n, "vec"), 4)).collect()
}

/// Asserts that a run shows what wasmi shows, and that the script's expectations hold in both.
fn same(program: &Program, script: &Script, wasmi: &Run, place: &str, run: &Run) {
    let found = disagreements(script, wasmi, run);
    assert!(found.is_empty(), "{} in {place}:\n{}", program.name, found.join("\n"));
}

/// One line of the table: calls, traps, import calls.
fn counts(run: &Run) -> (usize, usize, u64) {
    let traps = run.observations.iter().filter(|o| o.trap.is_some()).count();
    let imports = run.observations.iter().map(|o| u64::from(o.import_calls)).sum();
    (run.observations.len() - 1, traps, imports)
}

/// Runs a program everywhere with software bounds checks.
fn check_everywhere(program: &Program) -> (usize, usize, u64) {
    let compiled = program.compile(Bounds::Software);
    let contract = &compiled.claim.contract;
    let (wasm, script) = (&program.wasm, &program.script);
    let wasmi = program.in_wasmi(script, program.pages_max);
    assert!(wasmi.observations.len() > 1, "{} calls nothing", program.name);
    let failed = |e: &dyn std::fmt::Display| -> ! { panic!("{}: {e}", program.name) };
    let instance = interpreter::run_module(wasm, contract, script, interpreter::FUEL).unwrap_or_else(|e| failed(&e));
    same(program, script, &wasmi, "the WebAssembly interpreter", &instance);
    let machine = interpreter::run_object(&compiled.object, wasm, contract, script, interpreter::FUEL)
        .unwrap_or_else(|e| failed(&e));
    same(program, script, &wasmi, "the Arm interpreter", &machine);
    let qemu = qemu_engine::run(&compiled.object, wasm, script).unwrap_or_else(|e| failed(&e));
    same(program, script, &wasmi, "QEMU", &qemu);
    counts(&wasmi)
}

fn check_all(programs: &[Program]) {
    let rows: Vec<(usize, usize, u64)> = programs.par_iter().map(check_everywhere).collect();
    println!(
        "{:20} {:>8} {:>6} {:>8}   (in wasmi, wasm interpreter, Arm interpreter, QEMU)",
        "program", "calls", "traps", "imports"
    );
    let mut total = (0, 0, 0);
    for (program, (calls, traps, imports)) in programs.iter().zip(&rows) {
        println!("{:20} {calls:8} {traps:6} {imports:8}", program.name);
        total = (total.0 + calls, total.1 + traps, total.2 + imports);
    }
    println!("{:20} {:8} {:6} {:8}", "total", total.0, total.1, total.2);
}

/// Covers TOR-ARM-MEANING.
#[test]
fn corpus_programs_run_alike_everywhere() {
    let programs = corpus();
    assert!(programs.len() >= 30, "{} programs", programs.len());
    check_all(&programs);
}

#[test]
fn published_modules_run_alike_everywhere() {
    let program = |name: &str| {
        let script = packages::repository().join("tests/vectors").join(name).with_extension("vec");
        Program::new(name, packages::module(name), script, 16)
    };
    check_all(&packages::NAMES.map(program));
}

/// The script without the calls that leave linear memory, and what is expected of them.
fn without_bounds_traps(script: &Script, run: &Run) -> Script {
    let (mut call, mut keep, mut lines) = (0, true, Vec::new());
    for (line, statement) in &script.lines {
        match statement {
            Statement::Call { .. } => {
                call += 1;
                let traps = run.observations.get(call).and_then(|o| o.trap);
                keep = traps != Some(TrapKind::OutOfBoundsMemory);
            }
            // Expected memory may be what a call left behind that is taken out.
            Statement::Write { .. } | Statement::Load { .. } => keep = true,
            _ => {}
        }
        if keep {
            lines.push((*line, statement.clone()));
        }
    }
    Script { lines }
}

/// Runs a program without bounds checks in the Arm interpreter, and the first `in_qemu` of them under QEMU.
fn check_unchecked(program: &Program, bounds: Bounds, in_qemu: bool) -> usize {
    let compiled = program.compile(bounds);
    let contract = &compiled.claim.contract;
    let pages = contract.capacity_bytes / 65_536;
    let mut script = program.script.clone();
    let mut wasmi = program.in_wasmi(&script, pages);
    while wasmi.observations.iter().any(|o| o.trap == Some(TrapKind::OutOfBoundsMemory)) {
        script = without_bounds_traps(&script, &wasmi);
        wasmi = program.in_wasmi(&script, pages);
    }
    // Expectations may rest on calls that are taken out; only what is seen is compared.
    let same = |place: &str, run: &Run| {
        if let Some(difference) = first_difference(&wasmi.observations, &run.observations) {
            panic!("{} {bounds:?} in {place}:\n{difference}\n{}", program.name, run.failures.join("\n"));
        }
    };
    let machine = interpreter::run_object(&compiled.object, &program.wasm, contract, &script, interpreter::FUEL);
    same("the Arm interpreter", &machine.unwrap_or_else(|e| panic!("{}: {e}", program.name)));
    if in_qemu {
        let qemu = qemu_engine::run(&compiled.object, &program.wasm, &script);
        same("QEMU", &qemu.unwrap_or_else(|e| panic!("{}: {e}", program.name)));
    }
    wasmi.observations.len() - 1
}

#[test]
fn corpus_programs_run_alike_without_bounds_checks() {
    for bounds in [Bounds::None, Bounds::Mask] {
        let programs = corpus();
        let all = programs.par_iter().map(|p| check_unchecked(p, bounds, bounds == Bounds::Mask));
        let calls: usize = all.sum();
        println!("{bounds:?}: {} programs, {calls} calls", programs.len());
        assert!(calls > 1_000, "{calls}");
    }
}
