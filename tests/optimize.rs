//! `synth optimize` over the corpus and the published modules: what comes out validates, is proved again from its witness, runs as
//! before, keeps names and other sections, and stays as it is when optimized again. Wrong bodies are refused. What another optimizer
//! (`wasm-opt -O3`) has made of the corpus gets smaller too.

#[path = "../validator/tests/generated/mod.rs"]
mod generated;
mod support;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use support::observation::disagreements;
use support::proofs::deep_map;
use support::vectors::{self, Script, Statement};
use support::{interpreter, modules, packages, wasmi_engine};
#[cfg(feature = "faults")]
use synth::faults::{ALL, Fault, Stage, of_pass};
#[cfg(feature = "faults")]
use synth::optimize::PASSES;
use synth::optimize::{Optimized, Options, optimize};
use synth::pipeline::{CARRIERS, DEAD_PARAMS};
use synth_validator::claim::Rounds;
use synth_validator::contract::{Bounds, Contract, MemoryOwner};
use synth_validator::ladder::Limits;
use synth_validator::prove_all::{prove_all, with_deep_stack};
use synth_validator::validate::Verdict;
use synth_validator::validate::module::ModuleSession;
use wasmparser::{Parser, Payload};

/// A module, and the script that goes with it.
struct Program {
    name: String,
    wasm: Vec<u8>,
    script: Script,
    /// Pages by which memory may grow in runs.
    spare_pages: u64,
}

fn program(name: &str, wasm: PathBuf, script: PathBuf, spare_pages: u64) -> Program {
    let wasm = std::fs::read(&wasm).unwrap_or_else(|e| panic!("{}: {e}", wasm.display()));
    let text = std::fs::read_to_string(&script).unwrap_or_else(|e| panic!("{}: {e}", script.display()));
    let script = vectors::parse(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
    Program { name: name.to_string(), wasm, script, spare_pages }
}

fn corpus() -> Vec<Program> {
    let corpus = packages::repository().join("corpus");
    let mut names: Vec<String> = std::fs::read_dir(corpus.join("vectors"))
        .expect("the corpus has scripts")
        .map(|e| e.expect("readable").path().file_stem().expect("named").to_string_lossy().into_owned())
        .collect();
    names.sort();
    let file = |folder: &str, name: &str, ending: &str| corpus.join(folder).join(name).with_extension(ending);
    names.iter().map(|n| program(n, file("wasm", n, "wasm"), file("vectors", n, "vec"), 4)).collect()
}

fn published(name: &str) -> Program {
    let script = packages::repository().join("tests/vectors").join(name).with_extension("vec");
    program(name, packages::module(name), script, 16)
}

fn optimized(wasm: &[u8]) -> Optimized {
    optimize(wasm, &Options::default()).unwrap_or_else(|e| panic!("{e}"))
}

/// Contents of the custom sections with this name.
fn custom<'a>(wasm: &'a [u8], name: &str) -> Vec<&'a [u8]> {
    let payloads = Parser::new(0).parse_all(wasm).map(|p| p.expect("a valid module"));
    let sections = payloads.filter_map(|p| match p {
        Payload::CustomSection(section) if section.name() == name => Some(section.data()),
        _ => None,
    });
    sections.collect()
}

/// The proof once more, from the modules' bytes and the witness.
fn proved_again(program: &Program, done: &Optimized) {
    let mut from = &program.wasm;
    for round in &done.rounds.0 {
        with_deep_stack(|| {
            let session = ModuleSession::new(from, &round.module, round.claim.clone(), Limits::default());
            let session = session.unwrap_or_else(|e| panic!("{}: {e}", program.name));
            assert_eq!(session.declarations(), Verdict::Proved, "{}", program.name);
            for timed in prove_all(&session, 2, &|_| {}) {
                assert_eq!(timed.report.verdict, Verdict::Proved, "{}: {}", program.name, timed.report.name);
                assert!(!timed.report.links.is_empty(), "{}: {}", program.name, timed.report.name);
            }
        });
        from = &round.module;
    }
    assert_eq!(from, &done.module, "{}", program.name);
}

/// Both modules in two interpreters.
fn runs_alike(program: &Program, after: &[u8]) {
    let name = &program.name;
    let interface = modules::interface(&program.wasm).unwrap_or_else(|e| panic!("{name}: {e}"));
    let (min, max) = interface.memory.unwrap_or((0, Some(0)));
    let pages = (min + program.spare_pages).min(max.unwrap_or(u64::MAX)) as u32;
    let run =
        |wasm: &[u8]| wasmi_engine::run(wasm, &program.script, Some(pages)).unwrap_or_else(|e| panic!("{name}: {e}"));
    let before = run(&program.wasm);
    assert!(before.observations.len() > 1, "{name} calls nothing");
    let found = disagreements(&program.script, &before, &run(after));
    assert!(found.is_empty(), "{name} in wasmi:\n{}", found.join("\n"));
    let contract = Contract::new(Bounds::Software, MemoryOwner::Own, pages * 65_536);
    let own = interpreter::run_module(after, &contract, &program.script, interpreter::FUEL)
        .unwrap_or_else(|e| panic!("{name}: {e}"));
    let found = disagreements(&program.script, &before, &own);
    assert!(found.is_empty(), "{name} in the validator's interpreter:\n{}", found.join("\n"));
}

/// Optimizes a program and checks what comes out. Result: its line of the table.
fn check(program: &Program) -> [usize; 4] {
    let done = optimized(&program.wasm);
    let name = &program.name;
    wasmparser::Validator::new().validate_all(&done.module).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert!(done.refusals.is_empty(), "{name}: {:?}", done.refusals);
    runs_alike(program, &done.module);
    assert!(optimized(&done.module).module == done.module, "{name}: optimizing twice changes something");
    for section in ["producers", "target_features"] {
        assert_eq!(custom(&program.wasm, section), custom(&done.module, section), "{name}: section {section}");
    }
    let functions = |wasm: &[u8]| synth::decode::decode(wasm).expect("a valid module").names;
    assert_eq!(functions(&program.wasm), functions(&done.module), "{name}: names");
    let numbers = numbers(&done);
    assert!(numbers[3] <= numbers[2], "{name}");
    numbers
}

/// Functions, how many changed, bytes of all bodies before and after.
fn numbers(done: &Optimized) -> [usize; 4] {
    let changed = done.outcomes.iter().filter(|o| o.bytes_before != o.bytes_after).count();
    let sum = |bytes: fn(&synth::optimize::Outcome) -> usize| done.outcomes.iter().map(bytes).sum::<usize>();
    [done.outcomes.len(), changed, sum(|o| o.bytes_before), sum(|o| o.bytes_after)]
}

fn row(out: &mut String, name: &str, [functions, changed, before, after]: [usize; 4]) {
    let ratio = after as f64 / before.max(1) as f64;
    let _ = writeln!(out, "| {name} | {functions} | {changed} | {before} | {after} | {ratio:.3} |");
}

/// Features that modules of the corpus use, and that `wasm-opt` may use.
const FEATURES: [&str; 5] = [
    "--enable-bulk-memory",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-multivalue",
    "--enable-reference-types",
];

/// Programs whose multi-value blocks `wasm-opt` 108 does not read.
const UNREAD: [&str; 1] = ["multi_value"];

fn wasm_opt(arguments: &[&str]) -> Output {
    let output = Command::new("wasm-opt").args(arguments).output();
    output.unwrap_or_else(|e| panic!("wasm-opt (scripts/setup-test.sh installs it): {e}"))
}

/// What `wasm-opt -O3` makes of a module; nothing if it does not read it. Names are kept, as in the original.
fn by_wasm_opt(name: &str, wasm: &[u8]) -> Option<Vec<u8>> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let [before, after] =
        ["before", "after"].map(|end| folder.join(format!("{name}.{end}.wasm")).display().to_string());
    std::fs::write(&before, wasm).expect("writable");
    let output = wasm_opt(&[&["-O3", "-g", &before, "-o", &after], &FEATURES[..]].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.success(), !UNREAD.contains(&name), "{name}: wasm-opt: {said}");
    output.status.success().then(|| std::fs::read(&after).expect("written"))
}

/// The corpus after `wasm-opt`, optimized and run: a table like that of the corpus itself.
fn after_wasm_opt(programs: &[Program]) -> String {
    let numbers = deep_map(programs, |program| {
        let name = &program.name;
        let wasm = by_wasm_opt(name, &program.wasm)?;
        let mut script = program.script.clone();
        // It turns some traps into others, which is no fault of ours: its module is what ours has to agree with.
        script.lines.retain(|(_, statement)| !matches!(statement, Statement::ExpectTrap(_)));
        let program = Program { name: name.clone(), wasm, script, spare_pages: program.spare_pages };
        let done = optimized(&program.wasm);
        wasmparser::Validator::new().validate_all(&done.module).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(done.refusals.is_empty(), "{name}: {:?}", done.refusals);
        runs_alike(&program, &done.module);
        Some(numbers(&done))
    });
    let version = wasm_opt(&["--version"]).stdout;
    let version = String::from_utf8_lossy(&version);
    let mut body = format!(
        "## After another optimizer\n\nThe same of what `wasm-opt -O3` ({}) makes of the corpus: what it leaves to be saved. It does \
         not read {}.\n\n| program | functions | changed | before | after | ratio |\n|---|---|---|---|---|---|\n",
        version.trim(),
        UNREAD.join(", ")
    );
    let mut total = [0; 4];
    for (program, numbers) in programs.iter().zip(numbers).filter_map(|(p, n)| Some((p, n?))) {
        row(&mut body, &program.name, numbers);
        total.iter_mut().zip(numbers).for_each(|(t, n)| *t += n);
    }
    row(&mut body, "corpus", total);
    assert!(total[3] < total[2], "nothing gets smaller: {total:?}");
    body
}

/// Covers TOR-REFINE-MODULES.
#[test]
fn corpus_and_published_modules_get_smaller_and_stay_what_they_are() {
    let mut body = "Bodies of `synth optimize`: functions, how many changed, bytes of all bodies before and after.\n\n\
                    | program | functions | changed | before | after | ratio |\n|---|---|---|---|---|---|\n"
        .to_string();
    let mut total = [0; 4];
    let programs = corpus();
    for program in &programs {
        let numbers = check(program);
        proved_again(program, &optimized(&program.wasm));
        row(&mut body, &program.name, numbers);
        total.iter_mut().zip(numbers).for_each(|(t, n)| *t += n);
    }
    row(&mut body, "corpus", total);
    for name in packages::NAMES {
        let numbers = check(&published(name));
        row(&mut body, name, numbers);
    }
    assert!(total[3] * 10 < total[2] * 9 + total[2] / 2, "the corpus shrinks by a twentieth at least: {total:?}");
    let _ = write!(body, "\n{}", after_wasm_opt(&programs));
    generated::table("optimize", "Optimized modules", &body);
}

/// A module whose function has loops, branches that pass values, stores, and a call that is inlined.
const SUBJECT: &str = r#"(module (memory 1)
  (func $mix (param i32 i32) (result i32) (i32.xor (i32.mul (local.get 0) (i32.const 31)) (local.get 1)))
  (func (export "f") (param $n i32) (param $p i32) (result i32) (local $h i32) (local $spare i32)
    (local.set $spare (i32.const 0))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $n)))
        (local.set $h (call $mix (local.get $h) (i32.load8_u (local.get $p))))
        (if (i32.and (local.get $h) (i32.const 1))
          (then (local.set $spare (local.get $h)) (local.set $h (i32.add (local.get $spare) (i32.const 3)))))
        (i32.store8 (local.get $p) (local.get $h))
        (local.set $p (i32.add (local.get $p) (i32.const 1)))
        (local.set $n (i32.sub (local.get $n) (i32.const 1)))
        (br $next)))
    (local.get $h)))"#;

/// Covers TOR-REFINE-WRONG.
#[cfg(feature = "faults")]
#[test]
fn a_body_with_a_fault_is_refused_and_the_function_keeps_its_own() {
    let wasm = wat::parse_str(SUBJECT).expect("valid text");
    let right = optimized(&wasm);
    assert!(right.refusals.is_empty());
    assert!(right.outcomes[1].bytes_after < right.outcomes[1].bytes_before, "{:?}", right.outcomes);
    assert!(right.outcomes[0].uncalled, "{:?}", right.outcomes);
    for Fault { name: fault, what, .. } in ALL.iter().filter(|f| f.stage == Stage::Writer) {
        let options = Options { fault: Some(fault), ..Options::default() };
        let done = optimize(&wasm, &options).unwrap_or_else(|e| panic!("{fault}: {e}"));
        assert!(done.refusals.iter().any(|r| r.function == 1 && r.pass == "wasm"), "{fault} ({what}) was not refused");
        assert_eq!(done.outcomes[1].bytes_after, done.outcomes[1].bytes_before, "{fault}");
        wasmparser::Validator::new().validate_all(&done.module).unwrap_or_else(|e| panic!("{fault}: {e}"));
    }
}

/// Text of the module of a pass.
fn module_of(pass: &str) -> Vec<u8> {
    let path = packages::repository().join("tests/passes").join(pass).with_extension("wat");
    wat::parse_file(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A fault is refused, or it changes nothing: what the pass makes is not kept where the body would be larger.
///
/// Covers TOR-SENSE-FAULTS, TOR-REFINE-WRONG.
#[cfg(feature = "faults")]
#[test]
fn faults_of_passes_are_refused() {
    let mut refused = 0;
    for (pass, (fault, what)) in PASSES.iter().flat_map(|p| of_pass(p.name).map(move |f| (p.name, (f.name, f.what)))) {
        let wasm = module_of(pass);
        let done = optimize(&wasm, &Options { fault: Some(fault), ..Options::default() });
        let done = done.unwrap_or_else(|e| panic!("{fault}: {e}"));
        if done.refusals.iter().any(|r| r.pass == pass) {
            refused += 1;
        } else {
            let is_kept = done.applied.contains_key(pass) && done.module != optimized(&wasm).module;
            assert!(!is_kept, "{fault} ({what}): {:?}", done.applied);
        }
        let reports = done.reports.iter().flatten().map(|t| &t.report);
        reports.for_each(|r| assert_eq!(r.verdict, Verdict::Proved, "{fault}: {}", r.name));
    }
    assert!(refused >= 15, "{refused} faults are refused");
}

#[test]
fn arguments_that_callees_ignore_are_not_computed() {
    let done = optimized(&module_of(DEAD_PARAMS.name));
    assert!(done.refusals.is_empty(), "{:?}", done.refusals);
    assert!(done.applied.contains_key(DEAD_PARAMS.name), "{:?}", done.applied);
    assert!(operators(&done.module).iter().all(|name| name != "I64Mul"));
}

#[test]
fn no_carrier_is_left_at_a_seam() {
    let done = optimized(&module_of(CARRIERS.name));
    assert!(done.refusals.is_empty(), "{:?}", done.refusals);
    assert!(done.applied.get(CARRIERS.name).is_some_and(|n| *n >= 2), "{:?}", done.applied);
    let text = operators(&done.module);
    assert!(text.iter().all(|name| !name.contains("I64")), "{text:?}");
}

/// Names of the operators of all bodies.
fn operators(wasm: &[u8]) -> Vec<String> {
    let payloads = Parser::new(0).parse_all(wasm).map(|p| p.expect("a valid module"));
    let bodies = payloads.filter_map(|p| if let Payload::CodeSectionEntry(body) = p { Some(body) } else { None });
    let operators = bodies.flat_map(|b| b.get_operators_reader().expect("operators").into_iter());
    operators.map(|o| format!("{:?}", o.expect("an operator"))).collect()
}

#[test]
fn sections_about_code_offsets_are_left_out_and_others_kept() {
    let text = SUBJECT.replacen("(module", r#"(module (@custom ".debug_line" "x") (@custom "vendor" "y")"#, 1);
    let wasm = wat::parse_str(text).expect("valid text");
    let done = optimized(&wasm);
    assert_eq!(done.dropped, [".debug_line"]);
    assert!(custom(&done.module, ".debug_line").is_empty());
    assert_eq!(custom(&done.module, "vendor"), [b"y"]);
    // Where nothing changes, nothing is left out.
    let small = wat::parse_str(r#"(module (@custom ".debug_line" "x") (func (export "f")))"#).expect("valid text");
    assert!(optimized(&small).module == small);
}

/// The verdict on a function of one module as a refinement of that of another, without a witness.
fn unaided(before: &str, after: &str) -> Verdict {
    let [before, after] = [before, after].map(|text| wat::parse_str(text).expect("valid text"));
    let claim = ModuleSession::unaided(&before, &after).expect("readable").0.remove(0).claim;
    with_deep_stack(|| {
        let session = ModuleSession::new(&before, &after, claim, Limits::default()).expect("readable");
        prove_all(&session, 1, &|_| {}).remove(0).report.verdict
    })
}

/// A claim with a small capacity makes growth fail, and so would prove what the declared maximum does not.
///
/// Covers TOR-CONTRACT-FITS.
#[test]
fn between_modules_memory_grows_to_its_declared_maximum() {
    let module = |body: &str| {
        let text = format!(r#"(module (memory 1 10) (func (export "f") (result i32) {body}))"#);
        wat::parse_str(text).expect("valid text")
    };
    let [before, after] = ["(drop (memory.grow (i32.const 1))) (memory.size)", "(i32.const 1)"].map(module);
    let mut claim = ModuleSession::unaided(&before, &after).expect("readable").0.remove(0).claim;
    assert!(ModuleSession::new(&before, &after, claim.clone(), Limits::default()).is_ok());
    claim.contract.capacity_bytes = 65_536;
    assert!(ModuleSession::new(&before, &after, claim, Limits::default()).is_err());
}

/// The second module grows memory, and the first does not; or somebody else does, to whom it is exported.
///
/// Covers TOR-REFINE-WRONG, TOR-WASM-GROW.
#[test]
fn between_modules_memory_has_no_fixed_size_if_either_or_a_host_changes_it() {
    let module =
        |memory: &str, body: &str| format!(r#"(module (memory {memory}) (func (export "f") (result i32) {body}))"#);
    for (memory, before, after) in [
        ("1 10", "(i32.const -1)", "(memory.grow (i32.const 1))"),
        ("1 10", "(i32.const 1)", "(drop (memory.grow (i32.const 3))) (i32.const 1)"),
        (r#"(export "m") 1 10"#, "(memory.size)", "(i32.const 1)"),
        (r#"(import "e" "m") 1 10"#, "(memory.size)", "(i32.const 1)"),
    ] {
        let [before, after] = [before, after].map(|body| module(memory, body));
        assert_ne!(unaided(&before, &after), Verdict::Proved, "{before} {after}");
    }
    assert_eq!(unaided(&module("1 10", "(memory.size)"), &module("1 10", "(i32.const 1)")), Verdict::Proved);
    let dropped = |body: &str| {
        format!(
            r#"(module (memory 1) (data $c "a") (data $d "b") (func $g (export "g") (memory.init $c (i32.const 0) (i32.const 0) (i32.const 1)))
            (func (export "f") {body}))"#
        )
    };
    let found = unaided(&dropped(""), &dropped("(data.drop $d)"));
    assert!(matches!(&found, Verdict::Unknown(why) if why.contains("drops a segment")), "{found:?}");
}

/// Host addresses, and numbers that are addresses, are not what a module's operators say: under `synth.abi` the second module reads elsewhere.
///
/// Covers TOR-REFINE-MODULES, TOR-REFINE-WRONG.
#[test]
fn modules_that_mean_more_than_their_operators_say_are_refused() {
    let load = "(i32.load (local.get 0))";
    let other = format!(
        "(if (i32.gt_u (local.get 0) (i32.const 0xfffc)) (then (return (i32.load (i32.const 0x20000))))) {load}"
    );
    let module = |import: &str, body: &str, section: &str| {
        format!(r#"(module {import} (memory 1 1) (func (export "get") (param i32) (result i32) {body}) {section})"#)
    };
    assert_eq!(unaided(&module("", load, ""), &module("", &other, "")), Verdict::Proved);
    let is_read = |before: &str, after: &str| {
        let [before, after] = [before, after].map(|text| wat::parse_str(text).expect("valid text"));
        let claim = ModuleSession::unaided(&before, &after).expect("readable").0.remove(0).claim;
        ModuleSession::new(&before, &after, claim, Limits::default()).is_ok()
    };
    for section in [r#"(@custom "vendor" "get:0")"#, ""] {
        assert!(is_read(&module("", load, ""), &module("", load, section)));
    }
    for section in
        [r#"(@custom "synth.abi" "get:0\n")"#, r#"(@custom "linking" "\02")"#, r#"(@custom "reloc.CODE" "\03\00")"#]
    {
        let [plain, told, changed] = [module("", load, ""), module("", load, section), module("", &other, section)];
        for (before, after) in [(&plain, &told), (&told, &plain), (&told, &changed)] {
            assert!(!is_read(before, after), "{section}");
        }
        assert!(optimize(&wat::parse_str(&told).expect("valid text"), &Options::default()).is_err(), "{section}");
    }
    let import = r#"(import "e" "g" (global $g i32))"#;
    let number = module(import, "(i32.add (global.get $g) (local.get 0))", "");
    assert!(is_read(&number, &number));
    let access = module(import, "(i32.load (global.get $g))", "");
    assert!(!is_read(&access, &access));
}

/// Covers TOR-REFINE-MODULES, TOR-ASSUME-CAPACITY.
#[test]
fn refine_reads_both_modules_and_says_what_it_rests_on() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        std::fs::write(&path, bytes).expect("writable");
        path.display().to_string()
    };
    let synth = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_synth")).args(arguments).output().expect("runs");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let nothing = file("refine-nothing.w", &Rounds::default().encode());
    let grows = wat::parse_str(r#"(module (memory 1 4) (func (export "f") (result i32) (memory.grow (i32.const 1))))"#);
    let module = file("refine-grows.wasm", &grows.expect("valid text"));
    let (status, said) = synth(&["refine", &module, &module, "--witness", &nothing]);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("1 of 1 function proofs"), "{said}");
    assert!(said.contains("assumptions: A-CAPACITY(262144), A-HOST, A-STACK\n"), "{said}");
    let junk = file("refine-junk.bin", b"no module");
    for options in [&["--witness", &*nothing][..], &[]] {
        let (status, said) = synth(&[&["refine", &*junk, &*junk], options].concat());
        assert_eq!((status, said.as_str()), (Some(2), ""), "{options:?}");
    }
    let before = file("refine-before.wasm", &wat::parse_str(SUBJECT).expect("valid text"));
    let after = folder.join("refine-after.wasm").display().to_string();
    let (status, said) = synth(&["optimize", &before, "-o", &after]);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("assumptions: A-CAPACITY(65536), A-HOST, A-STACK\n"), "{said}");
}

/// Covers TOR-REFINE-MODULES, TOR-REFINE-WRONG.
#[test]
fn functions_without_loops_are_related_without_a_witness() {
    let module = |body: &str| format!("(module (func (export \"f\") (param i32 i32) (result i32) {body}))");
    let sum = module("(i32.add (local.get 0) (local.get 1))");
    let other =
        module("(if (result i32) (local.get 0) (then (i32.add (local.get 1) (local.get 0))) (else (local.get 1)))");
    assert_eq!(unaided(&sum, &sum), Verdict::Proved);
    assert_eq!(unaided(&sum, &other), Verdict::Proved);
    let difference = unaided(&sum, &module("(i32.sub (local.get 0) (local.get 1))"));
    assert!(matches!(difference, Verdict::Refuted(_)), "{difference:?}");
    let exported = sum.replace("\"f\"", "\"g\"");
    assert!(matches!(unaided(&sum, &exported), Verdict::Unknown(_)));
}
