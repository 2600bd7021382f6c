//! A first look at an instruction: whether any lemma's left side has its operation over operations like those of its operands.
//!
//! Most instructions end here, before they are read into terms.

use super::read::Definitions;
use super::search::commutes;
use rustc_hash::FxHashMap;
use synth_lemmas::{Op as Operation, Term};
use synth_validator::domain::{BinOp, CmpOp};
use synth_validator::ir::{Cond, Inst, Op, Value};
use synth_validator::lemma::{BINARY, DIVIDE, UNARY};

/// The root of an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Head {
    /// What is not looked into.
    Leaf,
    /// A constant.
    Const(u32),
    /// An operation.
    Op(Operation),
}

/// What a lemma wants of an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wanted {
    Anything,
    Constant,
    Equal(u32),
    Op(Operation),
}

impl Wanted {
    fn of(pattern: &Term) -> Wanted {
        match pattern {
            Term::Const(c) => Wanted::Equal(*c),
            Term::Imm(_) => Wanted::Constant,
            Term::Apply(op, _) => Wanted::Op(*op),
            Term::Var(_) | Term::Leaf(_) => Wanted::Anything,
        }
    }
    fn accepts(self, head: Head) -> bool {
        match self {
            Wanted::Anything => true,
            Wanted::Constant => matches!(head, Head::Const(_)),
            Wanted::Equal(c) => head == Head::Const(c),
            Wanted::Op(op) => head == Head::Op(op),
        }
    }
}

/// The operands that lemmas want, by root operation.
#[derive(Debug, Default)]
pub struct Heads(FxHashMap<Operation, Vec<Vec<Wanted>>>);

impl Heads {
    /// Those of left sides. Of operations whose operands may be put in any order, also chains with several constants.
    pub fn new<'t>(left_sides: impl Iterator<Item = &'t Term>) -> Heads {
        let mut heads = Heads::default();
        for left in left_sides {
            if let Term::Apply(op, operands) = left {
                heads.add(*op, operands.iter().map(Wanted::of).collect());
            }
        }
        for op in [Operation::Add, Operation::Mul, Operation::And, Operation::Or, Operation::Xor] {
            heads.add(op, vec![Wanted::Op(op), Wanted::Constant]);
            heads.add(op, vec![Wanted::Op(op), Wanted::Op(op)]);
        }
        heads
    }
    fn add(&mut self, op: Operation, wanted: Vec<Wanted>) {
        let known = self.0.entry(op).or_default();
        let all = |w: &[Wanted]| w.iter().all(|w| *w == Wanted::Anything);
        // Operands that only have to be equal, as in `x - x`, are folded elsewhere.
        if !known.contains(&wanted) && !(all(&wanted) && wanted.len() == 2) {
            known.push(wanted);
        }
    }
    fn accept(&self, op: Operation, operands: &[Head]) -> bool {
        let fits = |wanted: &Vec<Wanted>| {
            let direct = wanted.iter().zip(operands).all(|(w, h)| w.accepts(*h));
            direct || commutes(op) && wanted.iter().zip(operands.iter().rev()).all(|(w, h)| w.accepts(*h))
        };
        self.0.get(&op).is_some_and(|known| known.iter().any(fits))
    }
    /// Whether some lemma may apply to a result of an instruction.
    pub fn promise(&self, inst: &Inst, result: usize, definitions: &Definitions) -> bool {
        let heads = |args: &[Value]| args.iter().map(|a| definitions.head(*a)).collect::<Vec<_>>();
        match inst.op {
            Op::Cmp(cond) | Op::CmpPair(cond) => {
                let (op, exchanged, negated) = cond.parts();
                let mut operands = heads(&inst.args);
                let wide = operands.len() == 4;
                if exchanged {
                    let half = operands.len() / 2;
                    operands.rotate_left(half);
                }
                let op = condition(op, wide);
                let root = Head::Op(if negated { Operation::Bnot } else { op });
                let bit = [root, Head::Const(1), Head::Const(0)];
                wide && op == Operation::Eq || self.accept(op, &operands) || self.accept(Operation::Ite, &bit)
            }
            Op::Select => {
                let condition = definitions.condition_head(inst.args[0]);
                let operands = [condition, definitions.head(inst.args[1]), definitions.head(inst.args[2])];
                self.accept(Operation::Ite, &operands)
            }
            Op::Bin(BinOp::Shl | BinOp::Lshr | BinOp::Ashr) => {
                let amount = match definitions.head(inst.args[1]) {
                    constant @ Head::Const(_) => constant,
                    _ => Head::Op(Operation::And),
                };
                let op = operation(&inst.op, 0).expect("invariant: a shift has an operation");
                self.accept(op, &[definitions.head(inst.args[0]), amount])
            }
            Op::AddPair | Op::SubPair if result == 0 => {
                let op = operation(&inst.op, 0).expect("invariant: sums have an operation");
                self.accept(op, &heads(&[inst.args[0], inst.args[2]]))
            }
            _ => operation(&inst.op, result).is_some_and(|op| self.accept(op, &heads(&inst.args))),
        }
    }
}

fn condition(op: CmpOp, wide: bool) -> Operation {
    match (op, wide) {
        (CmpOp::Eq, _) => Operation::Eq,
        (CmpOp::Ult, false) => Operation::Ult,
        (CmpOp::Slt, false) => Operation::Slt,
        (CmpOp::Ult, true) => Operation::Ult64,
        (CmpOp::Slt, true) => Operation::Slt64,
    }
}

/// The operation of a condition's root.
pub fn condition_root(cond: Cond, wide: bool) -> Operation {
    let (op, _, negated) = cond.parts();
    if negated { Operation::Bnot } else { condition(op, wide) }
}

/// The operation that a result of an IR operation is; nothing if it is no expression.
pub fn operation(op: &Op, result: usize) -> Option<Operation> {
    fn row<A: Copy, B: PartialEq>(table: &[(A, B)], op: &B) -> Option<A> {
        table.iter().find(|(_, b)| b == op).map(|(a, _)| *a)
    }
    match (op, result) {
        (Op::Bin(op), _) => row(&BINARY, op),
        (Op::Un(op), _) => row(&UNARY, op),
        (Op::Cmp(_) | Op::CmpPair(_) | Op::Select, _) => Some(Operation::Ite),
        (Op::AddPair, 0) => Some(Operation::Add),
        (Op::SubPair, 0) => Some(Operation::Sub),
        (Op::MulWide, 0) => Some(Operation::Mul),
        (Op::AddPair, _) => Some(Operation::AddHi),
        (Op::SubPair, _) => Some(Operation::SubHi),
        (Op::MulWide, _) => Some(Operation::UMulHi),
        (Op::DivPair(op), _) => row(&DIVIDE, &(*op, result == 1)),
        _ => None,
    }
}
