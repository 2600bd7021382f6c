//! The compiler's front end: modules are decoded, functions become well-formed IR.

use synth::build::{Built, build};
use synth::decode::decode;
use synth::error::CompileError;
use synth::legalize::legalize;
use synth::print::print;
use synth::simplify::simplify;
use synth::verify::verify;
use synth_validator::contract::{Bounds, Contract, MemoryOwner, PAGE_BYTES};
use synth_validator::ir::{Func, Type};
use synth_validator::ir_semantics::IrProgram;
use synth_validator::ladder::Limits;
use synth_validator::refinement::{Effort, Failure, FailureKind, Shape, check};
use synth_validator::wasm;
use synth_validator::wasm::module::Module;
use synth_validator::witness::Witness;

fn contract(bounds: Bounds) -> Contract {
    Contract::new(bounds, MemoryOwner::Own, 1 << 24)
}

const MODES: [Bounds; 4] = [Bounds::Software, Bounds::Mpu, Bounds::Mask, Bounds::None];

/// Builds function `index`, checks each stage and proves each link.
fn stages(bytes: &[u8], index: u32, bounds: Bounds) -> Result<(Built, Func), CompileError> {
    let module = decode(bytes)?;
    let contract = contract(bounds);
    let built = build(bytes, &module, &contract, index)?;
    let (words, split) = legalize(&built.func);
    let (clean, cleaning) = simplify(&words);
    for func in [&built.func, &words, &clean] {
        assert_eq!(verify(func, Some(&module)), [], "{}", print(func));
    }
    assert!(words.values.iter().all(|t| *t == Type::I32));
    let module = wasm::reader::read(bytes).expect("the validator reads what the compiler reads");
    // The validator refuses an operator even where it cannot be reached.
    let body = wasm::code::body(&module, bytes, index).map_err(|e| CompileError::Unsupported {
        function: Some(index),
        offset: e.offset as u64,
        what: e.what.to_string(),
    })?;
    let source = wasm::semantics::Function::new(&module, &body, &contract);
    let program = |func| IrProgram::new(func, &contract, min_bytes(&module), &module);
    let shape = shape(&module, index);
    let prove = |what, effort: Result<Effort, Failure>, left: &Func, right: &Func, witness: &Witness| {
        // Without checks, a function may break `A-BOUNDS` in every state; that is vacuous, and said so.
        let vacuous = |e: &Failure| bounds != Bounds::Software && e.kind == FailureKind::Vacuous;
        if let Err(e) = effort
            && !vacuous(&e)
        {
            panic!("{what} of function {index}, {bounds:?}: {e:#?}\n{}\n{}\n{witness:?}", print(left), print(right));
        }
    };
    let limits = Limits::default();
    let effort =
        check(&source, &program(&built.func), &built.witness, &shape, &Default::default(), &limits, &mut |_| {});
    prove("building", effort, &built.func, &built.func, &built.witness);
    let effort =
        check(&program(&built.func), &program(&words), &split, &shape, &Default::default(), &limits, &mut |_| {});
    prove("legalization", effort, &built.func, &words, &split);
    let effort =
        check(&program(&words), &program(&clean), &cleaning, &shape, &Default::default(), &limits, &mut |_| {});
    prove("simplification", effort, &words, &clean, &cleaning);
    Ok((built, clean))
}

fn shape(module: &Module, index: u32) -> Shape {
    let params = module.type_of(index).int_params().expect("integers");
    let fixed = module.memories.first().filter(|m| m.import.is_none() && !module.grows);
    Shape {
        args: params.iter().map(|t| t.words() as u32).sum(),
        cells: module.cells,
        memory_bytes: fixed.map(|m| m.min_pages as u32 * PAGE_BYTES),
        memory_bytes_min: min_bytes(module),
        memory_bytes_max: max_bytes(module).min(contract(Bounds::Software).capacity_bytes),
    }
}

fn max_bytes(module: &Module) -> u32 {
    let pages = module.memories.first().and_then(|m| m.max_pages).unwrap_or(u64::MAX);
    pages.saturating_mul(u64::from(PAGE_BYTES)).try_into().unwrap_or(u32::MAX)
}

fn min_bytes(module: &Module) -> u32 {
    module.memories.first().map_or(0, |m| m.min_pages as u32 * PAGE_BYTES)
}

/// Builds the first function of a module with one page of memory.
fn function(text: &str) -> (Built, Func) {
    let bytes = wat::parse_str(format!("(module (memory 1) {text})")).expect("valid text");
    stages(&bytes, 0, Bounds::Software).expect("the function is supported")
}

#[test]
fn a_local_that_no_arm_changes_gets_no_parameter() {
    let (built, _) = function(
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
fn all_functions_of_the_corpus_build() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/wasm");
    let mut functions = 0;
    for file in std::fs::read_dir(folder).expect("the corpus is there") {
        let bytes = std::fs::read(file.expect("readable").path()).expect("readable");
        let module = decode(&bytes).expect("the module is supported");
        for index in module.imported_functions()..module.functions.len() as u32 {
            for bounds in [Bounds::Software, MODES[1 + index as usize % 3]] {
                match stages(&bytes, index, bounds) {
                    Ok(_) => functions += 1,
                    Err(CompileError::Unsupported { .. }) => {}
                    Err(e) => panic!("{e}"),
                }
            }
        }
    }
    assert!(functions > 5, "{functions} functions");
}

#[test]
fn every_kind_of_control_is_proved() {
    let (built, clean) = function(
        "(func (param i32 i64) (result i64) (local i64 i32)
           (block $out (result i64)
             (loop $l
               (br_if $out (local.get 2) (i32.eqz (local.get 0)))
               drop
               (local.set 2 (i64.add (local.get 2) (i64.div_s (i64.load (local.get 0)) (i64.const 3))))
               (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
               (block (block (br_table 0 1 2 1 (local.get 0))) (local.set 1 (i64.rotl (local.get 1) (local.get 2))))
               (br $l))
             unreachable))",
    );
    // The header takes what the loop changes: the counter and the sum, which is two words in the end;
    // what happens to local 1 is never seen.
    assert_eq!((built.func.blocks[1].params.len(), clean.blocks[1].params.len()), (2, 3), "{}", print(&clean));
}

#[test]
fn listings_are_readable() {
    let (built, clean) =
        function("(func (param i64 i32) (result i64) (i64.add (local.get 0) (i64.extend_i32_u (local.get 1))))");
    let before = "func 0 -> (i64)\nb0(v0: i64, v1: i32):\n    v5 = const 0x0\n    v3 = join v1, v5\n    v4 = add64 v0, v3\n    return v4\n";
    let after = "func 0 -> (i32, i32)\nb0(v0: i32, v1: i32, v2: i32):\n    v3 = const 0x0\n    v4, v5 = add_pair v0, v1, v2, v3\n    return v4, v5\n";
    assert_eq!((print(&built.func).as_str(), print(&clean).as_str()), (before, after));
}

#[test]
fn errors_say_whose_fault_and_where() {
    let refused = |text: &str| {
        let bytes = wat::parse_str(text).expect("valid text");
        let module = decode(&bytes)?;
        build(&bytes, &module, &contract(Bounds::Software), 0).map(|_| ())
    };
    let message = |text| refused(text).expect_err("it is not supported").to_string();
    let float = message("(module (func (drop (f32.neg (f32.const 1)))))");
    assert_eq!(float, "operator f32.neg is not supported (at offset 0x1c in function 0)");
    assert!(message("(module (memory 1) (memory 1) (func))").contains("multiple memories"));
    assert!(message("(module (import \"a\" \"b\" (global (mut i32))) (func))").contains("mutable"));
    assert!(matches!(decode(b"\0asm\x0d\0\x01\0"), Err(CompileError::Malformed { .. })));
    let many =
        format!("(module (func (local {}) {}))", "i32 ".repeat(40_000), "(loop (br_if 0 (i32.const 1)))".repeat(1000));
    assert!(matches!(refused(&many), Err(CompileError::Limit { .. })));
}

#[test]
fn long_operations_are_proved() {
    for op in ["add", "sub", "mul", "and", "or", "xor", "shl", "shr_u", "shr_s", "rotl", "rotr", "div_s", "rem_u"] {
        function(&format!("(func (param i64 i64) (result i64) (i64.{op} (local.get 0) (local.get 1)))"));
        for k in [0, 1, 31, 32, 33, 63, 64, -1, i64::MIN] {
            if k != 0 || !op.starts_with("div") && !op.starts_with("rem") {
                function(&format!("(func (param i64) (result i64) (i64.{op} (local.get 0) (i64.const {k})))"));
            }
        }
    }
    for op in ["clz", "ctz", "popcnt", "extend8_s", "extend16_s", "extend32_s"] {
        function(&format!("(func (param i64) (result i64) (i64.{op} (local.get 0)))"));
    }
    for op in ["eq", "ne", "lt_s", "lt_u", "gt_s", "gt_u", "le_s", "le_u", "ge_s", "ge_u"] {
        function(&format!("(func (param i64 i64) (result i32) (i64.{op} (local.get 0) (local.get 1)))"));
        let extend = "(i64.extend_i32_u (local.get 0)) (i64.extend_i32_u (local.get 1))";
        function(&format!("(func (param i32 i32) (result i32) (i64.{op} {extend}))"));
        function(&format!("(func (param i32 i32) (result i32) (i32.eqz (i64.{op} {extend})))"));
    }
}

/// Bytes that follow from a seed. Source: Marsaglia, Xorshift RNGs, 2003 (shifts 13, 7, 17).
fn random_bytes(seed: u64, count: usize) -> Vec<u8> {
    let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x as u8
    };
    (0..count).map(|_| next()).collect()
}

#[test]
fn random_modules_are_proved_or_refused() {
    let mut proved = 0;
    for seed in 0..300 {
        let config = wasm_smith::Config {
            allow_floats: false,
            simd_enabled: false,
            reference_types_enabled: false,
            gc_enabled: false,
            exceptions_enabled: false,
            threads_enabled: false,
            max_memories: 1,
            max_imports: 3,
            memory64_enabled: false,
            tail_call_enabled: false,
            wide_arithmetic_enabled: false,
            custom_page_sizes_enabled: false,
            compact_imports_enabled: false,
            extended_const_enabled: false,
            min_funcs: 2,
            ..wasm_smith::Config::default()
        };
        let bytes = random_bytes(seed, 4096);
        let Ok(module) = wasm_smith::Module::new(config, &mut arbitrary::Unstructured::new(&bytes)) else {
            continue;
        };
        let bytes = module.to_bytes();
        // The validator knows fewer proposals; what it does not read is never proved.
        let (Ok(module), Ok(_)) = (decode(&bytes), wasm::reader::read(&bytes)) else {
            continue;
        };
        if module.memory.as_ref().is_some_and(|m| m.min_pages > 1 << 8) {
            continue; // More than the contract's capacity.
        }
        for index in module.imported_functions()..module.functions.len() as u32 {
            let bounds = MODES[seed as usize % MODES.len()];
            match stages(&bytes, index, bounds) {
                Ok(_) => proved += 1,
                Err(CompileError::Unsupported { .. }) => {}
                Err(e) => panic!("seed {seed}: {e}"),
            }
        }
    }
    assert!(proved > 20, "{proved} functions");
}

#[test]
fn damaged_modules_are_refused_without_panic() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/wasm");
    let bytes = std::fs::read(folder.join("crc32.wasm")).expect("the corpus is there");
    for i in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[i] ^= 1 << (i % 8);
        for bytes in [&damaged[..], &bytes[..i]] {
            let Ok(module) = decode(bytes) else { continue };
            for index in module.imported_functions()..module.functions.len() as u32 {
                if let Ok(built) = build(bytes, &module, &contract(Bounds::Software), index) {
                    let clean = simplify(&legalize(&built.func).0).0;
                    assert_eq!(verify(&clean, Some(&module)), [], "{}", print(&clean));
                }
            }
        }
    }
}

#[test]
fn large_functions_take_no_quadratic_time() {
    let module =
        |body: String| wat::parse_str(format!("(module (func (param i32) (result i32) {body}))")).expect("valid");
    let deep = 20_000;
    let nested =
        module(format!("{} (br_if 0 (local.get 0)) {} i32.const 1", "block ".repeat(deep), "end ".repeat(deep)));
    let chain = "(br_if 0 (i32.eqz (local.get 0))) (local.set 0 (i32.sub (local.get 0) (i32.const 1)))".repeat(deep);
    let chain = module(format!("(block {chain}) (local.get 0)"));
    let loops = module(format!("{} local.get 0 br_if 0 {} i32.const 1", "loop ".repeat(deep), "end ".repeat(deep)));
    for bytes in [nested, chain, loops] {
        let module = decode(&bytes).expect("valid");
        let built = build(&bytes, &module, &contract(Bounds::Software), 0).expect("supported");
        let clean = simplify(&legalize(&built.func).0).0;
        assert_eq!(verify(&clean, Some(&module)), []);
    }
}
