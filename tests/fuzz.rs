//! Bad and strange input: arbitrary bytes, damaged corpus modules, damaged objects, and generated modules, through
//! reader, compiler, object reader and, for small ones, the prover. Nothing panics; what compiles is proved.
//!
//! Cases are counted, not timed, and come from fixed seeds. `FUZZ_CASES=n` multiplies their number.

mod support;

use arbitrary::Unstructured;
use std::collections::BTreeMap;
use support::generator;
use support::packages;
use support::proofs::deep_map;
use support::targets;
use synth::error::CompileError;
use synth::pipeline::{Options, compile};
use synth_validator::contract::Bounds;
use synth_validator::ladder::Limits;
use synth_validator::refute::search::Random;
use synth_validator::validate::{Session, Verdict};
use synth_validator::{arm, wasm};

fn cases(n: u32) -> Vec<u32> {
    let factor = std::env::var("FUZZ_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    (0..n * factor).collect()
}

fn bytes(random: &mut Random, count: u32) -> Vec<u8> {
    (0..count).map(|_| random.draw() as u8).collect()
}

fn corpus() -> Vec<Vec<u8>> {
    packages::corpus().iter().map(|path| std::fs::read(path).expect("a module")).collect()
}

/// Changes a few bytes.
fn damage(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..1 + random.below(3) {
        let at = random.below(bytes.len() as u32) as usize;
        match random.below(12) {
            0..=4 => bytes[at] = random.draw() as u8,
            5..=9 => bytes[at] ^= 1 << random.below(8),
            10 => drop(bytes.splice(at..at, [random.draw() as u8])),
            _ => bytes.truncate(at.max(8)),
        }
    }
}

/// How a compilation came out; a defect of the compiler is a failure of the test.
fn outcome(seed: u32, result: &Result<synth::pipeline::Compiled, CompileError>) -> &'static str {
    match result {
        Ok(_) => "compiled",
        Err(CompileError::Malformed { .. }) => "malformed",
        Err(CompileError::Instantiation { .. }) => "traps",
        Err(CompileError::Unsupported { .. }) => "unsupported",
        Err(CompileError::Limit { .. }) => "limit",
        Err(CompileError::Border { .. }) => "border",
        Err(
            error @ (CompileError::Internal { .. } | CompileError::DebugInfo { .. } | CompileError::NoFunction { .. }),
        ) => {
            panic!("case {seed}: {error}")
        }
    }
}

fn count(names: impl IntoIterator<Item = &'static str>) -> BTreeMap<&'static str, u32> {
    names.into_iter().fold(BTreeMap::new(), |mut counts, name| {
        *counts.entry(name).or_default() += 1;
        counts
    })
}

/// Covers TOR-INPUT-MODULE, TOR-INPUT-NOPANIC.
#[test]
fn arbitrary_bytes_are_refused() {
    let outcomes = deep_map(&cases(2_000), |&seed| {
        let mut random = Random(seed);
        let size = random.below(200);
        let mut module = if seed % 2 == 0 { b"\0asm\x01\0\0\0".to_vec() } else { Vec::new() };
        module.extend(bytes(&mut random, size));
        let _ = wasm::reader::read(&module);
        outcome(seed, &compile(&module, &Options::default()))
    });
    println!("arbitrary bytes: {:?}", count(outcomes));
}

/// Covers TOR-INPUT-NOPANIC.
#[test]
fn damaged_modules_do_not_panic() {
    let corpus = corpus();
    let outcomes = deep_map(&cases(400), |&seed| {
        let mut random = Random(seed ^ 0x0bad_c0de);
        let mut module = corpus[random.below(corpus.len() as u32) as usize].clone();
        damage(&mut random, &mut module);
        // The validator's reader and the compiler's agree on what is a module of theirs.
        let read = wasm::reader::read(&module).is_ok();
        let compiled = compile(&module, &Options::default());
        assert!(read || compiled.is_err(), "case {seed}: compiled, but the validator refuses the module");
        outcome(seed, &compiled)
    });
    println!("damaged modules: {:?}", count(outcomes));
}

/// Covers TOR-INPUT-NOPANIC, TOR-INPUT-OBJECT.
#[test]
fn damaged_objects_do_not_panic() {
    let objects: [(Vec<u8>, Vec<u8>); 3] = ["loops", "tables", "mutex"].map(|name| {
        let path = packages::repository().join("corpus/wasm").join(name).with_extension("wasm");
        let wasm = std::fs::read(path).expect("a module");
        let object = compile(&wasm, &Options::default()).expect("compiles").object;
        (wasm, object)
    });
    let outcomes = deep_map(&cases(600), |&seed| {
        let mut random = Random(seed ^ 0x00b1_ec75);
        let (wasm, object) = &objects[random.below(3) as usize];
        let mut object = object.clone();
        damage(&mut random, &mut object);
        let Ok(session) = Session::new(wasm, &object, None, Limits::default()) else {
            return "refused";
        };
        let _ = session.image();
        session.object().functions.values().for_each(|f| drop(arm::decode::decode(f)));
        "read"
    });
    println!("damaged objects: {:?}", count(outcomes));
}

/// A generated module of integers.
fn generated(seed: u32) -> Option<Vec<u8>> {
    let mut random = Random(seed ^ 0x5317_0000);
    let size = 200 + random.below(1_500);
    let data = bytes(&mut random, size);
    let config =
        wasm_smith::Config { min_funcs: 1, max_funcs: 5, max_instructions: 40, max_imports: 4, ..generator::smith() };
    let module = wasm_smith::Module::new(config, &mut Unstructured::new(&data)).ok()?;
    Some(module.to_bytes())
}

#[test]
fn generated_modules_compile_and_are_proved() {
    let results = deep_map(&cases(300), |&seed| {
        let Some(module) = generated(seed) else {
            return ("no module", 0, vec![]);
        };
        let bounds = [Bounds::Software, Bounds::None, Bounds::Mask, Bounds::Mpu][seed as usize % 4];
        let compiled = compile(&module, &Options { bounds, ..Options::default() });
        let name = outcome(seed, &compiled);
        let Ok(compiled) = compiled else {
            return (name, 0, vec![]);
        };
        let limits = Limits { region_steps: 20_000, ..Limits::default() };
        let session = Session::new(&module, &compiled.object, None, limits);
        let session = session.unwrap_or_else(|e| panic!("case {seed}: {e}"));
        let (mut proved, mut not) = (0, Vec::new());
        let mut judge = |what: String, verdict: Verdict| match verdict {
            Verdict::Proved => proved += 1,
            other => not.push(format!("case {seed} {bounds:?} {what}: {}: {}", other.name(), other.detail())),
        };
        judge("image".to_string(), session.image());
        for index in session.functions().into_iter().filter(|f| compiled_size(&session, *f) < 2_000) {
            judge(format!("function {index}"), session.function(index).verdict);
        }
        // What inlines a function without a run that counts has none either.
        if not.iter().any(|text| text.contains(": Vacuous: ")) {
            not.retain(|text| !text.contains(": Unknown: rests on "));
        }
        (name, proved, not)
    });
    let proved: u32 = results.iter().map(|r| r.1).sum();
    let not: Vec<&String> = results.iter().flat_map(|r| &r.2).collect();
    println!("generated modules: {:?}; {proved} proved, {} not", count(results.iter().map(|r| r.0)), not.len());
    not.iter().for_each(|text| println!("{}", text.lines().next().unwrap_or_default()));
    let allowed =
        |text: &str| text.contains(": Unsupported: ") || text.contains("limit reached") || text.contains(": Vacuous: ");
    let wrong: Vec<_> = not.into_iter().filter(|text| !allowed(text)).collect();
    assert!(wrong.is_empty(), "{} are not proved, the first:\n{}", wrong.len(), wrong[0]);
    assert!(proved > 100, "{proved}");
}

fn compiled_size(session: &Session<'_>, index: u32) -> usize {
    session.object().functions.get(&index).map_or(0, |f| f.bytes.len())
}

/// Inputs of a fuzz target: noise, and its own kind of input, damaged.
fn inputs(name: &str, seed: u32, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut random = Random(seed);
    let size = random.below(300);
    let whole = match name {
        _ if seed.is_multiple_of(3) => return bytes(&mut random, size),
        "decoder" => return bytes(&mut random, 2_000),
        "wasm_reader" => corpus[random.below(corpus.len() as u32) as usize].clone(),
        "lemmas" => std::fs::read(packages::repository().join("lemmas/rules/shift.lemma")).expect("lemmas"),
        _ => {
            let compiled = compile(&corpus[1], &Options::default()).expect("compiles");
            if name == "object" { compiled.object } else { compiled.claim.encode() }
        }
    };
    let mut whole = whole;
    damage(&mut random, &mut whole);
    whole
}

/// Covers TOR-INPUT-NOPANIC.
#[test]
fn fuzz_targets_hold_on_noise_and_damage() {
    let corpus = corpus();
    for (name, check) in targets::ALL {
        deep_map(&cases(150), |seed| check(&inputs(name, *seed, &corpus)));
    }
}
