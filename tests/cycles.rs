//! Bounds of cycles: rounds of loops counted by hand, bounds against what is executed on an emulated core, costs against the table of
//! modelled cycles, and what is said where there is no bound.

mod support;

use rayon::prelude::*;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use support::packages;
use synth::bench::cycles::{CORTEX_M3, CORTEX_M4};
use synth::bench::execution::{Plugin, by_address};
use synth::bench::image::Instruction;
use synth::bench::measure::without_traps;
use synth::compile::Core;
use synth::pass::Level;
use synth::pipeline::{Compiled, Options, compile};
use synth::simulator::board::{self, Folder};
use synth::simulator::{interface, vectors};
use synth::stack::usage;
use synth::time::flow::Flow;
use synth::time::rounds::rounds;
use synth::time::{bounds, cost, edges};
use synth_validator::arm::decode::{Code, decode};
use synth_validator::arm::insn::Insn;
use synth_validator::ladder::Limits;
use synth_validator::validate::Session;

/// Pages of the emulated core. Source: QEMU, `target/arm/cpu-param.h`, TARGET_PAGE_BITS_MIN.
const PAGE_BYTES: u32 = 1024;

fn compiled(bytes: &[u8], level: Level) -> Compiled {
    compile(bytes, &Options { level, memory_pages_max: Some(8), ..Options::default() }).expect("compiles")
}

/// A compiled function as a graph, with the rounds of its loops.
struct Read {
    index: u32,
    code: Code,
    flow: Flow,
    rounds: Vec<Option<u64>>,
}

fn read(bytes: &[u8], compiled: &Compiled) -> Vec<Read> {
    let session = Session::new(bytes, &compiled.object, None, Limits::default()).expect("an object");
    let claims: BTreeMap<u32, &_> = session.claim().functions.iter().map(|f| (f.index, &f.indirect_types)).collect();
    let one = |(index, function): (&u32, &_)| {
        let code = decode(function).expect("code");
        let flow = Flow::new(&edges(&code, claims[index]).expect("edges")).expect("loops with headers");
        let rounds = rounds(&code, &flow);
        Read { index: *index, code, flow, rounds }
    };
    session.object().functions.iter().map(one).collect()
}

impl Read {
    /// What every instruction costs, calls without what they call.
    fn costs(&self, core: Core) -> Vec<u64> {
        self.flow.offsets.iter().map(|at| cost::cycles(core, &self.code.insns[at]).expect("a cost")).collect()
    }
    fn bound(&self, core: Core) -> Option<u64> {
        let rounds: Option<Vec<u64>> = self.rounds.iter().copied().collect();
        self.flow.longest(&self.costs(core), &rounds?)
    }
}

/// Loops with the rounds that they go, counted by hand; 0 where there is no bound to be found.
const LOOPS: &str = r#"(module
  (import "env" "note" (func $note (param i32)))
  (memory (export "memory") 1)
  ;; 0 to 9.
  (func (export "up_ne_10") (local $i i32)
    (loop (call $note (local.get $i))
      (br_if 0 (i32.ne (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 10)))))
  ;; 100, 93, … 2: the next one is below 0.
  (func (export "down_ge_15") (local $i i32) (local.set $i (i32.const 100))
    (loop (call $note (local.get $i))
      (br_if 0 (i32.ge_s (local.tee $i (i32.sub (local.get $i) (i32.const 7))) (i32.const 0)))))
  ;; 0, 3, … 18 are below 20.
  (func (export "up_lt_7") (local $i i32)
    (loop (call $note (local.get $i))
      (br_if 0 (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 3))) (i32.const 20)))))
  ;; From -5 up to 0 wraps: as an unsigned number it is below 3 after 5 rounds.
  (func (export "wrap_5") (local $i i32) (local.set $i (i32.const -5))
    (loop (call $note (local.get $i))
      (br_if 0 (i32.gt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 3)))))
  ;; The test comes first: 8 rounds, and the one that leaves.
  (func (export "while_8") (local $i i32)
    (block (loop
      (br_if 1 (i32.eq (local.get $i) (i32.const 8)))
      (call $note (local.get $i))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br 0))))
  ;; Even numbers never equal 7.
  (func (export "never_0") (local $i i32)
    (loop (call $note (local.get $i))
      (br_if 0 (i32.ne (local.tee $i (i32.add (local.get $i) (i32.const 2))) (i32.const 7)))))
  ;; It starts where the caller says.
  (func (export "start_0") (param $i i32)
    (loop (call $note (local.get $i))
      (br_if 0 (i32.ne (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 10)))))
  ;; It ends where memory says.
  (func (export "end_0") (local $i i32)
    (loop (call $note (local.get $i))
      (br_if 0 (i32.ne (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.load (i32.const 16))))))
  ;; The step is taken or not.
  (func (export "step_0") (local $i i32)
    (loop (call $note (local.get $i))
      (if (i32.load (i32.const 16)) (then (local.set $i (i32.add (local.get $i) (i32.const 1))) (call $note (i32.const 1))))
      (br_if 0 (i32.ne (local.get $i) (i32.const 10)))))
  ;; Two steps on one way round: 10 may be missed.
  (func (export "twice_0") (local $i i32)
    (loop (call $note (local.get $i))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (if (i32.load (i32.const 16)) (then (local.set $i (i32.add (local.get $i) (i32.const 1))) (call $note (i32.const 1))))
      (br_if 0 (i32.ne (local.get $i) (i32.const 10))))))
"#;

#[test]
fn rounds_are_those_counted_by_hand() {
    let bytes = wat::parse_str(LOOPS).expect("a module");
    for level in [Level::O0, Level::O1, Level::O2, Level::Os] {
        let compiled = compiled(&bytes, level);
        let all = read(&bytes, &compiled);
        let (mut counted, mut open) = (0, 0);
        for export in compiled.module.exports.iter().filter(|e| e.name.contains('_')) {
            let function = all.iter().find(|f| f.index == export.index).expect("compiled");
            let wanted: u64 = export.name.rsplit('_').next().and_then(|n| n.parse().ok()).expect("a number");
            for found in &function.rounds {
                match found {
                    // The last round of a loop that tests first only leaves it.
                    Some(found) if export.name == "while_8" => assert!([8, 9].contains(found), "{level:?}: {found}"),
                    Some(found) => assert_eq!(*found, wanted, "{level:?} {}", export.name),
                    None => open += 1,
                }
                counted += usize::from(found.is_some());
            }
        }
        println!("{level:?}: {counted} counted, {open} open");
        assert!(open >= 5, "{level:?}: {open}");
        // What is found depends on the form of the code; from O1 on all are.
        assert!(counted >= 5, "{level:?}: {counted}");
    }
}

#[test]
fn nothing_takes_longer_than_its_bound() {
    #[derive(Default)]
    struct Count {
        functions: usize,
        looping: usize,
        loops: usize,
        exact: usize,
    }
    let plugin = Plugin::new().expect("a plugin");
    let one = |(number, path): (usize, &PathBuf)| {
        let bytes = std::fs::read(path).expect("a module");
        let vectors = path.with_file_name("..").join("vectors").join(path.file_stem().expect("a name"));
        let script = vectors::parse(&std::fs::read_to_string(vectors.with_extension("vec")).expect("a script"));
        let script = script.expect("a script");
        let mut count = Count::default();
        let level = if number % 3 == 0 { Level::Os } else { Level::O2 };
        let compiled = compiled(&bytes, level);
        let all = read(&bytes, &compiled);
        let folder = Folder::new().expect("a folder");
        let interface = interface::interface(&bytes).expect("an interface");
        let image = board::link(&folder, &compiled.object, &interface, &script).expect("links");
        let elf = std::fs::read(&image).expect("an image");
        let places = symbols(&elf);
        let start = |f: &Read| places[&format!("__synth_f{}", f.index)];
        let sizes: BTreeMap<u32, u32> = all
            .iter()
            .flat_map(|f| f.code.insns.iter().map(move |(at, insn)| (start(f) + at, start(f) + insn.end())))
            .collect();
        let (run, mut blocks) = plugin.run(&folder, &image).expect("runs");
        assert!(run.failures.is_empty(), "{}: {:?}", path.display(), run.failures);
        if run.observations.iter().any(|seen| seen.trap.is_some()) {
            // A block that ends in a trap in its middle is counted as a whole.
            let script = without_traps(&script, &run);
            let image = board::link(&folder, &compiled.object, &interface, &script).expect("links");
            let again = symbols(&std::fs::read(&image).expect("an image"));
            assert!(all.iter().all(|f| again[&format!("__synth_f{}", f.index)] == start(f)), "the same addresses");
            blocks = plugin.run(&folder, &image).expect("runs").1;
        }
        let counts = by_address(&blocks, |at| sizes.get(&at).copied());
        let times = |f: &Read, node: usize| counts.get(&(start(f) + f.flow.offsets[node])).map_or(0, |c| c.executed);
        for f in &all {
            let entries = times(f, 0);
            // A first instruction in a loop is executed more often than the function is entered.
            // The emulator's plugin counts an instruction twice that lies in two of its pages.
            let is_in_two =
                |insn: &Insn| (start(f) + insn.offset) / PAGE_BYTES != (start(f) + insn.end() - 1) / PAGE_BYTES;
            if entries == 0 || f.flow.innermost(0).is_some() || f.code.insns.values().any(is_in_two) {
                continue;
            }
            for (l, rounds) in f.flow.loops.iter().zip(&f.rounds) {
                let Some(rounds) = rounds else { continue };
                let outer: u64 =
                    f.flow.predecessors[l.header].iter().filter(|p| !l.body.contains(p)).map(|p| times(f, *p)).sum();
                let headers = times(f, l.header);
                assert!(
                    headers <= outer * rounds,
                    "{} {}: loop at {:#x}",
                    path.display(),
                    f.index,
                    f.flow.offsets[l.header]
                );
                count.loops += 1;
                count.exact += usize::from(headers == outer * rounds);
            }
            for core in [Core::CortexM3, Core::CortexM4] {
                let Some(bound) = f.bound(core) else { continue };
                let costs = f.costs(core);
                let spent: u64 = (0..costs.len()).map(|node| times(f, node) * costs[node]).sum();
                assert!(spent <= entries * bound, "{} {}: {spent} > {entries} * {bound}", path.display(), f.index);
                count.functions += 1;
                count.looping += usize::from(!f.rounds.is_empty());
            }
        }
        count
    };
    let counts: Vec<Count> = packages::corpus().par_iter().enumerate().map(one).collect();
    let sum = |of: fn(&Count) -> usize| counts.iter().map(of).sum::<usize>();
    let (functions, looping, loops, exact) =
        (sum(|c| c.functions), sum(|c| c.looping), sum(|c| c.loops), sum(|c| c.exact));
    println!(
        "{functions} functions within their bounds, {looping} with loops; {loops} loops, {exact} go round as often as told"
    );
    assert!(functions > 600 && looping > 35 && loops > 35 && exact * 2 > loops);
}

/// Addresses of symbols, without the Thumb bit.
fn symbols(elf: &[u8]) -> BTreeMap<String, u32> {
    use object::{Object, ObjectSymbol};
    let file = object::File::parse(elf).expect("an image");
    file.symbols().filter_map(|s| Some((s.name().ok()?.to_string(), s.address() as u32 & !1))).collect()
}

#[test]
fn costs_are_not_below_what_is_modelled() {
    let mut seen = BTreeMap::new();
    for path in packages::corpus() {
        let bytes = std::fs::read(&path).expect("a module");
        for f in read(&bytes, &compiled(&bytes, Level::O2)) {
            for insn in f.code.insns.values() {
                let (mnemonic, operands) = insn.text.split_once(' ').unwrap_or((&insn.text, ""));
                let text = Instruction {
                    bytes: u32::from(insn.size),
                    mnemonic: mnemonic.to_string(),
                    operands: operands.to_string(),
                };
                for (core, table) in [(Core::CortexM3, CORTEX_M3), (Core::CortexM4, CORTEX_M4)] {
                    let most = cost::cycles(core, insn).expect("a cost");
                    assert!(most >= table.cycles(&text, None), "{}", insn.text);
                }
                *seen.entry(mnemonic.to_string()).or_insert(0) += 1;
            }
        }
    }
    println!("{} mnemonics", seen.len());
    assert!(seen.len() > 60);
}

#[test]
fn what_has_no_bound_is_named() {
    let bytes = wat::parse_str(
        r#"(module
          (import "env" "note" (func $note (param i32)))
          (func $again (export "again") (param i32) (result i32)
            (if (result i32) (local.get 0)
              (then (call $note (i32.const 1)) (call $again (i32.sub (local.get 0) (i32.const 1))))
              (else (i32.const 0))))
          (func (export "calls") (param i32) (result i32) (call $again (local.get 0)))
          (func (export "open") (param i32)
            (loop (call $note (local.get 0))
              (br_if 0 (local.tee 0 (i32.shr_u (local.get 0) (i32.const 1))))))
          (func (export "counted") (local $i i32)
            (loop (call $note (local.get $i)) (call $note (i32.const 3))
              (br_if 0 (i32.ne (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 10))))))"#,
    );
    let (bytes, folder) = (bytes.expect("a module"), Folder::new().expect("a folder"));
    folder.write("m.wasm", &bytes).expect("written");
    let synth = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_synth")).args(args).current_dir(folder.path()).output();
        let output = output.expect("it runs");
        (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    };
    assert_eq!(synth(&["compile", "m.wasm", "-o", "m.o"]).0, Some(0));
    let (code, said) = synth(&["cycles", "m.o", "m.wasm"]);
    assert_eq!(code, Some(0), "{said}");
    for wanted in [
        "recursion: again > again",
        "again has no bound",
        "the loop at wasm offset 0x",
        "has no provable bound",
        "note 20",
    ] {
        assert!(said.contains(wanted), "{wanted} in {said}");
    }
    let (_, said) = synth(&["cycles", "m.o", "m.wasm", "--format", "json"]);
    let report: Value = serde_json::from_str(&said).expect("JSON");
    let rows = report["functions"].as_array().expect("functions");
    let row = |name: &str| rows.iter().find(|f| f["name"] == name).expect("a function");
    assert!(row("counted")["cycles"].as_u64().is_some_and(|c| c > 100) && row("counted")["outside"]["note"] == 20);
    assert!(row("counted")["loops"][0]["rounds"] == 10 && row("open")["loops"][0]["rounds"] == Value::Null);
    assert!(row("open")["cycles"] == Value::Null && row("open")["declined"].as_array().is_some_and(|d| d.len() == 1));
    let (code, said) = synth(&["cycles", "m.o", "m.wasm", "--target", "cortex-m7"]);
    assert!(code == Some(0) && said.contains("there is no table of cycles for this core"), "{said}");
    // The longest way of the whole tree: with the callee's bound at each of its calls.
    let session =
        Session::new(&bytes, &compiled(&bytes, Level::O2).object, None, Limits::default()).expect("an object");
    let stacks = usage(session.module(), session.object(), session.claim(), &BTreeMap::new()).expect("stack use");
    let times = bounds(session.object(), session.claim(), &stacks, Core::CortexM4);
    assert_eq!(times.iter().filter(|t| t.cycles.is_some()).count(), 1);
}
