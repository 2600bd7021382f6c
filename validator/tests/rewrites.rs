//! Rewrites in witnesses: the left side's word is seen as another term if the proof holds, and a damaged proof is refused.

use smallvec::smallvec;
use synth_validator::contract::{Bounds, Contract, MemoryOwner};
use synth_validator::domain::BinOp;
use synth_validator::ir::{BlockData, Func, Inst, Op, Terminator, Type, Value};
use synth_validator::ir_semantics::IrProgram;
use synth_validator::ladder::{Limits, Rung};
use synth_validator::refinement::{Effort, Failure, FailureKind, Shape, check};
use synth_validator::replay::{Proof, Step};
use synth_validator::wasm::module::Module;
use synth_validator::witness::{Loc, Rewrite, Witness};

/// A function of two words that computes these in order, each from earlier ones, and returns the last.
fn func(ops: &[(Op, &[u32])]) -> Func {
    let mut insts = Vec::new();
    for (i, (op, args)) in ops.iter().enumerate() {
        let args = args.iter().map(|a| Value(*a)).collect();
        insts.push(Inst { op: op.clone(), args, results: smallvec![Value(i as u32 + 2)], origin: 0 });
    }
    let last = Value(insts.len() as u32 + 1);
    let params = smallvec![Value(0), Value(1)];
    let values = vec![Type::I32; insts.len() + 2];
    let block = BlockData { params, insts, end: Terminator::Return(smallvec![last]), end_origin: 0 };
    Func { index: 0, results: vec![Type::I32], values, blocks: vec![block] }
}

fn refines(left: &Func, right: &Func, rewrites: Vec<Rewrite>) -> Result<Effort, Failure> {
    let contract = Contract::new(Bounds::None, MemoryOwner::Own, 65536);
    let shape =
        Shape { args: 2, cells: 0, memory_bytes: Some(65536), memory_bytes_min: 65536, memory_bytes_max: 65536 };
    let nothing = Module::default();
    let (left, right) =
        (IrProgram::new(left, &contract, 65536, &nothing), IrProgram::new(right, &contract, 65536, &nothing));
    let witness = Witness { cuts: vec![], rewrites };
    check(&left, &right, &witness, &shape, &Default::default(), &Limits::default(), &mut |_| {})
}

fn step(rule: &str, position: &[u32], term: &str) -> Step {
    Step { rule: rule.to_string(), reversed: false, position: position.to_vec(), term: term.to_string() }
}

/// `(x & mask) | 128`, or `(x & mask) + constant`, and the high product with y, so that what is rewritten is not the last word.
fn marked(mask: u32, op: BinOp, constant: u32) -> Func {
    func(&[
        (Op::Const(mask), &[]),
        (Op::Bin(BinOp::And), &[0, 2]),
        (Op::Const(constant), &[]),
        (Op::Bin(op), &[3, 4]),
        (Op::Bin(BinOp::UMulHi), &[5, 1]),
    ])
}

fn left() -> Func {
    marked(63, BinOp::Or, 128)
}

fn right(constant: u32) -> Func {
    marked(63, BinOp::Add, constant)
}

fn good() -> Rewrite {
    let proof = Proof {
        start: "(or (and @0 63) 128)".to_string(),
        steps: vec![step("add_of_constant_below_mask", &[], "(add (and @0 63) 128)")],
    };
    Rewrite { at: 4 << 32, loc: Loc::Value(Value(5), 0), leaves: vec![Loc::Value(Value(0), 0)], proof }
}

/// A way to damage a rewrite.
type Damage = (&'static str, fn(&mut Rewrite));

const DAMAGES: &[Damage] = &[
    ("an unknown lemma", |r| r.proof.steps[0].rule = "add_of_constant_below_mask_broken".into()),
    ("another lemma", |r| r.proof.steps[0].rule = "or_constants".into()),
    ("no lemma", |r| r.proof.steps[0].rule = "fold".into()),
    ("the other direction", |r| r.proof.steps[0].reversed = true),
    ("a position that does not exist", |r| r.proof.steps[0].position = vec![7]),
    ("a part's position", |r| r.proof.steps[0].position = vec![0]),
    ("another last term", |r| r.proof.steps[0].term = "(add (and @0 63) 129)".into()),
    ("another first term", |r| r.proof.start = "(or (and @0 31) 128)".into()),
    ("a text that is no term", |r| r.proof.steps[0].term.push(')')),
    ("a leaf of another value", |r| r.leaves[0] = Loc::Value(Value(1), 0)),
    ("a leaf of what is not computed yet", |r| r.leaves[0] = Loc::Value(Value(6), 0)),
    ("a leaf of a value that does not exist", |r| r.leaves[0] = Loc::Value(Value(99), 0)),
    ("no leaves", |r| r.leaves.clear()),
    ("another location", |r| r.loc = Loc::Value(Value(3), 0)),
    ("a location of the other side", |r| r.loc = Loc::Reg(0)),
    ("an earlier point", |r| r.at = 3 << 32),
    ("a point that does not exist", |r| r.at = 99),
    ("a very deep term", |r| r.proof.start = "(clz ".repeat(100_000)),
];

#[test]
fn a_rewrite_closes_what_it_is_about() {
    let effort = refines(&left(), &right(128), vec![good()]).expect("it is right");
    assert_eq!(effort.rungs[Rung::Egraph as usize], 1, "{effort:?}");
    assert!(effort.rungs[Rung::Smt as usize..].iter().all(|n| *n == 0), "{effort:?}");
}

/// Covers TOR-PROOF-REPLAY.
#[test]
fn damaged_rewrites_are_refused() {
    for (name, damage) in DAMAGES {
        let mut bad = good();
        damage(&mut bad);
        let failure = refines(&left(), &right(128), vec![bad.clone()]);
        assert!(matches!(&failure, Err(f) if f.kind == FailureKind::BadWitness), "{name}: {failure:?}");
        // Where the right side is wrong, nothing of the kind makes it right.
        assert!(refines(&left(), &right(129), vec![bad]).is_err(), "{name}");
    }
}

/// Covers TOR-PROOF-REPLAY.
#[test]
fn a_lemma_whose_condition_does_not_hold_proves_nothing() {
    let mut bad = good();
    bad.proof.start = "(or (and @0 255) 128)".to_string();
    bad.proof.steps[0].term = "(add (and @0 255) 128)".to_string();
    let (left, right) = (marked(255, BinOp::Or, 128), marked(255, BinOp::Add, 128));
    let failure = refines(&left, &right, vec![bad]).expect_err("they differ");
    assert_eq!(failure.kind, FailureKind::BadWitness, "{failure:?}");
    assert!(failure.place.obligation.contains("NotAnInstance"), "{failure:?}");
}

/// Covers TOR-PROOF-REPLAY.
#[test]
fn a_right_proof_does_not_make_another_function_right() {
    for constant in [0, 64, 129, 384] {
        let failure = refines(&left(), &right(constant), vec![good()]).expect_err("they differ");
        assert!(matches!(failure.kind, FailureKind::Differs(_)), "{failure:?}");
    }
}

/// The broken twin of every lemma for rewriting is refused under the lemma's own name.
///
/// Covers TOR-PROOF-REPLAY.
#[test]
fn broken_twins_are_no_instances() {
    use synth_validator::lemma::Rules;
    use synth_validator::replay::{Rejected, chain};
    let cases = [
        ("mul_by_power", "(mul @0 6)", "(shl @0 2)"),
        ("udiv_by_power", "(udiv @0 8)", "(lshr @0 28)"),
        ("add_constants", "(add (add @0 3) 4)", "(add @0 0xffffffff)"),
        ("borrow_is_comparison", "(slt (subhi @0 0 @1 0) 0)", "(ult @1 @0)"),
    ];
    for (name, left, right) in cases {
        let proof = Proof { start: left.to_string(), steps: vec![step(name, &[], right)] };
        assert_eq!(chain(&proof, Rules::shipped()), Err(Rejected::NotAnInstance(0)), "{name}");
    }
}
