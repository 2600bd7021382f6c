//! The meaning of WebAssembly functions, executed: one small function per feature, with results known independently.

use synth_validator::contract::{Bounds, Contract, MemoryOwner, PAGE_BYTES};
use synth_validator::domain::Domain;
use synth_validator::program::{Program, Step, World};
use synth_validator::term::{Graph, Var};
use synth_validator::trap::TrapKind;
use synth_validator::wasm::instance::{Instance, NoHost, Stop};
use synth_validator::wasm::module::Module;
use synth_validator::wasm::semantics::{Function, Point};
use synth_validator::wasm::{code, reader};

const FUEL: u64 = 1_000_000;

fn read(wat: &str) -> (Vec<u8>, Module) {
    let bytes = wat::parse_str(wat).unwrap();
    let module = reader::read(&bytes).unwrap();
    (bytes, module)
}

/// Runs the export `f` of a module under a bounds mode, with a capacity of four pages.
fn run_with(bounds: Bounds, wat: &str, args: &[u32]) -> Result<Vec<u32>, Stop> {
    let (bytes, module) = read(wat);
    let contract = Contract::new(bounds, MemoryOwner::Own, 4 * PAGE_BYTES);
    Instance::new(&module, &bytes, contract, NoHost, FUEL)?.invoke("f", args)
}

fn run(wat: &str, args: &[u32]) -> Result<Vec<u32>, Stop> {
    run_with(Bounds::Software, wat, args)
}

/// Checks a function of two `i32` given by its body.
#[track_caller]
fn check32(body: &str, a: u32, b: u32, expected: u32) {
    let wat = format!("(module (func (export \"f\") (param i32 i32) (result i32) local.get 0 local.get 1 {body}))");
    assert_eq!(run(&wat, &[a, b]), Ok(vec![expected]), "{body} {a:#x} {b:#x}");
}

/// Checks a function of two `i64` given by its body.
#[track_caller]
fn check64(body: &str, a: u64, b: u64, expected: u64) {
    let wat = format!("(module (func (export \"f\") (param i64 i64) (result i64) local.get 0 local.get 1 {body}))");
    let words = |v: u64| [v as u32, (v >> 32) as u32];
    assert_eq!(run(&wat, &[words(a), words(b)].concat()), Ok(words(expected).to_vec()), "{body} {a:#x} {b:#x}");
}

#[track_caller]
fn check_trap(wat: &str, args: &[u32], kind: TrapKind) {
    assert_eq!(run(wat, args), Err(Stop::Trap(kind)), "{wat}");
}

#[test]
fn i32_operators() {
    check32("i32.add", 0xffff_ffff, 2, 1);
    check32("i32.sub", 1, 2, 0xffff_ffff);
    check32("i32.shl", 1, 33, 2);
    check32("i32.shr_s", 0x8000_0000, 63, 0xffff_ffff);
    check32("i32.rotl", 0x8000_0001, 4, 0x18);
    check32("i32.rotr", 0x18, 36, 0x8000_0001);
    check32("i32.div_s", -7i32 as u32, 2, -3i32 as u32);
    check32("i32.rem_s", -7i32 as u32, 2, -1i32 as u32);
    check32("i32.rem_s", 1 << 31, u32::MAX, 0);
    check32("i32.rem_u", 7, 4, 3);
    check32("i32.ge_s", 0x8000_0000, 0, 0);
    check32("i32.ge_u", 0x8000_0000, 0, 1);
    check32("drop i32.ctz", 0x50, 0, 4);
    check32("drop i32.extend8_s", 0x1ff, 0, u32::MAX);
    check32("i32.const 0 select", 5, 6, 6);
}

#[test]
fn i64_operators() {
    check64("i64.add", u64::MAX, 2, 1);
    check64("i64.mul", 0x1_0000_0001, 0x1_0000_0001, 0x2_0000_0001);
    check64("i64.shl", 1, 97, 1 << 33);
    check64("i64.shr_s", 1 << 63, 40, (-(1i64 << 23)) as u64);
    check64("i64.rotl", 1 << 63 | 1, 36, 0x18 << 32);
    check64("i64.div_s", -7i64 as u64, 2, -3i64 as u64);
    check64("i64.rem_s", 1 << 63, u64::MAX, 0);
    check64("i64.lt_s i64.extend_i32_u", 1 << 63, 0, 1);
    check64("i64.lt_u i64.extend_i32_u", 1 << 63, 0, 0);
    check64("drop i64.clz", 0x1_0000, 0, 47);
    check64("drop i64.extend32_s", 0x8000_0000, 0, 0xffff_ffff_8000_0000);
    check64("i32.const 1 select", 5 << 32, 6, 5 << 32);
}

/// Covers TOR-WASM-TRAPS.
#[test]
fn divisions_trap() {
    let div =
        |op: &str| format!("(module (func (export \"f\") (param i32 i32) (result i32) local.get 0 local.get 1 {op}))");
    for op in ["i32.div_s", "i32.div_u", "i32.rem_s", "i32.rem_u"] {
        check_trap(&div(op), &[7, 0], TrapKind::IntegerDivideByZero);
    }
    check_trap(&div("i32.div_s"), &[1 << 31, u32::MAX], TrapKind::IntegerOverflow);
    let wide = "(module (func (export \"f\") (param i64 i64) (result i64) local.get 0 local.get 1 i64.div_s))";
    check_trap(wide, &[1, 0, 0, 0], TrapKind::IntegerDivideByZero);
    check_trap(wide, &[0, 1 << 31, u32::MAX, u32::MAX], TrapKind::IntegerOverflow);
}

#[test]
fn branches_unwind_the_stack() {
    // The extra words under the branch value are dropped; code after the branch is left out.
    let wat = "(module (func (export \"f\") (param i32) (result i32)
        i32.const 100
        block (result i64)
          i64.const 1 i32.const 2 i64.const 7
          local.get 0 br_if 0 drop br 1 (i32.add (unreachable)) drop drop
        end
        i32.wrap_i64 i32.add))";
    assert_eq!(run(wat, &[1]), Ok(vec![107]));
    assert_eq!(run(wat, &[0]), Ok(vec![2]));
}

#[test]
fn br_table_chooses() {
    let wat = "(module (func (export \"f\") (param i32) (result i32)
        block block block local.get 0 br_table 0 1 2 end i32.const 10 return end i32.const 20 return end i32.const 30))";
    for (index, expected) in [(0, 10), (1, 20), (2, 30), (u32::MAX, 30)] {
        assert_eq!(run(wat, &[index]), Ok(vec![expected]));
    }
}

#[test]
fn loops_take_parameters_and_blocks_give_several_results() {
    // Sum of 1..=n as (i64 accumulator, i32 counter), kept on the stack.
    let wat = "(module
        (type $t (func (param i64 i32) (result i64 i32)))
        (func (export \"f\") (param i32) (result i64 i32) (local i32)
          i64.const 0 local.get 0
          loop (type $t)
            local.tee 1 i64.extend_i32_u i64.add
            local.get 1 i32.const 1 i32.sub local.tee 1
            local.get 1 br_if 0
          end))";
    assert_eq!(run(wat, &[100_000]), Ok(vec![5_000_050_000u64 as u32, 1, 0]));
    let arms = "(module (func (export \"f\") (param i32) (result i32 i64)
        i32.const 9
        local.get 0
        if (param i32) (result i32 i64) i64.const 1 else drop i32.const 8 i64.const -1 end))";
    assert_eq!(run(arms, &[1]), Ok(vec![9, 1, 0]));
    assert_eq!(run(arms, &[0]), Ok(vec![8, u32::MAX, u32::MAX]));
}

const LOADS: &str = "(module (memory 1) (data (i32.const 65528) \"\\01\\02\\03\\84\\05\\06\\07\\88\")
    (func (export \"f\") (param i32) (result i64) local.get 0 OP))";

/// Covers TOR-WASM-TRAPS.
#[test]
fn loads_extend_and_trap_at_the_last_byte() {
    let cases = [
        ("i64.load offset=8", 65520, 0x8807_0605_8403_0201),
        ("i64.load8_s", 65535, 0xffff_ffff_ffff_ff88),
        ("i64.load16_u offset=1", 65533, 0x8807),
        ("i64.load32_s", 65528, 0xffff_ffff_8403_0201),
        ("i32.load8_s i64.extend_i32_u", 65531, 0xffff_ff84),
    ];
    for (op, at, expected) in cases {
        let expected: u64 = expected;
        assert_eq!(run(&LOADS.replace("OP", op), &[at]), Ok(vec![expected as u32, (expected >> 32) as u32]), "{op}");
    }
    check_trap(&LOADS.replace("OP", "i64.load"), &[65529], TrapKind::OutOfBoundsMemory);
    check_trap(&LOADS.replace("OP", "i64.load32_u offset=4294967295"), &[1], TrapKind::OutOfBoundsMemory);
    check_trap(&LOADS.replace("OP", "i64.load8_u offset=65535"), &[1], TrapKind::OutOfBoundsMemory);
}

/// Covers TOR-WASM-TRAPS, TOR-CLAUSE-TRAPSTATE.
#[test]
fn stores_out_of_range_write_nothing() {
    let (bytes, module) =
        read("(module (memory 1) (func (export \"f\") (param i32) local.get 0 i64.const -1 i64.store))");
    let contract = Contract::new(Bounds::Software, MemoryOwner::Own, PAGE_BYTES);
    let mut instance = Instance::new(&module, &bytes, contract, NoHost, FUEL).unwrap();
    assert_eq!(instance.invoke("f", &[65529]), Err(Stop::Trap(TrapKind::OutOfBoundsMemory)));
    assert_eq!(instance.memory().get(65529), 0);
    assert_eq!(instance.invoke("f", &[65528]), Ok(vec![]));
    assert_eq!(instance.memory().get(65535), 255);
}

/// Covers TOR-CONTRACT-BOUNDS.
#[test]
fn bounds_modes() {
    let wat = LOADS.replace("OP", "i64.load");
    assert_eq!(run_with(Bounds::None, &wat, &[65528]), Ok(vec![0x8403_0201, 0x8807_0605]));
    for bounds in [Bounds::None, Bounds::Mpu, Bounds::Mask] {
        assert_eq!(run_with(bounds, &wat, &[65529]), Err(Stop::Assumption("A-BOUNDS")));
    }
    let fill = "(module (memory 1) (func (export \"f\") (param i32) local.get 0 i32.const 1 i32.const 2 memory.fill))";
    assert_eq!(run_with(Bounds::Mask, fill, &[65535]), Err(Stop::Trap(TrapKind::OutOfBoundsMemory)));
}

/// Covers TOR-WASM-GROW.
#[test]
fn memory_grows_to_the_capacity_or_the_maximum() {
    let grow = |memory: &str| {
        format!(
            "(module (memory {memory}) (func (export \"f\") (param i32) (result i32 i32) local.get 0 memory.grow memory.size))"
        )
    };
    assert_eq!(run(&grow("1"), &[3]), Ok(vec![1, 4]));
    assert_eq!(run(&grow("1"), &[4]), Ok(vec![u32::MAX, 1]));
    assert_eq!(run(&grow("1 2"), &[2]), Ok(vec![u32::MAX, 1]));
    assert_eq!(run(&grow("1"), &[u32::MAX]), Ok(vec![u32::MAX, 1]));
}

/// Covers TOR-WASM-TRAPS.
#[test]
fn bulk_operations_check_first() {
    let bulk = |op: &str| {
        format!(
            "(module (memory 1) (data \"abcd\") (data (i32.const 0) \"xyz\")
             (func (export \"f\") (param i32 i32 i32) (result i32)
               local.get 0 local.get 1 local.get 2 {op} i32.const 0 i32.load))"
        )
    };
    assert_eq!(run(&bulk("memory.copy"), &[1, 0, 2]), Ok(vec![u32::from_le_bytes(*b"xxy\0")]));
    assert_eq!(run(&bulk("memory.fill"), &[2, 0x141, 2]), Ok(vec![u32::from_le_bytes(*b"xyAA")]));
    assert_eq!(run(&bulk("memory.init 0"), &[0, 1, 3]), Ok(vec![u32::from_le_bytes(*b"bcd\0")]));
    assert_eq!(run(&bulk("memory.copy"), &[65536, 0, 0]), Ok(vec![u32::from_le_bytes(*b"xyz\0")]));
    for (op, args) in [("memory.copy", [65535, 0, 2]), ("memory.copy", [0, 65537, 0]), ("memory.init 0", [0, 2, 3])] {
        check_trap(&bulk(op), &args, TrapKind::OutOfBoundsMemory);
    }
}

/// Covers TOR-WASM-TRAPS.
#[test]
fn indirect_calls_check_index_null_and_type() {
    let wat = "(module
        (type $a (func (param i32) (result i32))) (type $b (func (param i32) (result i32))) (type $c (func))
        (table 4 funcref) (elem (i32.const 0) $double $nothing)
        (elem (i32.const 3) $double)
        (func $double (type $a) local.get 0 local.get 0 i32.add)
        (func $nothing (type $c))
        (func (export \"f\") (param i32) (result i32) i32.const 21 local.get 0 call_indirect (type $b)))";
    assert_eq!(run(wat, &[0]), Ok(vec![42]));
    assert_eq!(run(wat, &[3]), Ok(vec![42]));
    check_trap(wat, &[1], TrapKind::IndirectCallTypeMismatch);
    check_trap(wat, &[2], TrapKind::UninitializedElement);
    check_trap(wat, &[4], TrapKind::OutOfBoundsTable);
}

#[test]
fn globals_and_start_and_recursion() {
    let wat = "(module
        (global $g (mut i64) (i64.const 0x100000002)) (global $h i32 (i32.const 5))
        (func $start global.get $g i64.const 1 i64.add global.set $g) (start $start)
        (func (export \"f\") (result i64) global.get $h i64.extend_i32_u global.get $g i64.add))";
    assert_eq!(run(wat, &[]), Ok(vec![8, 1]));
    check_trap("(module (func $f (export \"f\") call $f))", &[], TrapKind::CallStackExhausted);
    assert_eq!(run("(module (func (export \"f\") loop br 0 end))", &[]), Err(Stop::Fuel));
    check_trap("(module (func (export \"f\") unreachable))", &[], TrapKind::Unreachable);
}

/// Covers TOR-WASM-REFUSED.
#[test]
fn what_is_unsupported_is_named_with_its_place() {
    let (bytes, module) = read(
        "(module (func (param externref)) (func nop f32.const 0 f32.neg drop) (func (result v128) v128.const i32x4 1 2 3 4)
            (func return_call 3))",
    );
    let refused = |func| code::body(&module, &bytes, func).unwrap_err();
    assert!(refused(0).what.contains("externref"));
    let second = refused(1);
    assert_eq!((second.func, second.what.as_str(), bytes[second.offset]), (1, "F32Neg", 0x8c));
    assert_eq!((refused(2).what.as_str(), refused(3).what.as_str()), ("result of type v128", "ReturnCall"));
    for (wat, what) in [
        ("(module (import \"m\" \"t\" (table 1 funcref)))", "imported table"),
        ("(module (import \"m\" \"g\" (global (mut i32))))", "imported mutable global"),
        ("(module (memory 1 1 shared))", "shared memory"),
        ("(module (memory 1) (memory 1))", "more than one memory"),
        ("(module (memory i64 1))", "memory64"),
        ("(module (tag))", "exceptions"),
    ] {
        let error = reader::read(&wat::parse_str(wat).unwrap()).unwrap_err();
        assert!(error.kind == reader::ReadErrorKind::Unsupported && error.message.contains(what), "{error}");
    }
    for bytes in [&b"\0asm\x0d\0\x01\0"[..], &b"\0asm\x01\0\0\0\x01"[..], &b""[..]] {
        assert!(reader::read(bytes).is_err());
    }
}

/// Covers TOR-WASM-OFFSETS.
#[test]
fn offsets_name_instructions() {
    let (bytes, module) = read("(module (func (param i32) block loop local.get 0 br_if 1 br 0 end end))");
    let body = code::body(&module, &bytes, 0).unwrap();
    for (index, instr) in body.instrs.iter().enumerate() {
        assert_eq!(body.index_of_offset(instr.offset), Some(index));
    }
    assert_eq!(body.index_of_offset(body.end_offset), Some(body.instrs.len() - 1));
    assert_eq!(body.index_of_offset(body.end_offset + 1), None);
}

/// A module whose bytes were damaged is refused or read; nothing panics, whatever it contains.
///
/// Covers TOR-INPUT-NOPANIC.
#[test]
fn damaged_modules_do_not_panic() {
    let (bytes, _) = read(&LOADS.replace("OP", "i64.load8_s block (param i64) (result i64) br 0 loop br 0 end end"));
    let (mut seed, mut accepted) = (1u32, 0);
    for _ in 0..20_000 {
        let mut damaged = bytes.clone();
        for _ in 0..2 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let at = (seed >> 16) as usize % damaged.len();
            damaged[at] = (seed >> 8) as u8;
        }
        let Ok(module) = reader::read(&damaged) else {
            continue;
        };
        accepted += 1;
        let contract = Contract::new(Bounds::Software, MemoryOwner::Own, 4 * PAGE_BYTES);
        if let Ok(mut instance) = Instance::new(&module, &damaged, contract, NoHost, 1000) {
            for export in &module.exports {
                let _ = instance.invoke(&export.name, &[7]);
            }
        }
    }
    assert!(accepted > 100, "{accepted}");
}

/// Over terms: from an unknown state before each instruction of the corpus, every successor's stack has the height
/// that is stated for it, and no step is without a meaning.
///
/// Covers TOR-WASM-OFFSETS.
#[test]
fn stated_heights_hold_over_terms() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/wasm");
    let mut instrs = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let module = reader::read(&bytes).unwrap();
        for func in 0..module.functions.len() as u32 {
            let Ok(body) = code::body(&module, &bytes, func) else {
                continue;
            };
            for index in 0..body.instrs.len() as u32 {
                check_heights(&module, &body, index);
                instrs += 1;
            }
        }
    }
    assert!(instrs > 1000, "{instrs}");
}

fn check_heights(module: &Module, body: &code::Body, index: u32) {
    let contract = Contract::new(Bounds::Software, MemoryOwner::Own, 64 * PAGE_BYTES);
    let program = Function::new(module, body, &contract);
    let mut d = Graph::new();
    let memory = d.var(Var::Memory(0));
    let memory_bytes = d.var(Var::MemoryBytes(0));
    let cells = (0..module.cells).map(|i| d.var(Var::Cell(i, 0))).collect();
    let world = World { memory, memory_bytes, cells, results: vec![] };
    let start = Point::start(index);
    let state = program.blank_state(&mut d, start, world, &mut |d| d.havoc());
    let mut open = vec![(start, state)];
    while let Some((at, state)) = open.pop() {
        let next = match program.step(&mut d, at, state, &mut vec![]).unwrap() {
            Step::Next(point, state) => vec![(point, state)],
            Step::Branch(_, a, b) => vec![a, b],
            Step::Call { results, next, mut state, .. } => {
                state.stack.extend((0..results).map(|_| d.havoc()));
                vec![(next, state)]
            }
            Step::Return(words, _) => {
                assert_eq!(words.len(), body.result_words as usize);
                vec![]
            }
            Step::Trap(..) => vec![],
        };
        for (point, state) in next {
            if point == Point::start(point.index) {
                assert_eq!(
                    state.stack.len(),
                    body.instrs[point.index as usize].height as usize,
                    "{}",
                    describe(&program, at)
                );
            } else {
                open.push((point, state));
            }
        }
    }
}

fn describe(program: &Function, at: Point) -> String {
    Program::<Graph>::describe(program, at)
}
