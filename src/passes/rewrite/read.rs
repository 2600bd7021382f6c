//! Reads values of a block into terms of the lemma language.
//!
//! A term is exactly what the semantics of the IR computes, operation by operation, over leaves: values from elsewhere, loads, and
//! what lies too deep.

use super::heads::{Head, condition_root, operation};
use rustc_hash::FxHashMap;
use synth_lemmas::{Op as Operation, Term};
use synth_validator::domain::{BinOp, CmpOp};
use synth_validator::ir::{Cond, Inst, Op, Value, Values};

/// Operations below one another that are read.
const DEPTH_MAX: usize = 4;
/// Operations that are read.
const OPERATIONS_MAX: usize = 14;

/// How a value of the block is computed: operation, operands, which of its results it is, and another one.
#[derive(Clone, Debug)]
pub struct Definition {
    op: Op,
    args: Values,
    result: usize,
    other: Option<Value>,
}

/// The definitions of a block's values, as far as it has been read.
#[derive(Clone, Debug, Default)]
pub struct Definitions(FxHashMap<Value, Definition>);

impl Definitions {
    /// Takes in an instruction.
    pub fn add(&mut self, inst: &Inst) {
        if !is_expression(&inst.op) && !matches!(inst.op, Op::Const(_)) {
            return;
        }
        for (i, v) in inst.results.iter().enumerate() {
            let (op, args) = (inst.op.clone(), inst.args.clone());
            let other = inst.results.iter().find(|r| *r != v).copied();
            self.0.insert(*v, Definition { op, args, result: i, other });
        }
    }
    /// The root of a value.
    pub fn head(&self, v: Value) -> Head {
        let Some(definition) = self.0.get(&v) else { return Head::Leaf };
        match definition.op {
            Op::Const(k) => Head::Const(k),
            _ => operation(&definition.op, definition.result).map_or(Head::Leaf, Head::Op),
        }
    }
    /// The root of a value seen as a condition.
    pub fn condition_head(&self, v: Value) -> Head {
        match self.0.get(&v).map(|d| &d.op) {
            Some(Op::Cmp(cond)) => Head::Op(condition_root(*cond, false)),
            Some(Op::CmpPair(cond)) => Head::Op(condition_root(*cond, true)),
            _ => Head::Op(Operation::Bnot),
        }
    }
    /// The constant that a value is.
    pub fn constant(&self, v: Value) -> Option<u32> {
        match self.0.get(&v)?.op {
            Op::Const(k) => Some(k),
            _ => None,
        }
    }
}

/// Whether an operation has a term. A choice between 64-bit values has none.
pub fn is_expression(op: &Op) -> bool {
    matches!(op, Op::Bin(_) | Op::Un(_) | Op::Cmp(_) | Op::Select | Op::CmpPair(_))
        || matches!(op, Op::AddPair | Op::SubPair | Op::MulWide | Op::DivPair(_))
}

/// A value read into a term.
#[derive(Clone, Debug)]
pub struct Read {
    /// The term; its leaves are numbers of [`Read::leaves`].
    pub term: Term,
    /// The values of the leaves.
    pub leaves: Vec<Value>,
    /// Terms inside, and truth values as conditions, with the values that hold them.
    pub parts: Vec<(Term, Value)>,
    /// Parts whose values others use as well.
    pub free: Vec<Term>,
}

/// A part that was read.
struct Part {
    value: Value,
    term: Term,
    /// Uses within the term.
    uses: u32,
    /// Parts that it uses, a word for each use.
    operands: Vec<usize>,
    /// The other result of its instruction, without which it does not go.
    other: Option<Value>,
    /// Whether it stays whatever becomes of the term.
    stays: bool,
}

struct Reader<'a> {
    definitions: &'a Definitions,
    leaves: Vec<Value>,
    parts: Vec<Part>,
    budget: usize,
    /// Values from here on are not the old form's, so that they are no leaves.
    first_new: u32,
}

/// Reads the value of an operation. `uses` has the uses of each value in the function; values from `first_new` on are not the old
/// form's.
pub fn read(inst: &Inst, result: usize, definitions: &Definitions, uses: &[u32], first_new: u32) -> Read {
    let (leaves, parts, budget) = (Vec::new(), Vec::new(), OPERATIONS_MAX);
    let mut reader = Reader { definitions, leaves, parts, budget, first_new };
    let mut operands = Vec::new();
    let term = reader.operation(&inst.op, result, &inst.args, DEPTH_MAX, &mut operands);
    let Reader { leaves, mut parts, .. } = reader;
    // Parts stand behind those that they use. What only a part uses that stays is not used by the term.
    let elsewhere = |parts: &[Part], v: Value| {
        let inside = parts.iter().find(|p| p.value == v).map_or(0, |p| p.uses);
        uses[v.0 as usize] > inside
    };
    for i in (0..parts.len()).rev() {
        let mut results = [Some(parts[i].value), parts[i].other].into_iter().flatten();
        parts[i].stays = results.any(|v| elsewhere(&parts, v));
        let part = &parts[i];
        if part.stays {
            for operand in part.operands.clone() {
                parts[operand].uses -= 1;
            }
        }
    }
    let as_condition = |t: &Term| match t {
        Term::Apply(Operation::Ite, operands) if super::cost::is_bit(operands) => Some(operands[0].clone()),
        _ => None,
    };
    let with_condition = |t: &Term| [Some(t.clone()), as_condition(t)].into_iter().flatten();
    let free = parts.iter().filter(|p| p.stays).flat_map(|p| with_condition(&p.term)).collect();
    let named = parts.iter().flat_map(|p| with_condition(&p.term).map(|t| (t, p.value))).collect();
    Read { term, leaves, parts: named, free }
}

fn apply(op: Operation, operands: Vec<Term>) -> Term {
    Term::Apply(op, operands)
}

fn bit(condition: Term) -> Term {
    apply(Operation::Ite, vec![condition, Term::Const(1), Term::Const(0)])
}

impl Reader<'_> {
    /// The term of a value. `uses` takes the part that it is.
    fn word(&mut self, v: Value, depth: usize, uses: &mut Vec<usize>) -> Term {
        if let Some(k) = self.definitions.constant(v) {
            return Term::Const(k);
        }
        if let Some(known) = self.parts.iter().position(|p| p.value == v) {
            self.parts[known].uses += 1;
            uses.push(known);
            return self.parts[known].term.clone();
        }
        let may = v.0 >= self.first_new || depth > 0 && self.budget > 0;
        let definition = self.definitions.0.get(&v).filter(|_| may);
        let Some(definition) = definition.cloned() else {
            let n = self.leaves.iter().position(|l| *l == v).unwrap_or_else(|| {
                self.leaves.push(v);
                self.leaves.len() - 1
            });
            return Term::Leaf(n as u32);
        };
        self.budget = self.budget.saturating_sub(1);
        let mut operands = Vec::new();
        let term = self.operation(&definition.op, definition.result, &definition.args, depth, &mut operands);
        uses.push(self.parts.len());
        self.parts.push(Part {
            value: v,
            term: term.clone(),
            uses: 1,
            operands,
            other: definition.other,
            stays: false,
        });
        term
    }
    /// Whether a value is not zero.
    fn condition(&mut self, v: Value, depth: usize, uses: &mut Vec<usize>) -> Term {
        match self.word(v, depth, uses) {
            Term::Apply(Operation::Ite, mut operands) if super::cost::is_bit(&operands) => operands.swap_remove(0),
            word => apply(Operation::Bnot, vec![apply(Operation::Eq, vec![word, Term::Const(0)])]),
        }
    }
    fn operation(&mut self, op: &Op, result: usize, args: &[Value], depth: usize, uses: &mut Vec<usize>) -> Term {
        let depth = depth.saturating_sub(1);
        if *op == Op::Select {
            let condition = self.condition(args[0], depth, uses);
            let [yes, no] = [1, 2].map(|i| self.word(args[i], depth, uses));
            return apply(Operation::Ite, vec![condition, yes, no]);
        }
        let mut words: Vec<Term> = args.iter().map(|a| self.word(*a, depth, uses)).collect();
        match op {
            Op::Cmp(cond) => return bit(compare(*cond, words)),
            Op::CmpPair(cond) => return bit(compare_pairs(*cond, words)),
            Op::Bin(BinOp::Shl | BinOp::Lshr | BinOp::Ashr) => {
                words[1] = match &words[1] {
                    Term::Const(n) => Term::Const(n & 0xff),
                    n => apply(Operation::And, vec![n.clone(), Term::Const(0xff)]),
                };
            }
            Op::AddPair | Op::SubPair if result == 0 => words = vec![words.swap_remove(0), words.swap_remove(2)],
            _ => {}
        }
        apply(operation(op, result).expect("invariant: only expressions are read"), words)
    }
}

fn negated_if(negated: bool, condition: Term) -> Term {
    if negated { apply(Operation::Bnot, vec![condition]) } else { condition }
}

fn compare(cond: Cond, mut words: Vec<Term>) -> Term {
    let (op, exchanged, negated) = cond.parts();
    if exchanged {
        words.swap(0, 1);
    }
    let op = match op {
        CmpOp::Eq => Operation::Eq,
        CmpOp::Ult => Operation::Ult,
        CmpOp::Slt => Operation::Slt,
    };
    negated_if(negated, apply(op, words))
}

fn compare_pairs(cond: Cond, mut words: Vec<Term>) -> Term {
    let (op, exchanged, negated) = cond.parts();
    if exchanged {
        words.rotate_left(2);
    }
    let op = match op {
        CmpOp::Eq => {
            let [al, ah, bl, bh] =
                <[Term; 4]>::try_from(words).expect("invariant: a comparison of pairs has four words");
            let [low, high] = [[al, bl], [ah, bh]].map(|w| apply(Operation::Xor, w.into()));
            let both = apply(Operation::Or, vec![low, high]);
            return negated_if(negated, apply(Operation::Eq, vec![both, Term::Const(0)]));
        }
        CmpOp::Ult => Operation::Ult64,
        CmpOp::Slt => Operation::Slt64,
    };
    negated_if(negated, apply(op, words))
}
