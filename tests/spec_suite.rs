//! The official specification suite, 1.0 and 2.0, executed four ways; counts go to `docs/conformance/spec-suite.md`.
//!
//! `BLESS=1 cargo test --test spec_suite` writes the table, a plain run compares it.

#[path = "../validator/tests/generated/mod.rs"]
mod generated;
mod spec;
mod support;

use spec::firmware::{self, Job};
use spec::interpreted::{self, Built, Prepared};
use spec::outcome::{Answer, Outcome, judge};
use spec::report::{self, Row};
use spec::script::{self, Directive, Expected, File, Step};
use spec::{proved, refused};
use support::proofs::deep_map;
use support::tamper::Subject;
use synth_validator::arm::object;
use synth_validator::contract::SYM_FUNCTION;
use synth_validator::wasm::reader;

/// A file after ways 1 and 2.
struct Ran {
    prepared: Prepared,
    built: Vec<Result<Built, Answer>>,
    ways: [Vec<Answer>; 2],
    /// Of ways 1, 2 and 4, to directives that want a module refused.
    refused: Vec<Option<[Answer; 3]>>,
}

/// Ways 1 and 2. `plant` may change the objects.
fn run(file: &File, plant: impl Fn(&mut [Result<Built, Answer>])) -> Ran {
    let mut prepared = interpreted::prepare(file);
    let one = interpreted::way_1(file, &mut prepared);
    let mut built = interpreted::build(file, &prepared);
    plant(&mut built);
    let two = interpreted::way_2(file, &prepared, &built);
    let refused = file.directives.iter().map(|directive| refused::refused(&directive.step)).collect();
    Ran { prepared, built, ways: [one, two], refused }
}

/// Covers TOR-WASM-SUITE.
#[test]
fn the_specification_suite_holds_in_four_ways() {
    let files = script::files();
    let ran = deep_map(&files, |file| run(file, |_| ()));
    let jobs: Vec<Job<'_>> = files.iter().zip(&ran).map(|(file, ran)| job(file, ran)).collect();
    let (images, way_3) = firmware::way_3(&jobs);
    let compiled: Vec<_> = files.iter().zip(&ran).map(|(file, ran)| (file, ran.built.as_slice())).collect();
    let modules = proved::way_4(&compiled);
    let mut rows = Vec::new();
    for (((file, ran), three), modules) in files.iter().zip(ran).zip(way_3).zip(&modules) {
        let four = proved::answers(file, &ran.built, modules);
        let [one, two] = ran.ways;
        let mut ways = [one, two, three, four];
        for (d, refused) in ran.refused.into_iter().enumerate() {
            for (way, answer) in [0, 1, 3].into_iter().zip(refused.into_iter().flatten()) {
                ways[way][d] = answer;
            }
        }
        let judged = |answers: Vec<Answer>| {
            file.directives.iter().zip(&answers).map(|(directive, answer)| judge(&directive.step, answer)).collect()
        };
        rows.push(Row { file, outcomes: ways.map(judged), modules });
    }
    println!("{images} boots");
    let faults = report::faults(&rows);
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    generated::table("spec-suite", "The specification suite", &report::text(&rows));
}

/// Way 1 without the others, which is quick.
///
/// Covers TOR-WASM-SUITE.
#[test]
fn the_interpreter_alone_holds() {
    let mut held = 0;
    for file in script::files() {
        let answers = interpreted::way_1(&file, &mut interpreted::prepare(&file));
        for (directive, answer) in file.directives.iter().zip(&answers) {
            match judge(&directive.step, answer) {
                Outcome::Passed => held += 1,
                Outcome::Failed(why) => panic!("{}:{}: {why}", file.name, directive.line),
                Outcome::Skipped(_) | Outcome::Absent => {}
            }
        }
    }
    assert!(held > 10_000, "{held}");
}

fn job<'a>(file: &'a File, ran: &'a Ran) -> Job<'a> {
    Job { file, prepared: &ran.prepared, built: &ran.built, way_2: &ran.ways[1] }
}

/// The file whose faults are planted, and the lines at which directives of one of its exports stand.
fn subject(export: &str) -> (File, Vec<usize>) {
    let file = script::files().into_iter().find(|file| file.name == "2.0/i32.wast").expect("it is there");
    let called = |directive: &&Directive| match &directive.step {
        Step::Return(call, _) | Step::Trap(call, _) => call.export == export,
        _ => false,
    };
    let lines = file.directives.iter().filter(called).map(|directive| directive.line).collect();
    (file, lines)
}

/// The lines of directives that do not hold, by way.
fn failures(file: &File, plant: impl Fn(&mut [Result<Built, Answer>])) -> [Vec<usize>; 4] {
    let ran = run(file, plant);
    let (_, three) = firmware::way_3(&[job(file, &ran)]);
    let modules = proved::way_4(&[(file, ran.built.as_slice())]);
    let four = proved::answers(file, &ran.built, &modules[0]);
    let [one, two] = ran.ways;
    [one, two, three[0].clone(), four].map(|answers| {
        let directives = file.directives.iter().zip(&answers);
        let wrong = directives.filter(|(d, answer)| matches!(judge(&d.step, answer), Outcome::Failed(_)));
        wrong.map(|(directive, _)| directive.line).collect()
    })
}

#[test]
fn a_wrong_expectation_is_reported() {
    let (mut file, lines) = subject("add");
    let line = lines[3];
    let directive = file.directives.iter_mut().find(|directive| directive.line == line).expect("it is there");
    let Step::Return(_, expected) = &mut directive.step else { panic!("line {line} is no assert_return") };
    assert_eq!(*expected, [Expected::Word(0)]);
    *expected = vec![Expected::Word(1)];
    assert_eq!(failures(&file, |_| ()), [vec![line], vec![line], vec![line], vec![]]);
}

#[test]
fn a_wrong_instruction_is_reported() {
    let (file, lines) = subject("add");
    let module = reader::read(&file.units[0].bytes).expect("it is valid");
    // `adds r0, r0, r1` becomes `subs r0, r0, r1`. Source: DDI 0403E, ADD (register) T1, SUB (register) T1.
    let plant = |built: &mut [Result<Built, Answer>]| {
        let Ok(built) = &mut built[0] else { panic!("it compiles") };
        let subject = Subject { wasm: file.units[0].bytes.clone(), compiled: built.compiled.clone() };
        assert_eq!(built.compiled.object[subject.code(0)][..2], [0x40, 0x18]);
        built.compiled.object = subject.patched(&format!("{SYM_FUNCTION}0"), 0, &[0x40, 0x1a]);
        built.object = object::read(&built.compiled.object, &module).expect("it is an object");
    };
    let [one, two, three, four] = failures(&file, plant);
    assert!(one.is_empty());
    assert!(!two.is_empty() && two.iter().all(|line| lines.contains(line)), "{two:?}");
    assert_eq!(two, three);
    assert_eq!(four, [file.directives[0].line]);
}
