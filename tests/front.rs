//! The compiler's front end: modules are decoded, functions become well-formed IR.

use synth::build::{Built, build};
use synth::decode::decode;
use synth::print::print;
use synth::verify::verify;
use synth_validator::contract::{Bounds, Contract, MemoryOwner};

fn contract(bounds: Bounds) -> Contract {
    Contract { bounds, memory: MemoryOwner::Own, capacity_bytes: 1 << 24 }
}

const MODES: [Bounds; 4] = [Bounds::Software, Bounds::Mpu, Bounds::Mask, Bounds::None];

/// Builds function `index` and checks each stage.
fn stages(bytes: &[u8], index: u32, bounds: Bounds) -> Built {
    let module = decode(bytes).expect("the module is supported");
    let built = build(bytes, &module, &contract(bounds), index).expect("the function is supported");
    assert_eq!(verify(&built.func, Some(&module)), [], "{}", print(&built.func));
    built
}

fn function(text: &str) -> Built {
    let bytes = wat::parse_str(format!("(module (memory 1) {text})")).expect("valid text");
    stages(&bytes, 0, Bounds::Software)
}

#[test]
fn a_local_that_no_arm_changes_gets_no_parameter() {
    let built = function(
        "(func (param i32 i32) (result i32) (local i32)
           (if (local.get 0) (then (local.set 2 (i32.const 7))) (else (local.set 2 (local.get 1))))
           (i32.add (local.get 2) (local.get 1)))",
    );
    let join = built.func.blocks.last().expect("blocks");
    assert_eq!(join.params.len(), 1, "{}", print(&built.func));
    assert_eq!(built.witness.cuts.len(), 1);
    assert_eq!(built.witness.cuts[0].equal.len(), 2);
}
#[test]
fn show() {
    let built = function(
        "(func (param i32 i64) (result i64) (local i64 i32)
           (block $out (result i64)
           (loop $l (param) 
             (br_if $out (local.get 2) (i32.eqz (local.get 0)))
             drop
             (local.set 2 (i64.add (local.get 2) (i64.div_s (i64.load (local.get 0)) (i64.const 3))))
             (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
             (block (block (br_table 0 1 2 1 (local.get 0))) (local.set 1 (i64.const 5)))
             (br $l))
            unreachable))",
    );
    println!("{}\n{:?}", print(&built.func), built.witness);
}

#[test]
fn all_functions_of_the_corpus_build() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/wasm");
    let mut functions = 0;
    for file in std::fs::read_dir(folder).expect("the corpus is there") {
        let bytes = std::fs::read(file.expect("readable").path()).expect("readable");
        let module = decode(&bytes).expect("the module is supported");
        for index in module.imported_functions()..module.functions.len() as u32 {
            for bounds in MODES {
                stages(&bytes, index, bounds);
            }
            functions += 1;
        }
    }
    assert!(functions > 5, "{functions} functions");
}
