//! What the optimizer's passes do to the code of the corpus: sizes by level and bounds mode, and for each pass what it changes
//! and what the code would take without it. Nothing is proved here (`tests/corpus_proofs.rs` does that).

#[path = "../validator/tests/generated/mod.rs"]
mod generated;
mod support;

use std::fmt::Write;
use support::packages;
use support::proofs::deep_map;
use synth::pass::Level;
use synth::pipeline::{Compiled, OPTIMIZER, Options, compile};
use synth_validator::arm::{decode, object};
use synth_validator::contract::Bounds;
use synth_validator::ir::Func;
use synth_validator::wasm::reader;

/// Levels and bounds modes of the table, as on the command line.
const MODES: [(&str, Level, Bounds); 3] = [
    ("-O2 --bounds none", Level::O2, Bounds::None),
    ("-O2 --bounds software", Level::O2, Bounds::Software),
    ("-Os --bounds software", Level::Os, Bounds::Software),
];

/// Functions that the systems we serve are measured by: program, function, and functions that the user names for inlining.
const MEASURED: [(&str, &str, &[&str]); 4] = [
    ("semaphore", "k_sem_give", &[]),
    ("semaphore", "k_sem_take", &[]),
    ("poll", "poll", &["transition"]),
    ("scheduler", "sched_poll_table", &["transition", "pick"]),
];

/// Name and module of every program.
fn corpus() -> Vec<(String, Vec<u8>)> {
    let paths = packages::corpus().into_iter();
    paths
        .map(|p| (p.file_stem().expect("named").to_string_lossy().into_owned(), std::fs::read(&p).expect("readable")))
        .collect()
}

fn compiled(name: &str, wasm: &[u8], options: &Options) -> Compiled {
    compile(wasm, options).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn code_bytes(compiled: &Compiled) -> usize {
    compiled.functions.iter().map(|f| f.code.len()).sum()
}

/// Machine instructions of each function that the object has, as the validator decodes them.
fn instructions(wasm: &[u8], compiled: &Compiled) -> Vec<(u32, usize)> {
    let module = reader::read(wasm).expect("a module");
    let object = object::read(&compiled.object, &module).expect("an object");
    let count = |(index, bytes): (&u32, &decode::FunctionBytes)| {
        (*index, decode::decode(bytes).unwrap_or_else(|e| panic!("function {index}: {}", e.0)).insns.len())
    };
    object.functions.iter().map(count).collect()
}

/// Instructions of an IR form.
fn insts(func: &Func) -> usize {
    func.blocks.iter().map(|b| b.insts.len()).sum()
}

/// What one pass does in one program: functions to which it is applied, their instructions before and after it, and code bytes if it
/// is left out.
#[derive(Clone, Copy, Default)]
struct Effect {
    functions: usize,
    before: usize,
    after: usize,
    bytes_without: usize,
}

/// What comes of a program: functions, code bytes, machine instructions, and the effect of each pass.
fn measure(name: &str, wasm: &[u8], options: &Options) -> ([usize; 3], Vec<Effect>) {
    let whole = compiled(name, wasm, options);
    let bytes = code_bytes(&whole);
    let machine = instructions(wasm, &whole);
    let effect = |pass: &str| {
        let mut effect = Effect { bytes_without: bytes, ..Effect::default() };
        for stages in whole.claim.functions.iter().map(|f| &f.stages) {
            for at in (1..stages.len()).filter(|at| stages[*at].name == pass) {
                effect.functions += 1;
                effect.before += insts(&stages[at - 1].func);
                effect.after += insts(&stages[at].func);
            }
        }
        // Where it does nothing, nothing changes without it.
        if effect.functions > 0 {
            let without = Options { left_out: vec![pass.to_string()], ..options.clone() };
            effect.bytes_without = code_bytes(&compiled(name, wasm, &without));
        }
        effect
    };
    let effects = OPTIMIZER.iter().map(|pass| effect(pass.name)).collect();
    ([machine.len(), bytes, machine.iter().map(|(_, count)| count).sum()], effects)
}

/// Sums over the corpus.
fn totals(programs: &[(String, Vec<u8>)], options: &Options) -> ([usize; 3], Vec<Effect>) {
    let mut sums = [0; 3];
    let mut effects = vec![Effect::default(); OPTIMIZER.len()];
    for (numbers, of_program) in deep_map(programs, |(name, wasm)| measure(name, wasm, options)) {
        sums.iter_mut().zip(numbers).for_each(|(sum, n)| *sum += n);
        for (sum, effect) in effects.iter_mut().zip(of_program) {
            sum.functions += effect.functions;
            sum.before += effect.before;
            sum.after += effect.after;
            sum.bytes_without += effect.bytes_without;
        }
    }
    (sums, effects)
}

/// Machine instructions of a function of a program, after calls of the named functions are inlined.
fn measured(program: &str, function: &str, inline: &[&str], bounds: Bounds) -> usize {
    let programs = corpus();
    let (name, wasm) = programs.iter().find(|(name, _)| name == program).expect("a program");
    let inline = inline.iter().map(|f| f.to_string()).collect();
    let compiled = compiled(name, wasm, &Options { bounds, inline, inline_report: true, ..Options::default() });
    let report = compiled.inline_report.as_ref().expect("it was asked for");
    let survives = report.surviving.iter().find(|call| call.path.iter().any(|f| f.name == function));
    assert_eq!(survives, None, "{program}, {function}: a call survives");
    let is_wanted = |index: u32| compiled.module.display_name(index) == function;
    let calls = report.inlined.iter().filter(|i| is_wanted(i.caller.index)).map(|i| i.calls).sum::<usize>();
    assert!(calls > 0, "{program}, {function}: nothing is inlined");
    instructions(wasm, &compiled).into_iter().find(|(index, _)| is_wanted(*index)).expect("the function").1
}

#[test]
fn effects_of_passes_on_the_corpus() {
    let programs = corpus();
    let mut sizes = String::new();
    let mut tables = String::new();
    for (mode, level, bounds) in MODES {
        let ([functions, bytes, machine], effects) =
            totals(&programs, &Options { level, bounds, ..Options::default() });
        let _ = writeln!(sizes, "| `{mode}` | {functions} | {bytes} | {machine} |");
        let _ = write!(
            tables,
            "\n## `{mode}`\n\n| pass | applied to | IR instructions before | after | code bytes without it | difference |\n\
             |---|---|---|---|---|---|\n"
        );
        for (pass, e) in OPTIMIZER.iter().zip(effects) {
            let difference = e.bytes_without as i64 - bytes as i64;
            let Effect { functions, before, after, bytes_without } = e;
            let _ = writeln!(
                tables,
                "| {} | {functions} | {before} | {after} | {bytes_without} | {difference:+} |",
                pass.name
            );
        }
    }
    let mut body = format!(
        "The {} programs of the corpus. Per pass: the functions to which it is applied (those that are inlined everywhere included), their \
         IR instructions before and after it, and the code bytes of all programs when it alone is left out; the difference is what it \
         saves, or, if negative, what its speed costs.\n\n| mode | functions | code bytes | machine instructions |\n|---|---|---|---|\n{sizes}",
        programs.len()
    );
    body += "\n## Functions measured by the systems we serve\n\nMachine instructions at `-O2`; no call of a small, named or single-use \
             function survives in them or on a path through them.\n\n| program | function | named for inlining | `--bounds none` | \
             `--bounds software` |\n|---|---|---|---|---|\n";
    for (program, function, inline) in MEASURED {
        let [none, software] = [Bounds::None, Bounds::Software].map(|b| measured(program, function, inline, b));
        let _ = writeln!(body, "| {program} | {function} | {} | {none} | {software} |", inline.join(", "));
    }
    generated::table("passes", "Effects of the optimizer's passes", &(body + &tables));
}

/// The seam between kernel and decision is gone: fewer instructions than the limit at which such a build is given up.
#[test]
fn the_decision_of_a_semaphore_give_dissolves() {
    for bounds in [Bounds::None, Bounds::Software] {
        let count = measured("semaphore", "k_sem_give", &[], bounds);
        assert!(count < 70, "{bounds:?}: {count} machine instructions");
    }
}

#[test]
fn every_pass_is_applied_somewhere_in_the_corpus() {
    let programs = corpus();
    let options = Options::default();
    let stages = deep_map(&programs, |(name, wasm)| compiled(name, wasm, &options).claim.functions);
    let names: Vec<String> = stages.into_iter().flatten().flat_map(|f| f.stages).map(|s| s.name).collect();
    // No program of the corpus traps for certain; `tests/passes/ends.wat` does.
    let wanted = OPTIMIZER.iter().map(|p| p.name).filter(|name| *name != "ends");
    let idle: Vec<&str> = wanted.filter(|pass| !names.iter().any(|n| n == pass)).collect();
    assert!(idle.is_empty(), "never applied: {idle:?}");
}
