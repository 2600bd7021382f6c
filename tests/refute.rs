//! The quick pass of refutation on the corpus: it finds nothing wrong with what the compiler emits, shows something for
//! most functions, and finds most bits that are flipped in the code.

mod support;

use std::collections::BTreeMap;
use support::proofs::{deep, verdict};
use synth::pass::Level;
use synth::pipeline::{Options, compile};
use synth_validator::arm::decode::{Code, FunctionBytes, decode};
use synth_validator::arm::semantics::Function as ArmFunction;
use synth_validator::concrete::mix;
use synth_validator::contract::{Bounds, PAGE_BYTES};
use synth_validator::ladder::Limits;
use synth_validator::refinement::Shape;
use synth_validator::refute::Setting;
use synth_validator::refute::search::{Found, Plan, search};
use synth_validator::validate::{Session, Verdict};
use synth_validator::wasm::code::body;
use synth_validator::wasm::semantics::Function;

/// One function of a compiled module, to be compared with any code.
struct Subject<'s> {
    session: &'s Session<'s>,
    bytes: &'s [u8],
    index: u32,
    setting: Setting,
    types: BTreeMap<u32, u32>,
}

impl<'s> Subject<'s> {
    fn new(session: &'s Session<'s>, bytes: &'s [u8], index: u32) -> Option<Subject<'s>> {
        let module = session.module();
        let params = module.type_of(index).int_params().ok()?;
        let min = module.memories.first().map_or(0, |m| m.min_pages as u32 * PAGE_BYTES);
        let shape = Shape {
            args: params.iter().map(|t| t.words() as u32).sum(),
            cells: module.cells,
            memory_bytes: (!module.grows).then_some(min),
            memory_bytes_min: min,
            memory_bytes_max: session.contract().capacity_bytes,
        };
        let body = body(module, bytes, index).ok()?;
        let setting = Setting::of_module(module, bytes, shape).ok()?.for_function(shape, &body);
        let claim = session.claim().functions.iter().find(|f| f.index == index)?;
        Some(Subject { session, bytes, index, setting, types: claim.indirect_types.clone() })
    }
    fn search(&self, code: &Code) -> Option<Found> {
        let (module, contract) = (self.session.module(), self.session.contract());
        let body = body(module, self.bytes, self.index).ok()?;
        let left = Function::new(module, &body, contract);
        let right = ArmFunction::new(code, module, contract, self.index, self.types.clone()).ok()?;
        Some(search(&left, &right, &self.setting, &Plan::QUICK))
    }
}

/// The code with a few single bits flipped, where that still decodes.
fn mutants(code: &FunctionBytes) -> impl Iterator<Item = (u32, Code)> {
    (0..8u32).filter_map(move |i| {
        let bit = mix(i ^ 0x5eed ^ code.address) % (8 * code.bytes.len() as u32);
        let mut flipped = code.clone();
        flipped.bytes[bit as usize / 8] ^= 1 << (bit % 8);
        Some((bit, decode(&flipped).ok()?))
    })
}

#[test]
fn corpus() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus/wasm");
    let mut paths: Vec<_> = std::fs::read_dir(folder).expect("corpus").map(|e| e.expect("entry").path()).collect();
    paths.sort();
    let (mut functions, mut shown, mut mutated, mut refuted) = (0, 0, 0, 0);
    for (n, path) in paths.iter().enumerate() {
        let bytes = std::fs::read(path).expect("module");
        let bounds = [Bounds::Software, Bounds::Mpu, Bounds::Mask][n % 3];
        let Ok(compiled) = compile(&bytes, &Options { bounds, level: Level::O0, ..Options::default() }) else {
            continue;
        };
        let session = Session::new(&bytes, &compiled.object, None, Limits::default()).expect("session");
        for index in session.functions() {
            let Some(subject) = Subject::new(&session, &bytes, index) else {
                continue;
            };
            let code = &session.object().functions[&index];
            let Ok(decoded) = decode(code) else { continue };
            let Some(found) = subject.search(&decoded) else {
                continue;
            };
            let name = format!("{} func[{index}] {bounds:?}", path.display());
            if let Some(difference) = found.difference {
                panic!("{name}: {}", difference.render());
            }
            functions += 1;
            shown += u32::from(found.agreed > 0);
            if found.agreed == 0 {
                println!("{name}: nothing shown: {}", found.reason.unwrap_or_default());
                continue;
            }
            for (_, mutant) in mutants(code) {
                mutated += 1;
                refuted += u32::from(subject.search(&mutant).is_some_and(|f| f.difference.is_some()));
            }
        }
    }
    println!("{functions} functions, {shown} shown, {mutated} mutants, {refuted} refuted");
    assert!(functions > 0 && shown * 10 >= functions * 7, "{shown} of {functions}");
    assert!(refuted * 2 >= mutated, "{refuted} of {mutated}");
}

/// Tables and segments of more than 1 MiB, and an imported global that is imported twice: right code is not refuted.
///
/// Covers TOR-VERDICT-REFUTED.
#[test]
fn large_tables_and_segments_have_addresses_of_their_own() {
    let bytes = "a".repeat(1 << 20);
    let segment = format!(
        r#"(module (memory 32) (data $d "{bytes}bcdefgh") (data $e "zzzzzzzzzzzzzzzzzz")
        (func (export "f") (result i32)
          (memory.init $d (i32.const 0) (i32.const 1048576) (i32.const 4)) (i32.load (i32.const 0))))"#
    );
    let table = r#"(module (type $t (func (result i32))) (table 200000 funcref) (table 300000 funcref)
        (elem (i32.const 199999) func $a) (elem (i32.const 199998) func $a)
        (func $a (result i32) (i32.const 7))
        (func (export "g") (param i32) (result i32)
          (call_indirect (type $t) (i32.add (i32.and (local.get 0) (i32.const 1)) (i32.const 199998)))))"#;
    let twice = r#"(module (import "e" "g" (global $a i32)) (import "e" "g" (global $b i32))
        (func (export "same") (result i32) (i32.eq (global.get $a) (global.get $b))))"#;
    for text in [segment.as_str(), table, twice] {
        let wasm = wat::parse_str(text).expect("valid text");
        let compiled = compile(&wasm, &Options::default()).expect("compiles");
        let found = deep(|| verdict(&wasm, &compiled.object, None));
        let head: String = text.chars().take(60).collect();
        assert_eq!(found, Verdict::Proved, "{head}");
    }
}
