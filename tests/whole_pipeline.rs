//! Generated modules through the whole pipeline: compiled at every level and under every bounds mode, proved, and with software bounds
//! executed in a foreign engine, in the wasm interpreter and in the Arm interpreter, which must agree on results, trap kinds, linear
//! memory, its size, calls of imports and globals.
//!
//! `FUZZ_PROGRAMS=n` sets how many modules; with `BLESS=1` the table in `docs/conformance/fuzzing.md` is written. A module is named by its
//! number: `FUZZ_FIRST=number FUZZ_PROGRAMS=2` takes it up again, and `FUZZ_KEEP=folder` keeps the modules of findings and of what is
//! being examined. With `FUZZ_RECORD=file` each program's result is a line of that file, and a run that stopped goes on where it was, if the
//! binary is the same.

mod support;

use arbitrary::Unstructured;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::Write as _;
use std::ops::Range;
use std::sync::Mutex;
use support::interpreter::{self, Recorder};
use support::observation::{Run, RunError, disagreements};
use support::packages::repository;
use support::plain_selects::plain_selects;
use support::proofs::deep_map;
use support::vectors::{self, Script};
use support::{generator, modules, wasmi_engine};
use synth::error::CompileError;
use synth::mutate::inputs::Random;
use synth::pass::Level;
use synth::pipeline::{Compiled, Options, compile};
use synth::refusal::settle;
use synth_validator::arm::machine::Machine;
use synth_validator::contract::Bounds;
use synth_validator::ladder::Limits;
use synth_validator::validate::{FunctionReport, Session, Verdict};
use synth_validator::wasm::instance::Instance;

/// Programs in a test run without `FUZZ_PROGRAMS`.
const PROGRAMS: u64 = 40;
/// Limits of a proof. What does not fit is proved once more, with the command's own limits; what does not fit these is counted as open.
const LIMITS: Limits = Limits { smt_steps: 500_000, full_steps: 500_000, region_steps: 20_000, queries: 500 };
/// Steps of one side's script.
const FUEL: u64 = 20_000_000;

/// A module and the calls to make.
struct Program {
    wasm: Vec<u8>,
    script: Script,
    pages_max: Option<u32>,
}

/// The first of a few modules of `wasm-smith` that the compiler supports: many import tables, or globals that can change.
fn supported(seed: u64) -> Option<Program> {
    let supported =
        |p: &Program| !matches!(compile(&p.wasm, &Options::default()), Err(CompileError::Unsupported { .. }));
    (0..20).filter_map(|attempt| smith(seed, attempt)).find(supported)
}

/// A module of `wasm-smith` that ends, because it counts its steps.
fn smith(seed: u64, attempt: u64) -> Option<Program> {
    let mut random = Random::new(0x5317 + attempt, seed);
    let size = 300 + random.below(2_500);
    let data: Vec<u8> = (0..size).map(|_| random.draw() as u8).collect();
    let config = wasm_smith::Config {
        min_funcs: 1,
        max_funcs: 6,
        max_instructions: 60,
        max_imports: 3,
        allow_start_export: false,
        ..generator::smith()
    };
    let mut module = wasm_smith::Module::new(config, &mut Unstructured::new(&data)).ok()?;
    module.ensure_termination(500).ok()?;
    let wasm = module.to_bytes();
    let interface = modules::interface(&wasm).ok()?;
    let mut text = String::new();
    for _ in 0..3 {
        for (name, signature) in &interface.exports {
            // Names that scripts cannot write are not called.
            if name.is_empty() || name.chars().any(|c| !c.is_ascii_alphanumeric()) {
                continue;
            }
            let _ = write!(text, "call {name}");
            signature.params.iter().for_each(|width| {
                let value = if random.below(2) == 0 { random.below(70) as u64 } else { random.draw() };
                let value = if *width == modules::Width::Word { value & 0xffff_ffff } else { value };
                let _ = write!(text, " {value:#x}");
            });
            text.push('\n');
        }
    }
    let script = vectors::parse(&text).ok()?;
    Some(Program { wasm, script, pages_max: None })
}

fn own(seed: u64) -> Program {
    let generator::Program { text, script } = generator::program(seed);
    let wasm = wat::parse_str(&text).unwrap_or_else(|e| panic!("program {seed}: {e}\n{text}"));
    let script = vectors::parse(&script).unwrap_or_else(|e| panic!("program {seed}: {e}"));
    Program { wasm, script, pages_max: Some(3) }
}

/// What became of a program under one choice of options.
#[derive(Default, Serialize, Deserialize)]
struct Found {
    counts: BTreeMap<String, u64>,
    /// Everything that is not as it must be, with a line for each.
    findings: Vec<String>,
    /// Not proved, within the limits.
    open: Vec<String>,
    /// Not the compiler's doing, and why.
    explained: Vec<String>,
}

impl Found {
    fn count(&mut self, what: &str, n: u64) {
        *self.counts.entry(what.to_string()).or_default() += n;
    }
}

const LEVELS: [Level; 3] = [Level::O2, Level::Os, Level::O1];
const BOUNDS: [Bounds; 5] = [Bounds::Software, Bounds::Software, Bounds::None, Bounds::Mask, Bounds::Mpu];

fn examine(number: u64) -> Found {
    let mut found = Found::default();
    let program = if number.is_multiple_of(2) { Some(own(number)) } else { supported(number) };
    let Some(program) = program else {
        found.count("no module", 1);
        return found;
    };
    let kept =
        std::env::var("FUZZ_KEEP").ok().map(|folder| std::path::Path::new(&folder).join(format!("{number}.wasm")));
    if let Some(kept) = &kept {
        std::fs::write(kept, &program.wasm).expect("the module can be kept");
    }
    // Every program at -O2 with software bounds, which is executed, and under one other choice.
    let other = (LEVELS[number as usize / 2 % 3], BOUNDS[number as usize / 6 % 5]);
    let mut choices = vec![(Level::O2, Bounds::Software)];
    choices.extend((other != choices[0]).then_some(other));
    for (level, bounds) in choices {
        let pages = program.pages_max.filter(|_| bounds != Bounds::Mask).map(|p| p.min(2));
        let options = Options { level, bounds, memory_pages_max: pages, ..Options::default() };
        let name = format!("program {number} {level:?} {bounds:?}");
        let attempt = |options: &Options| {
            let compiled = compile(&program.wasm, options)?;
            let reports = prove(&program.wasm, &compiled);
            Ok::<_, CompileError>((compiled, reports))
        };
        fn reports((_, proof): &(Compiled, Result<Proof, String>)) -> Vec<&FunctionReport> {
            proof.as_ref().map_or(Vec::new(), |p| p.reports.iter().collect())
        }
        let (compiled, proof) = match settle(options, attempt, reports) {
            Ok(((compiled, proof), refusals)) => {
                found.count("passes refused", refusals.len() as u64);
                (compiled, proof)
            }
            // An address that is and is not the host's is refused by name, which is what the contract says of it.
            Err(error @ CompileError::Border { .. }) => {
                found.count("addresses of two kinds", 1);
                found.explained.push(format!("{name}: {error}"));
                continue;
            }
            Err(
                error @ (CompileError::Internal { .. }
                | CompileError::DebugInfo { .. }
                | CompileError::NoFunction { .. }),
            ) => {
                found.findings.push(format!("{name}: {error}"));
                continue;
            }
            Err(CompileError::Unsupported { .. } | CompileError::Limit { .. }) => {
                found.count("not supported", 1);
                continue;
            }
            // A segment that does not fit traps at instantiation, which is told at once.
            Err(CompileError::Instantiation { .. }) => {
                found.count("traps at instantiation", 1);
                continue;
            }
            Err(error @ CompileError::Malformed { .. }) => {
                found.findings.push(format!("{name}: {error}"));
                continue;
            }
        };
        found.count("compiled", 1);
        let accesses_host = proof.as_ref().is_ok_and(|p| p.accesses_host);
        judge(&name, proof, &mut found);
        match bounds == Bounds::Software {
            // An imported global is an address of the host's, where the engine sees a number and linear memory.
            true if accesses_host => {
                found.count("not run: accesses the host's memory", 1);
                found.explained.push(format!("{name}: accesses the host's memory"));
            }
            true => run(&name, &program, &compiled, &mut found),
            false => {}
        }
    }
    if let Some(kept) = kept.filter(|_| found.findings.is_empty() && found.open.is_empty()) {
        std::fs::remove_file(kept).expect("it was kept");
    }
    found
}

/// Verdicts on an object.
struct Proof {
    image: Verdict,
    reports: Vec<FunctionReport>,
    /// Functions that the command's own limits proved.
    long: u64,
    /// Whether the module accesses the host's memory, as the contract has it.
    accesses_host: bool,
}

fn prove(wasm: &[u8], compiled: &Compiled) -> Result<Proof, String> {
    let session = |limits| Session::new(wasm, &compiled.object, None, limits).map_err(|e| e.to_string());
    let (short, mut long) = (session(LIMITS)?, 0);
    let mut reports: Vec<FunctionReport> = short.functions().into_iter().map(|f| short.function(f)).collect();
    for report in reports.iter_mut().filter(|r| is_limit(&r.verdict)) {
        *report = session(Limits::default())?.function(report.index);
        long += u64::from(report.verdict == Verdict::Proved);
    }
    Ok(Proof { image: short.image(), reports, long, accesses_host: short.module().has_host_accesses() })
}

fn is_limit(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Unknown(detail) if detail.contains("limit reached"))
}

fn judge(name: &str, proof: Result<Proof, String>, found: &mut Found) {
    let Proof { image, reports, long, .. } = match proof {
        Ok(proof) => proof,
        Err(e) => return found.findings.push(format!("{name}: {e}")),
    };
    found.count("of them, with the command's limits", long);
    // Under `A-BOUNDS` a function that always leaves linear memory has no run that counts, nor has what inlines it.
    let is_vacuous = reports.iter().any(|r| matches!(r.verdict, Verdict::Vacuous(_)));
    let functions = reports.into_iter().map(|r| (format!("function {}", r.index), r.verdict));
    for (what, verdict) in std::iter::once(("image".to_string(), image)).chain(functions) {
        let text = || {
            let detail = verdict.detail().lines().next().unwrap_or_default();
            format!("{name}: {what}: {}: {detail}", verdict.name())
        };
        match &verdict {
            Verdict::Proved => found.count("proved", 1),
            Verdict::Vacuous(_) => found.count("vacuous", 1),
            Verdict::Unknown(detail) if is_vacuous && detail.starts_with("rests on") => found.count("vacuous", 1),
            verdict if is_limit(verdict) => {
                found.count("limit reached", 1);
                found.open.push(text());
            }
            _ => found.findings.push(text()),
        }
    }
}

fn run(name: &str, program: &Program, compiled: &Compiled, found: &mut Found) {
    let Program { wasm, script, .. } = program;
    let contract = &compiled.claim.contract;
    let pages = contract.capacity_bytes / 65_536;
    let engine = match wasmi_engine::run(wasm, script, Some(pages)) {
        Ok(run) => run,
        // Two imports of one name and of different kinds have no host.
        Err(RunError::Module(text)) if text.contains("found definition for import") => {
            return found.count("no host", 1);
        }
        Err(e) => return found.findings.push(format!("{name}: the engine: {e}")),
    };
    let interface = modules::interface(wasm).expect("it was read");
    let module = synth_validator::wasm::reader::read(wasm).expect("it was proved");
    let object = synth_validator::arm::object::read(&compiled.object, &module).expect("it was proved");
    let host = || Recorder::new(&interface);
    let mut instance = Instance::new(&module, wasm, contract.clone(), host(), FUEL);
    let mut machine = Machine::new(&module, &object, contract.clone(), host(), FUEL);
    let left = interpreter::run(instance.as_mut().map_err(|e| e.clone()), &interface, script);
    let right = interpreter::run(machine.as_mut().map_err(|e| e.clone()), &interface, script);
    found.count("calls", engine.observations.len() as u64 - 1);
    let traps = engine.observations.iter().filter(|o| o.trap.is_some()).count() as u64;
    found.count("calls that trap", traps);
    let stops = |run: &Run| run.failures.iter().any(|f| f.contains("fuel"));
    if stops(&left) || stops(&right) {
        found.count("ran too long", 1);
        return;
    }
    let differences = |engine: &Run| -> Vec<String> {
        let sides = [("wasm interpreter", &left), ("Arm interpreter", &right)];
        let of = |(what, run): (&str, &Run)| {
            let lines = disagreements(script, engine, run).into_iter().chain(run.failures.clone());
            lines.map(|text| format!("{name}: {what}: {}", text.replace('\n', " "))).collect::<Vec<_>>()
        };
        sides.into_iter().flat_map(of).collect()
    };
    let mut different = differences(&engine);
    if !different.is_empty()
        && let Some(plain) = plain_selects(wasm)
        && let Ok(second) = wasmi_engine::run(&plain, script, Some(pages))
        && differences(&second).is_empty()
    {
        found.count("engine wrong", 1);
        found.explained.push(format!("engine wrong: {}", different.swap_remove(0)));
        different.clear();
    }
    found.findings.extend(different);
    if let (Ok(instance), Ok(machine)) = (&instance, &machine)
        && !machine.cells().is_empty()
        && instance.cells() != machine.cells()
    {
        let text = format!("globals {:x?} and {:x?}", instance.cells(), machine.cells());
        found.findings.push(format!("{name}: {text}"));
    }
}

/// What the table's rows mean.
const ROWS: &str = "
Every program is compiled and proved at `-O2` with software bounds checks, where it is also run, and under one other choice of level and
bounds. *Proved* and *vacuous* count functions and initial images. *Of them, with the command's limits* are functions that the limits of this run, an
eighth to a half of the command's, do not prove, and the command's do. *Limit reached* is what neither proves. *Passes refused* counts passes that the
validator did not prove for a function, which was compiled without them.

*Engine wrong*: both our interpreters agree with each other, and `wasmi` 2.0.0 does not, unless each `select`'s condition goes through a local: its fusion
of `select` with a comparison with zero then reads the operand from the accumulator although it is in a stack slot (`tests/support/plain_selects.rs`; no later
release is there). *Not run: accesses the host's memory*: the module accesses memory through an imported global, which the contract takes as an address of the
host's and the engine as a number; such programs are proved and not compared. *Addresses of two kinds*: such an address is computed otherwise than by adding, which
is refused by name, as `docs/abi.md` says. *No host*: two imports have one name and different kinds.

What is open, and findings, if there are any:
";

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

/// Results of a run as they come, in memory and, if asked for, in a file that the same binary reads again.
struct Record {
    results: BTreeMap<u64, Found>,
    file: Option<std::fs::File>,
    wanted: usize,
}

impl Record {
    /// What the file of `FUZZ_RECORD` holds of `numbers`. Its first line is the digest of the binary that wrote it; that of another is not
    /// believed and begins anew.
    fn open(numbers: &Range<u64>) -> Self {
        let mut record = Record { results: BTreeMap::new(), file: None, wanted: numbers.clone().count() };
        let Some(path) = std::env::var_os("FUZZ_RECORD") else { return record };
        let binary = std::fs::read(std::env::current_exe().expect("a test runs")).expect("the test's binary");
        let digest: String = Sha256::digest(binary).iter().map(|b| format!("{b:02x}")).collect();
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        // A line that has no end was being written when the run stopped.
        let mut lines = text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
        let mut kept = digest.clone() + "\n";
        if lines.next() == Some(&digest) {
            for line in lines {
                let (number, found): (u64, Found) = serde_json::from_str(line).expect("a line of ours");
                if numbers.contains(&number) {
                    record.results.insert(number, found);
                }
                kept = kept + line + "\n";
            }
        }
        eprintln!("{} results are there already, of this binary", record.results.len());
        std::fs::write(&path, kept).expect("the record can be written");
        record.file = Some(std::fs::File::options().append(true).open(path).expect("it was written"));
        record
    }

    fn insert(&mut self, number: u64, found: Found) {
        found.findings.iter().for_each(|line| eprintln!("FINDING: {line}"));
        if let Some(file) = &mut self.file {
            let line = serde_json::to_string(&(number, &found)).expect("text") + "\n";
            file.write_all(line.as_bytes()).expect("the record can be written");
        }
        self.results.insert(number, found);
        if self.results.len().is_multiple_of(500) {
            let findings: usize = self.results.values().map(|f| f.findings.len()).sum();
            eprintln!("{} of {} programs, {findings} findings", self.results.len(), self.wanted);
        }
    }
}

/// Covers TOR-USE-GENERATED.
#[test]
fn generated_programs_are_proved_and_agree() {
    let (first, count) = (number("FUZZ_FIRST", 0), number("FUZZ_PROGRAMS", PROGRAMS));
    let numbers = first..first + count;
    let record = Record::open(&numbers);
    let missing: Vec<u64> = numbers.filter(|n| !record.results.contains_key(n)).collect();
    let record = Mutex::new(record);
    deep_map(&missing, |n| {
        let found = examine(*n);
        record.lock().expect("no panic").insert(*n, found);
    });
    let results = record.into_inner().expect("no panic").results;
    let mut kinds: [(Found, &str); 2] = [(Found::default(), "own generator"), (Found::default(), "`wasm-smith`")];
    for (n, found) in results {
        let sum = &mut kinds[(n % 2) as usize].0;
        found.counts.into_iter().for_each(|(what, n)| sum.count(&what, n));
        sum.findings.extend(found.findings);
        sum.open.extend(found.open);
        sum.explained.extend(found.explained);
    }
    let rows = [
        "no module",
        "not supported",
        "compiled",
        "proved",
        "of them, with the command's limits",
        "vacuous",
        "traps at instantiation",
        "limit reached",
        "calls",
        "calls that trap",
        "ran too long",
        "passes refused",
        "no host",
        "addresses of two kinds",
        "not run: accesses the host's memory",
        "engine wrong",
    ];
    let mut text = String::from("| | own generator | `wasm-smith` |\n|---|---:|---:|\n");
    let _ = writeln!(text, "| programs | {} | {} |", count.div_ceil(2), count / 2);
    for row in rows {
        let of = |found: &Found| found.counts.get(row).copied().unwrap_or(0);
        let _ = writeln!(text, "| {row} | {} | {} |", of(&kinds[0].0), of(&kinds[1].0));
    }
    let _ = writeln!(text, "| findings | {} | {} |", kinds[0].0.findings.len(), kinds[1].0.findings.len());
    println!("{text}");
    let open: Vec<&String> = kinds.iter().flat_map(|(f, _)| &f.open).collect();
    let findings: Vec<&String> = kinds.iter().flat_map(|(f, _)| &f.findings).collect();
    open.iter().for_each(|line| println!("open: {line}"));
    kinds.iter().flat_map(|(f, _)| &f.explained).for_each(|line| println!("explained: {line}"));
    findings.iter().for_each(|line| println!("FINDING: {line}"));
    let lines = [("open", &open), ("FINDING", &findings)];
    let named: Vec<String> =
        lines.iter().flat_map(|(what, l)| l.iter().map(move |line| format!("{what}: {line}"))).collect();
    if std::env::var_os("BLESS").is_some() && count >= 1_000 {
        let table = repository().join("docs/conformance/fuzzing.md");
        let head = "<!-- Generated by `make fuzz`. -->\n# Generated programs\n\nFirst and last number of the programs, which are their seeds";
        let none = if named.is_empty() { "\n    none" } else { "" };
        let named: String = named.iter().fold(none.to_string(), |all, line| all + "\n    " + line);
        std::fs::write(table, format!("{head}: {first}, {}.\n\n{text}{ROWS}{named}\n", first + count - 1))
            .expect("written");
    }
    assert!(findings.is_empty(), "{} findings, the first:\n{}", findings.len(), findings[0]);
    let proved: u64 = kinds.iter().map(|(f, _)| f.counts.get("proved").copied().unwrap_or(0)).sum();
    assert!(proved > 3 * count, "{proved}");
}
