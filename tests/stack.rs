//! Stack use as `synth stack` tells it: against the stack pointer that proofs have, against what functions are seen to use on an
//! emulated board (a painted stack), and its reports and errors.

mod support;

use rayon::prelude::*;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::packages;
use synth::pass::Level;
use synth::pipeline::{Compiled, Options, compile};
use synth::simulator::board::{self, Folder};
use synth::simulator::vectors::{self, Statement};
use synth::stack::frame::frame_use;
use synth::stack::{Callee, FunctionStack, usage};
use synth_validator::arm::decode::decode;
use synth_validator::contract::SYM_INIT;
use synth_validator::ladder::Limits;
use synth_validator::validate::Session;
use synth_validator::witness::Loc;

/// What the test firmware's way into its host takes of the caller's stack: r0 to r3, r4 and lr.
const HOST_BYTES: u32 = 24;

fn compiled(bytes: &[u8], level: Level) -> Compiled {
    let options = Options { level, memory_pages_max: Some(8), ..Options::default() };
    compile(bytes, &options).expect("compiles")
}

fn told(bytes: &[u8], compiled: &Compiled, outside: &BTreeMap<String, u32>) -> Vec<FunctionStack> {
    let session = Session::new(bytes, &compiled.object, None, Limits::default()).expect("an object");
    usage(session.module(), session.object(), session.claim(), outside).expect("stack use")
}

#[test]
fn the_stack_pointer_is_where_proofs_have_it() {
    let (mut functions, mut points) = (0, 0);
    for path in packages::corpus() {
        let bytes = std::fs::read(&path).expect("a module");
        for level in [Level::O0, Level::O2, Level::Os] {
            let compiled = compiled(&bytes, level);
            let session = Session::new(&bytes, &compiled.object, None, Limits::default()).expect("an object");
            for claim in session.claim().functions.iter().filter(|f| session.object().functions.contains_key(&f.index))
            {
                let code = decode(&session.object().functions[&claim.index]).expect("code");
                let read = frame_use(&code, &claim.indirect_types).expect("stack use");
                let own = compiled.functions.iter().find(|f| f.index == claim.index).expect("compiled");
                assert_eq!(read.bytes, own.stack_bytes, "{} function {}", path.display(), claim.index);
                assert_eq!(read.depths.len(), code.insns.len(), "all instructions are reached");
                functions += 1;
                // Claims of proofs: at a cut point sp is that of entry, and so much less.
                for cut in &claim.witness.cuts {
                    let below = cut.equal.iter().find_map(|(left, right)| match (left, right) {
                        (Loc::Entry(13, below), Loc::Sp) => Some(-below),
                        _ => None,
                    });
                    let below = below.expect("every cut point says where sp is");
                    assert_eq!(i64::from(read.depths[&(cut.right as u32)]), i64::from(below));
                    points += 1;
                }
            }
        }
    }
    println!("{functions} functions, {points} cut points");
    assert!(functions > 1400 && points > 1500);
}

/// What calls of a program's script use on the emulated board: export, bytes, whether it trapped.
fn used(path: &Path, compiled: &Compiled, bytes: &[u8]) -> Vec<(String, u32, bool)> {
    let vectors =
        path.with_file_name("..").join("vectors").join(path.file_stem().expect("a name")).with_extension("vec");
    let script = vectors::parse(&std::fs::read_to_string(vectors).expect("a script")).expect("a script");
    let run = board::run(&compiled.object, bytes, &script).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    assert!(run.failures.is_empty(), "{}: {:?}", path.display(), run.failures);
    let calls = script.lines.iter().filter_map(|(_, statement)| match statement {
        Statement::Call { export, .. } => Some(export.clone()),
        _ => None,
    });
    let names = std::iter::once(SYM_INIT.to_string()).chain(calls);
    let results = run.observations.iter().zip(&run.stack_bytes);
    names.zip(results).map(|(name, (seen, bytes))| (name, *bytes, seen.trap.is_some())).collect()
}

#[test]
fn no_call_uses_more_than_is_told() {
    #[derive(Default)]
    struct Count {
        compared: usize,
        exports: usize,
        exact: usize,
        unbounded: usize,
    }
    let one = |path: &PathBuf| {
        let bytes = std::fs::read(path).expect("a module");
        let compiled = compiled(&bytes, Level::O2);
        let first = told(&bytes, &compiled, &BTreeMap::new());
        // The firmware's host is known; what run-time helpers take is not.
        let imports = first.iter().flat_map(|f| f.total.outside.keys()).filter(|name| !name.starts_with("__aeabi_"));
        let host = imports.map(|name| (name.clone(), HOST_BYTES)).collect();
        let told = told(&bytes, &compiled, &host);
        let mut most: BTreeMap<String, u32> = BTreeMap::new();
        let mut count = Count::default();
        for (export, used, traps) in used(path, &compiled, &bytes) {
            // The exception of a trap has its own frame there.
            let function = told.iter().find(|f| f.exports.contains(&export) || f.name == export);
            let Some(function) = function.filter(|_| !traps) else { continue };
            match function.total.bytes.filter(|_| function.total.outside.is_empty()) {
                Some(bytes) => {
                    assert!(u64::from(used) <= bytes, "{}: {export} uses {used}, more than {bytes}", path.display());
                    let so_far = most.entry(export).or_insert(0);
                    *so_far = (*so_far).max(used);
                    count.compared += 1;
                }
                None => count.unbounded += 1,
            }
        }
        count.exports = most.len();
        let is_exact = |(export, used): (&String, &u32)| {
            told.iter()
                .any(|f| (f.exports.contains(export) || f.name == *export) && f.total.bytes == Some((*used).into()))
        };
        count.exact = most.iter().filter(|pair| is_exact(*pair)).count();
        count
    };
    let counts: Vec<Count> = packages::corpus().par_iter().map(one).collect();
    let sum = |of: fn(&Count) -> usize| counts.iter().map(of).sum::<usize>();
    let (compared, exports, exact) = (sum(|c| c.compared), sum(|c| c.exports), sum(|c| c.exact));
    println!(
        "{compared} calls of {exports} exports use at most what is told, {exact} exports exactly that; {} calls without bound",
        sum(|c| c.unbounded)
    );
    assert!(compared > 1500 && exact * 10 > exports * 8);
}

/// A program whose deepest path is taken by `deep`: through a table and through a function with many values alive over a call. What is
/// on the stack there was counted by hand from the assembly that `synth disasm` shows.
const DEEP: &str = r#"(module
  (import "env" "note" (func $note (param i32)))
  (type $unary (func (param i32) (result i32)))
  (type $binary (func (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (table 4 4 funcref)
  (elem (i32.const 0) $small $large $other)
  (func $small (type $unary) (i32.add (local.get 0) (i32.const 1)))
  (func $large (type $unary)
    (local $a i32) (local $b i32) (local $c i32) (local $d i32) (local $e i32)
    (local.set $a (i32.load (local.get 0)))
    (local.set $b (i32.load offset=4 (local.get 0)))
    (local.set $c (i32.load offset=8 (local.get 0)))
    (local.set $d (i32.load offset=12 (local.get 0)))
    (local.set $e (i32.load offset=16 (local.get 0)))
    (call $note (local.get $a))
    (call $note (local.get $b))
    (i32.add (local.get $a)
      (i32.xor (local.get $b) (i32.sub (local.get $c) (i32.mul (local.get $d) (local.get $e))))))
  (func $other (type $binary)
    (call $note (i32.add (local.get 0) (call $again (local.get 1))))
    (i32.const 5))
  (func $again (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then (i32.add (i32.const 1) (call $again (i32.sub (local.get 0) (i32.const 1)))))
      (else (i32.const 0))))
  (func (export "deep") (param i32 i32) (result i32)
    (i32.add (local.get 1) (call_indirect (type $unary) (i32.const 64) (local.get 0))))
  (func (export "round") (param i32) (result i32) (call $again (local.get 0)))
  (func (export "other") (param i32 i32) (result i32)
    (call_indirect (type $binary) (local.get 0) (local.get 1) (i32.const 2))))
"#;

struct Deep {
    folder: Folder,
    bytes: Vec<u8>,
    compiled: Compiled,
}

fn deep() -> Deep {
    let bytes = wat::parse_str(DEEP).expect("a module");
    let folder = Folder::new().expect("a folder");
    folder.write("deep.wasm", &bytes).expect("written");
    let options = Options { left_out: vec!["inline".to_string()], ..Options::default() };
    let compiled = compile(&bytes, &options).expect("compiles");
    folder.write("deep.o", &compiled.object).expect("written");
    Deep { folder, bytes, compiled }
}

impl Deep {
    fn synth(&self, args: &[&str]) -> (i32, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_synth")).args(args).current_dir(self.folder.path()).output();
        let output = output.expect("it runs");
        (
            output.status.code().unwrap_or(-1),
            String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(),
        )
    }
    fn json(&self, args: &[&str]) -> Value {
        let (_, said) = self.synth(&[&["stack", "deep.o", "deep.wasm", "--format", "json"], args].concat());
        serde_json::from_str(&said).unwrap_or_else(|e| panic!("{e}: {said}"))
    }
}

fn row<'a>(report: &'a Value, name: &str) -> &'a Value {
    let rows = report["functions"].as_array().expect("functions");
    rows.iter().find(|f| f["name"] == name).unwrap_or_else(|| panic!("no {name} in {report}"))
}

#[test]
fn the_deepest_path_uses_exactly_what_is_told() {
    let deep = deep();
    let host = BTreeMap::from([("note".to_string(), HOST_BYTES)]);
    let told = told(&deep.bytes, &deep.compiled, &host);
    let function = told.iter().find(|f| f.exports == ["deep"]).expect("an export");
    // Indirect calls reach all functions of their type, and no others: `other` and its recursion are of another one.
    let reached: Vec<&Callee> = function.calls.iter().flat_map(|c| &c.callees).collect();
    assert_eq!(reached, [&Callee::Function(1), &Callee::Function(2)]);
    assert_eq!(function.total.path, [5, 2]);
    let bytes = function.total.bytes.expect("a bound");
    let below = told.iter().find(|f| f.index == 2).expect("large").own_bytes + HOST_BYTES;
    assert_eq!(bytes, u64::from(function.own_bytes + below));
    let script = vectors::parse("call deep 0 1\ncall deep 1 1\n").expect("a script");
    let run = board::run(&deep.compiled.object, &deep.bytes, &script).expect("runs");
    assert!(run.failures.is_empty(), "{:?}", run.failures);
    assert_eq!(run.stack_bytes[1], function.own_bytes);
    assert_eq!(u64::from(run.stack_bytes[2]), bytes);
}

#[test]
fn reports_name_what_is_not_known() {
    let deep = deep();
    let report = deep.json(&[]);
    assert_eq!(row(&report, "round")["bytes"], Value::Null);
    assert_eq!(row(&report, "round")["circle"], serde_json::json!(["again", "again"]));
    assert_eq!(row(&report, "other")["circle"], serde_json::json!(["again", "again"]));
    let deepest = row(&report, "deep");
    assert_eq!(deepest["path"], serde_json::json!(["deep", "large"]));
    assert_eq!(deepest["outside"]["note"], deepest["bytes"]);
    assert!(
        deepest["calls"][0]["indirect"] == true
            && deepest["calls"][0]["callees"] == serde_json::json!(["small", "large"])
    );
    let (code, said) = deep.synth(&["stack", "deep.o", "deep.wasm"]);
    assert_eq!(code, 0);
    for wanted in ["recursion: again > again", "deep > large", "  note", "from deep"] {
        assert!(said.contains(wanted), "{wanted} in {said}");
    }
    // With the host's use there is nothing unknown but the recursion.
    let with = deep.json(&["--outside", "note=100"]);
    assert_eq!(row(&with, "deep")["bytes"].as_u64(), deepest["bytes"].as_u64().map(|b| b + 100));
    assert_eq!(row(&with, "deep")["outside"], serde_json::json!({}));
    let (code, said) = deep.synth(&["stack", "deep.o", "deep.wasm", "--outside", "nota=100"]);
    assert!(code == 2 && said.contains("nota, which no function calls"), "{said}");
    let (code, said) = deep.synth(&["stack", "deep.o", "deep.wasm", "--outside", "note"]);
    assert!(code == 2 && said.contains("SYMBOL=BYTES"), "{said}");
    let (code, said) = deep.synth(&["stack", "deep.wasm", "deep.wasm"]);
    assert_eq!(code, 2, "{said}");
}

#[test]
fn a_gate_stops_builds() {
    let deep = deep();
    let gate = |args: &[&str]| deep.synth(&[&["stack", "deep.o", "deep.wasm", "--fail-above"], args].concat());
    let (code, said) = gate(&["4096"]);
    assert!(
        code == 1 && said.contains("deep calls note, whose use is not known (--outside note=BYTES says it)"),
        "{said}"
    );
    let (code, said) = gate(&["4096", "--outside", "note=8"]);
    assert!(code == 1 && said.contains("round has no bound"), "{said}");
    let (code, said) = gate(&["16", "--outside", "note=8"]);
    assert!(code == 1 && said.contains("bytes, more than 16"), "{said}");
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/wasm/crc32.wasm");
    let (module, args) =
        (corpus.to_str().expect("a plain path"), ["compile", "-o", "crc.o", "--stack-usage", "crc.su"]);
    let (code, said) = deep.synth(&[&args[..], &[module]].concat());
    assert_eq!(code, 0, "{said}");
    let usage = std::fs::read_to_string(deep.folder.path().join("crc.su")).expect("a file");
    let is_row = |line: &str| {
        let parts: Vec<&str> = line.split('\t').collect();
        parts.len() == 3 && parts[0].starts_with("crc.o:") && parts[1].parse::<u32>().is_ok() && parts[2] == "static"
    };
    assert!(usage.lines().count() >= 3 && usage.lines().all(is_row), "{usage}");
    let (code, said) = deep.synth(&["stack", "crc.o", module, "--fail-above", "64"]);
    assert_eq!(code, 0, "{said}");
    // A linked image is read as an object is.
    let link = ["-Ttext=0x8000", "-e", "0x8000", "crc.o", "-o", "crc.elf"];
    let status = Command::new("arm-none-eabi-ld").args(link).current_dir(deep.folder.path()).status();
    assert!(status.expect("links").success());
    let text = |file| deep.synth(&["stack", file, module]).1;
    assert_eq!(text("crc.o"), text("crc.elf"));
    let (code, said) = deep.synth(&[&args[..4], &["crc.o", module]].concat());
    assert!(code == 2 && said.contains("--stack-usage"), "{said}");
}

/// A start function without bound, an exported import, and an export that needs neither.
const BESIDE: &str = r#"(module
  (import "env" "led" (func $led (param i32)))
  (export "led2" (func $led))
  (memory 1)
  (global $g (mut i32) (i32.const 0))
  (func $deep (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then (i32.add (i32.const 1) (call $deep (i32.sub (local.get 0) (i32.const 1)))))
      (else (i32.const 0))))
  (func $start START)
  (start $start)
  (func (export "leaf") (result i32) (global.get $g)))"#;

/// A table for the host with a function that is not exported.
const TABLED: &str = r#"(module (import "env" "led" (func $led (param i32))) (table (export "t") 1 funcref) (elem (i32.const 0) $own)
    (func $own (param i32 i32 i32 i32) (call $led (i32.const 1)) (call $led (local.get 0)) (call $led (local.get 1)) (call $led (local.get 2))
      (call $led (local.get 3)))
    (func (export "f") (result i32) (i32.const 1)))"#;

/// Covers TOR-EXIT-NOTPROVED, TOR-EXIT-DONE.
#[test]
fn a_gate_looks_at_all_that_the_host_may_call() {
    let folder = deep();
    let beside = |start: &str| {
        folder.folder.write("beside.wat", BESIDE.replace("START", start).as_bytes()).expect("written");
        let (code, said) = folder.synth(&["compile", "beside.wat", "-o", "beside.o", "--without-pass", "inline"]);
        assert_eq!(code, 0, "{said}");
    };
    let gate = |args: &[&str]| folder.synth(&[&["stack", "beside.o", "beside.wat"], args].concat());
    // The start-up function is called like an export.
    beside("(global.set $g (call $deep (i32.const 1000)))");
    let (code, said) = gate(&["--fail-above", "100", "--outside", "led=8"]);
    assert!(code == 1 && said.contains("__synth_instance_init has no bound"), "{said}");
    // So is an entry of an exported table, which has no name.
    folder.folder.write("table.wat", TABLED.as_bytes()).expect("written");
    let (code, said) = folder.synth(&["compile", "table.wat", "-o", "table.o", "--without-pass", "inline"]);
    assert_eq!(code, 0, "{said}");
    let (code, said) = folder.synth(&["stack", "table.o", "table.wat", "--fail-above", "16"]);
    assert!(code == 1 && said.contains("own calls led, whose use is not known"), "{said}");
    // An exported import is the host's function.
    beside("(global.set $g (i32.const 7))");
    let (code, said) = gate(&["--fail-above", "100"]);
    assert!(
        code == 1 && said.contains("led2 calls led, whose use is not known (--outside led=BYTES says it)"),
        "{said}"
    );
    assert_eq!(gate(&["--fail-above", "100", "--outside", "led=100"]).0, 0);
    // Nothing wraps: not what is given, nor what is added to it.
    for given in ["led=101", "led=4294967295"] {
        let (code, said) = gate(&["--fail-above", "100", "--outside", given]);
        assert!(code == 1 && said.contains("led2 takes"), "{said}");
    }
    beside("(call $led (i32.const 1)) (call $led (i32.const 2))");
    let (_, said) = gate(&["--outside", "led=4294967295", "--format", "json"]);
    let report: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(row(&report, "led2")["bytes"], u32::MAX);
    assert!(row(&report, "__synth_instance_init")["bytes"].as_u64() > Some(u32::MAX.into()), "{report}");
    // `synth cycles` lists the same functions, each with its own code.
    let (code, said) = folder.synth(&["cycles", "beside.o", "beside.wat", "--format", "json"]);
    let report: Value = serde_json::from_str(&said).expect("JSON");
    assert!(code == 0 && row(&report, "led2")["outside"] == serde_json::json!({ "led": 1 }), "{said}");
}

#[test]
fn code_that_moves_the_stack_pointer_otherwise_is_refused() {
    let bytes = std::fs::read(packages::corpus().iter().find(|p| p.ends_with("expression.wasm")).expect("a program"))
        .expect("read");
    let compiled = compiled(&bytes, Level::O2);
    let session = Session::new(&bytes, &compiled.object, None, Limits::default()).expect("an object");
    let claim = session.claim().functions.iter().find(|f| f.index == 7).expect("hanoi");
    let whole = &session.object().functions[&7];
    let right = frame_use(&decode(whole).expect("code"), &claim.indirect_types).expect("stack use");
    let (mut refused, mut other, mut same) = (0, 0, 0);
    for bit in 0..whole.bytes.len() * 8 {
        let mut changed = whole.clone();
        changed.bytes[bit / 8] ^= 1 << (bit % 8);
        // What the decoder does not take is no code.
        let Ok(code) = decode(&changed) else { continue };
        match frame_use(&code, &claim.indirect_types) {
            Err(_) => refused += 1,
            Ok(read) if read.depths != right.depths || read.bytes != right.bytes || read.calls != right.calls => {
                other += 1
            }
            Ok(_) => same += 1,
        }
    }
    println!("of changed bits {refused} refused, {other} told otherwise, {same} no matter of the stack pointer");
    // The push, the pop and the calls: each bit of a register list moves the stack pointer.
    let push = code_of(whole, 0);
    for bit in (0..9).filter(|bit| push & 1 << bit != 0) {
        let mut changed = whole.clone();
        changed.bytes[..2].copy_from_slice(&(push ^ 1 << bit).to_le_bytes());
        let read = decode(&changed).map(|code| frame_use(&code, &claim.indirect_types));
        assert!(!matches!(read, Ok(Ok(ref read)) if read.bytes == right.bytes), "bit {bit}");
    }
    assert!(refused > 10 && same > 10);
}

fn code_of(function: &synth_validator::arm::decode::FunctionBytes, at: usize) -> u16 {
    u16::from_le_bytes([function.bytes[at], function.bytes[at + 1]])
}
