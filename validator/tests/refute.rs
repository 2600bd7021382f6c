//! Refutation by execution: identical sides agree, and every kind of mistake is found and reported with its arguments.

use smallvec::smallvec;
use std::collections::BTreeMap;
use synth_validator::arm::decode::{FunctionBytes, decode};
use synth_validator::arm::semantics::Function as ArmFunction;
use synth_validator::concrete::Concrete;
use synth_validator::contract::{Bounds, Contract, MemoryOwner, PAGE_BYTES};
use synth_validator::domain::BinOp;
use synth_validator::ir::{BlockData, Func, Inst, Op, Terminator, Type, Value};
use synth_validator::ir_semantics::IrProgram;
use synth_validator::program::Program;
use synth_validator::refinement::Shape;
use synth_validator::refute::search::{Found, Plan, search, start};
use synth_validator::refute::{Comparison, Difference, End, Kind, Setting, Start, compare, from_model, run};
use synth_validator::smt::Model;
use synth_validator::term::Var;
use synth_validator::trap::TrapKind;
use synth_validator::wasm::code::{Body, body};
use synth_validator::wasm::module::Module;
use synth_validator::wasm::reader;
use synth_validator::wasm::semantics::Function;

/// A module read from text; its last function is the one that is compared.
struct Side {
    bytes: Vec<u8>,
    module: Module,
    body: Body,
    contract: Contract,
}

const MEMORY: &str = "(memory 1 2)";

impl Side {
    fn new(bounds: Bounds, wat: &str) -> Side {
        let bytes = wat::parse_str(wat).expect("wat");
        let module = reader::read(&bytes).expect("module");
        let body = body(&module, &bytes, module.functions.len() as u32 - 1).expect("body");
        Side { bytes, module, body, contract: Contract::new(bounds, MemoryOwner::Own, 2 * PAGE_BYTES) }
    }
    fn program(&self) -> Function<'_> {
        Function::new(&self.module, &self.body, &self.contract)
    }
    fn setting(&self) -> Setting {
        let pages = self.module.memories.first().map_or(0, |m| m.min_pages as u32);
        let fixed = !self.module.grows;
        let shape = Shape {
            args: self.body.param_words,
            cells: self.module.cells,
            memory_bytes: fixed.then_some(pages * PAGE_BYTES),
            memory_bytes_min: pages * PAGE_BYTES,
            memory_bytes_max: if fixed { pages * PAGE_BYTES } else { 2 * PAGE_BYTES },
        };
        Setting::of_module(&self.module, &self.bytes, shape).expect("setting").for_function(shape, &self.body)
    }
    fn search<R: Program<Concrete>>(&self, right: &R) -> Found {
        search(&self.program(), right, &self.setting(), &Plan::QUICK)
    }
}

/// A module with a memory, a global, two imports and this function.
fn module(function: &str) -> String {
    format!(
        "(module (import \"e\" \"a\" (func $a (param i32 i32) (result i32))) (import \"e\" \"b\" (func $b (param i32 i32) (result i32)))
         {MEMORY} (global $g (mut i32) (i32.const 0)) {function})"
    )
}

/// Checks that both functions agree with themselves and that the second does not refine the first, for this reason.
#[track_caller]
fn check(left: &str, right: &str, kind: Kind) -> Difference {
    let [left, right] = [left, right].map(|f| Side::new(Bounds::Software, &module(f)));
    for side in [&left, &right] {
        let same = side.search(&side.program());
        assert_eq!((same.difference, same.agreed > 0), (None, true), "a function differs from itself");
    }
    differs(left.search(&right.program()), kind)
}

#[track_caller]
fn differs(found: Found, kind: Kind) -> Difference {
    let difference = *found.difference.expect("no difference found");
    let text = difference.render();
    assert_eq!(difference.kind, kind, "{text}");
    let args: Vec<String> = difference.start.args.iter().map(|a| format!("{a:#x}")).collect();
    assert!(text.contains(&format!("arguments      ({})", args.join(", "))), "{text}");
    assert!(!difference.left_point.is_empty() && !difference.right_point.is_empty(), "{text}");
    difference
}

fn binary(code: &str) -> String {
    format!("(func (param i32 i32) (result i32) {code})")
}

#[track_caller]
fn check_binary(left: &str, right: &str, kind: Kind) -> Difference {
    check(&binary(left), &binary(right), kind)
}

/// Covers TOR-REFUTE-RUNS, TOR-CLAUSE-RESULTS.
#[test]
fn constants_and_operands() {
    let add = |k: u32| format!("local.get 0 i32.const {k} i32.add");
    check_binary(&add(7), &add(8), Kind::Results);
    check_binary("local.get 0 local.get 1 i32.sub", "local.get 1 local.get 0 i32.sub", Kind::Results);
    check_binary("local.get 0 local.get 1 i32.lt_s", "local.get 0 local.get 1 i32.lt_u", Kind::Results);
    check_binary("local.get 0 local.get 1 i32.shr_s", "local.get 0 local.get 1 i32.shr_u", Kind::Results);
}

#[test]
fn counterexamples_are_small() {
    let difference = check_binary("local.get 0", "local.get 0 i32.const 1 i32.or", Kind::Results);
    assert_eq!(difference.start.args, [0, 0]);
    assert_eq!((difference.left_end, difference.right_end), (End::Return(vec![0]), End::Return(vec![1])));
}

/// Covers TOR-REFUTE-RUNS.
#[test]
fn stores_of_functions_without_results() {
    let function = |code: &str| format!("(func (param i32 i32) {code})");
    let store = "local.get 0 i32.const 0xfffc i32.and local.get 1 i32.store";
    let other = "local.get 0 i32.const 0xfffc i32.and local.get 1 i32.const 1 i32.xor i32.store";
    check(&function(store), &function(""), Kind::Memory);
    check(&function(""), &function(store), Kind::Memory);
    let difference = check(&function(store), &function(other), Kind::Memory);
    assert!(
        difference.left_point.contains("Store") && difference.right_point.contains("Store"),
        "{}",
        difference.render()
    );
    let (at, l, r) = difference.bytes[0];
    assert_eq!((at % 4, l ^ r), (0, 1));
    check(&function("local.get 0 global.set $g"), &function("local.get 1 global.set $g"), Kind::Cell);
    check(&function("local.get 0 global.set $g"), &function(""), Kind::Cell);
}

/// Covers TOR-REFUTE-RUNS.
#[test]
fn traps() {
    let divide = "local.get 0 local.get 1 i32.div_u";
    let guarded = "local.get 1 i32.eqz if (result i32) i32.const 0 else local.get 0 local.get 1 i32.div_u end";
    check_binary(divide, guarded, Kind::End);
    check_binary(guarded, divide, Kind::End);
    let kind = "local.get 1 i32.eqz if unreachable end local.get 0 local.get 1 i32.div_u";
    let difference = check_binary(divide, kind, Kind::End);
    let ends = (difference.left_end, difference.right_end);
    assert_eq!(ends, (End::Trap(TrapKind::IntegerDivideByZero), End::Trap(TrapKind::Unreachable)));
    check_binary("local.get 0 i32.load drop i32.const 0", "local.get 0 i32.load offset=4 drop i32.const 0", Kind::End);
    // Memory is compared at a trap, too.
    let late = "i32.const 8 local.get 0 i32.store unreachable";
    check_binary(late, "unreachable", Kind::Memory);
}

/// Covers TOR-REFUTE-RUNS.
#[test]
fn calls() {
    let call = "local.get 0 local.get 1 call $a";
    check_binary(call, "i32.const 0", Kind::End);
    check_binary("i32.const 0", "local.get 0 local.get 1 call $a drop i32.const 0", Kind::End);
    let difference = check_binary(call, "local.get 1 local.get 0 call $a", Kind::Call);
    assert!(difference.render().contains("calls func[0] with"), "{}", difference.render());
    check_binary(call, "local.get 0 local.get 1 call $b", Kind::Call);
    let (a, b) = ("local.get 0 local.get 1 call $a drop", "local.get 0 local.get 1 call $b drop");
    check_binary(&format!("{a} {b} i32.const 0"), &format!("{b} {a} i32.const 0"), Kind::Call);
    // What the callee sees and changes.
    check_binary(&format!("i32.const 0 local.get 0 i32.store {call}"), call, Kind::Memory);
    let around = |store: &str| format!("i32.const 8 i32.load {call} drop drop {store} i32.const 8 i32.load");
    check_binary(&around(""), &around("i32.const 9 local.get 0 i32.store8"), Kind::Results);
    check_binary(&format!("{call} drop global.get $g"), &format!("global.get $g {call} drop"), Kind::Results);
}

#[test]
fn endless_programs_are_compared_by_their_calls() {
    let serve = |k: u32| format!("(func (param i32) loop local.get 0 i32.const {k} call $a local.set 0 br 0 end)");
    let [one, other] = [serve(1), serve(2)].map(|f| Side::new(Bounds::Software, &module(&f)));
    differs(one.search(&other.program()), Kind::Call);
    let same = one.search(&one.program());
    assert_eq!((same.difference, same.agreed, same.inconclusive), (None, 0, 2 * Plan::QUICK.starts));
}

#[test]
fn loops() {
    let sum = |bound: &str| {
        format!(
            "(func (param i32) (result i32) (local i32 i32) local.get 0 i32.const 63 i32.and local.set 0
             block loop local.get 1 local.get 0 {bound} br_if 1
             local.get 2 local.get 1 i32.const 3 i32.mul i32.add local.set 2
             local.get 1 i32.const 1 i32.add local.set 1 br 0 end end local.get 2)"
        )
    };
    check(&sum("i32.ge_u"), &sum("i32.gt_u"), Kind::Results);
    let waits = "local.get 0 i32.const 77 i32.eq if loop br 0 end end local.get 0";
    let [left, right] = ["local.get 0", waits].map(|f| Side::new(Bounds::Software, &module(&binary(f))));
    // The constant stands in the right side only.
    let found = search(&left.program(), &right.program(), &right.setting(), &Plan::QUICK);
    let difference = differs(found, Kind::Divergence);
    assert_eq!(difference.start.args[0], 77);
    // A left side that does not end where the right one does shows nothing.
    assert_eq!(right.search(&left.program()).difference, None);
}

/// Covers TOR-REFUTE-RUNS, TOR-CLAUSE-SIZE.
#[test]
fn sizes_of_memory() {
    let grow = |n: u32| format!("local.get 0 i32.const 1 i32.and i32.const {n} i32.mul memory.grow drop i32.const 0");
    check_binary(&grow(1), &grow(0), Kind::MemorySize);
    // A callee may grow memory.
    let early = "memory.size local.get 0 local.get 1 call $a drop i32.const 0 memory.grow drop";
    let late = "local.get 0 local.get 1 call $a drop memory.size i32.const 0 memory.grow drop";
    check_binary(late, early, Kind::Results);
}

/// Covers TOR-REFUTE-ASSUMED.
#[test]
fn unchecked_accesses_outside_show_nothing() {
    let function = module("(func (param i32) (result i32) local.get 0 i32.load)");
    let side = Side::new(Bounds::None, &function);
    let (setting, mut start) =
        (side.setting(), Start { args: vec![u32::MAX], memory_bytes: PAGE_BYTES, ..Start::default() });
    start.cells = vec![0];
    let outcome = compare(&side.program(), &side.program(), &start, &setting, 100);
    assert!(matches!(outcome, Comparison::Inconclusive(text) if text.contains("A-BOUNDS")));
    // Nor does a fill of gigabytes take its time.
    let side = Side::new(Bounds::None, &module("(func (param i32) i32.const 0 i32.const 1 local.get 0 memory.fill)"));
    assert!(matches!(compare(&side.program(), &side.program(), &start, &setting, 100), Comparison::Inconclusive(_)));
}

#[test]
fn tables_and_immutable_globals_hold_what_the_module_says() {
    let function = |code: &str| {
        format!(
            "(module (type $t (func (result i32))) (global $k i32 (i32.const 41)) (table 3 funcref) (elem (i32.const 1) $x $y)
             (func $x (type $t) i32.const 1) (func $y (type $t) i32.const 2) (func (param i32) (result i32) {code}))"
        )
    };
    let [indirect, direct, wrong, constant, folded] = [
        "i32.const 2 call_indirect (type $t)",
        "call $y",
        "call $x",
        "global.get $k i32.const 1 i32.add",
        "i32.const 42",
    ]
    .map(|f| Side::new(Bounds::Software, &function(f)));
    assert_eq!(indirect.search(&direct.program()).agreed, Plan::QUICK.starts);
    differs(indirect.search(&wrong.program()), Kind::Call);
    assert_eq!(constant.search(&folded.program()).agreed, Plan::QUICK.starts);
}

#[test]
fn intermediate_form_without_the_mask_of_a_shift() {
    let side = Side::new(Bounds::Software, &module(&binary("local.get 0 local.get 1 i32.shl")));
    let inst = |op, args: &[u32], result| Inst {
        op,
        args: args.iter().map(|v| Value(*v)).collect(),
        results: smallvec![Value(result)],
        origin: 0,
    };
    let func = |masked: bool| Func {
        index: 2,
        results: vec![Type::I32],
        values: vec![Type::I32; 5],
        blocks: vec![BlockData {
            params: smallvec![Value(0), Value(1)],
            insts: vec![
                inst(Op::Const(31), &[], 2),
                inst(Op::Bin(BinOp::And), &[1, 2], 3),
                inst(Op::Bin(BinOp::Shl), &[0, if masked { 3 } else { 1 }], 4),
            ],
            end: Terminator::Return(smallvec![Value(4)]),
            end_origin: 0,
        }],
    };
    for masked in [true, false] {
        let func = func(masked);
        let nothing = Module::default();
        let right = IrProgram::new(&func, &side.contract, PAGE_BYTES, &nothing);
        let found = side.search(&right);
        if masked {
            assert_eq!((found.difference, found.agreed), (None, Plan::QUICK.starts));
        } else {
            assert!(differs(found, Kind::Results).start.args[1] >= 32);
        }
    }
}

/// Compares `(i32, i32) -> i32` with Thumb code, as halfwords.
fn against_arm(wasm: &str, halfwords: &[u16]) -> Found {
    let side = Side::new(Bounds::Software, &module(&binary(wasm)));
    let bytes = halfwords.iter().flat_map(|h| h.to_le_bytes()).collect();
    let code = decode(&FunctionBytes { bytes, ..FunctionBytes::default() }).expect("code");
    let right = ArmFunction::new(&code, &side.module, &side.contract, 2, BTreeMap::new()).expect("function");
    side.search(&right)
}

/// Covers TOR-REFUTE-RUNS.
#[test]
fn machine_code() {
    const BX_LR: u16 = 0x4770;
    let shl = "local.get 0 local.get 1 i32.shl";
    // movs r2, #31; ands r1, r2; lsls r0, r1
    assert_eq!(against_arm(shl, &[0x221f, 0x4011, 0x4088, BX_LR]).agreed, Plan::QUICK.starts);
    let difference = differs(against_arm(shl, &[0x4088, BX_LR]), Kind::Results);
    assert!(difference.right_point.contains("bx"), "{}", difference.render());
    let sub = "local.get 0 local.get 1 i32.sub";
    assert_eq!(against_arm(sub, &[0x1a40, BX_LR]).difference, None);
    differs(against_arm(sub, &[0x1a08, BX_LR]), Kind::Results);
    // movs r4, #1: callee-saved.
    differs(against_arm(sub, &[0x1a40, 0x2401, BX_LR]), Kind::Requirement);
    // b .
    differs(against_arm(sub, &[0xe7fe]), Kind::Divergence);
    // udf #1
    differs(against_arm(sub, &[0xde01]), Kind::End);
    // mov r0, r2: a register that holds nothing.
    differs(against_arm(sub, &[0x4610, BX_LR]), Kind::Results);
}

#[test]
fn models_become_starts() {
    let side = Side::new(
        Bounds::Software,
        &module(&binary("local.get 0 i32.load8_u local.get 1 local.get 1 call $a i32.add")),
    );
    let setting = side.setting();
    let words =
        vec![(Var::Argument(0), 16), (Var::Cell(0, 0), 5), (Var::MemoryBytes(0), 0), (Var::CallResult(1, 0), 100)];
    let start = from_model(&Model { words, bytes: vec![(16, 9)] }, &setting);
    assert_eq!((&start.args[..], &start.cells[..], start.memory_bytes), (&[16, 0][..], &[5][..], PAGE_BYTES));
    assert_eq!(run(&side.program(), &start, &setting, 100).end, End::Return(vec![109]));
    let unread = Side::new(Bounds::Software, &module(&binary("i32.const 8 local.get 1 local.get 1 call $a i32.add")));
    let Comparison::Differ(difference) = compare(&side.program(), &unread.program(), &start, &setting, 100) else {
        panic!("no difference");
    };
    assert_eq!(difference.inputs, [(16, 9)]);
    assert!(difference.render().contains("[0x10]=0x09"), "{}", difference.render());
    let json = serde_json::to_string(&difference).expect("json");
    assert_eq!(serde_json::from_str::<Difference>(&json).expect("difference"), *difference);
}

/// Covers TOR-REFUTE-REPEATS.
#[test]
fn starts_repeat_and_vary() {
    let setting = Side::new(Bounds::Software, &module(&binary("local.get 0"))).setting();
    let all: Vec<Start> = (0..400).map(|n| start(&setting, n, 7)).collect();
    assert_eq!(all, (0..400).map(|n| start(&setting, n, 7)).collect::<Vec<_>>());
    let has = |wanted: &dyn Fn(u32) -> bool| all.iter().any(|s| wanted(s.args[0]));
    for word in [0, 1, 2, u32::MAX, 1 << 31, i32::MAX as u32, 32] {
        assert!(has(&|w| w == word), "{word:#x}");
    }
    assert!(
        has(&|w| (PAGE_BYTES - 4..PAGE_BYTES).contains(&w)) && has(&|w| w % 4 == 0 && (64..PAGE_BYTES).contains(&w))
    );
}
