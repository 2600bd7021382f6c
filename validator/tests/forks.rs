//! Decisions of the left side that the right one does not make: all outcomes that can be are compared, and those that cannot be are left
//! out, at the decision itself where there are many.

use smallvec::smallvec;
use synth_validator::contract::{Bounds, Contract, MemoryOwner};
use synth_validator::domain::{BinOp, UnOp};
use synth_validator::ir::{Block, BlockData, Cond, Edge, Func, Inst, Op, Terminator, Type, Value, Values};
use synth_validator::ir_semantics::IrProgram;
use synth_validator::ladder::Limits;
use synth_validator::refinement::{Effort, Failure, Shape, check};
use synth_validator::wasm::module::Module;
use synth_validator::witness::Witness;

/// Bits that the left side looks at, one after the other, each twice.
const BITS: u32 = 6;

/// A function of two words `x` and `y` under construction.
struct Builder {
    values: Vec<Type>,
    blocks: Vec<BlockData>,
}

impl Builder {
    fn value(&mut self) -> Value {
        self.values.push(Type::I32);
        Value(self.values.len() as u32 - 1)
    }
    fn block(&mut self, params: Values) -> Block {
        self.blocks.push(BlockData { params, insts: vec![], end: Terminator::Return(Values::new()), end_origin: 0 });
        Block(self.blocks.len() as u32 - 1)
    }
    fn put(&mut self, block: Block, op: Op, args: &[Value]) -> Value {
        let result = self.value();
        let args = args.iter().copied().collect();
        self.blocks[block.0 as usize].insts.push(Inst { op, args, results: smallvec![result], origin: 0 });
        result
    }
    fn bin(&mut self, block: Block, op: BinOp, a: Value, b: u32) -> Value {
        let constant = self.put(block, Op::Const(b), &[]);
        self.put(block, Op::Bin(op), &[a, constant])
    }
    fn branch(&mut self, block: Block, condition: Value) -> [Block; 2] {
        let targets = [self.block(Values::new()), self.block(Values::new())];
        let [yes, no] = targets.map(|block| Edge { block, args: Values::new() });
        self.blocks[block.0 as usize].end = Terminator::Branch(condition, yes, no);
        targets
    }
    fn finish(self) -> Func {
        Func { index: 0, results: vec![Type::I32], values: self.values, blocks: self.blocks }
    }
}

const X: Value = Value(0);
const Y: Value = Value(1);

fn start() -> (Builder, Block) {
    let mut b = Builder { values: vec![Type::I32; 2], blocks: vec![] };
    let entry = b.block(smallvec![X, Y]);
    (b, entry)
}

/// `y` and the low bits of `x` as a sum, bit by bit. Each bit is looked at in `x`, and then by its leading zeros, of which only a solver
/// knows that they are not 32 where it is set; what is added on the outcomes that cannot be is wrong. With `fault`, so is what is added where
/// this bit is as the second component says.
fn left(fault: Option<(u32, bool)>) -> Func {
    let (mut b, mut at) = start();
    let mut sum = Y;
    for bit in 0..BITS {
        let first = b.bin(at, BinOp::And, X, 1 << bit);
        let after_first = b.branch(at, first);
        let joined = b.value();
        let join = b.block(smallvec![joined]);
        for (block, is_set) in after_first.into_iter().zip([true, false]) {
            let zeros = b.put(block, Op::Un(UnOp::Clz), &[first]);
            let all = b.put(block, Op::Const(32), &[]);
            let second = b.put(block, Op::Cmp(Cond::LtU), &[zeros, all]);
            for (end, is_set_again) in b.branch(block, second).into_iter().zip([true, false]) {
                let is_wrong = is_set != is_set_again || fault == Some((bit, is_set));
                let added = b.bin(end, BinOp::Add, sum, (u32::from(is_set) << bit) + u32::from(is_wrong) * 1_000);
                b.blocks[end.0 as usize].end = Terminator::Jump(Edge { block: join, args: smallvec![added] });
            }
        }
        (at, sum) = (join, joined);
    }
    b.blocks[at.0 as usize].end = Terminator::Return(smallvec![sum]);
    b.finish()
}

fn right() -> Func {
    let (mut b, entry) = start();
    let low = b.bin(entry, BinOp::And, X, (1 << BITS) - 1);
    let sum = b.put(entry, Op::Bin(BinOp::Add), &[low, Y]);
    b.blocks[entry.0 as usize].end = Terminator::Return(smallvec![sum]);
    b.finish()
}

fn refines(left: &Func) -> Result<Effort, Failure> {
    let contract = Contract::new(Bounds::None, MemoryOwner::Own, 65536);
    let shape =
        Shape { args: 2, cells: 0, memory_bytes: Some(65536), memory_bytes_min: 65536, memory_bytes_max: 65536 };
    let (right, nothing) = (right(), Module::default());
    let [left, right] = [left, &right].map(|func| IrProgram::new(func, &contract, 65536, &nothing));
    check(&left, &right, &Witness::default(), &shape, &Default::default(), &Limits::default(), &mut |_| {})
}

/// Covers TOR-CLAUSE-RESULTS.
#[test]
fn outcomes_that_cannot_be_are_left_out() {
    let effort = refines(&left(None)).expect("both are the same sum");
    assert!(effort.infeasible >= 64, "{effort:?}");
}

/// Covers TOR-CLAUSE-RESULTS.
#[test]
fn every_outcome_that_can_be_is_compared() {
    for bit in 0..BITS {
        for is_set in [true, false] {
            assert!(refines(&left(Some((bit, is_set)))).is_err(), "bit {bit} {is_set}");
        }
    }
}
