//! Writes terms of the lemma language as instructions.

use super::cost::is_bit;
use super::read::Read;
use super::search::commutes;
use crate::evaluate::negated;
use smallvec::smallvec;
use synth_lemmas::{Op as Operation, Sort, Term};
use synth_validator::domain::DivOp;
use synth_validator::ir::{Cond, Inst, Op, Type, Value, Values};
use synth_validator::lemma::{BINARY, DIVIDE, UNARY};

/// Writes a term, whose parts may be there already.
pub struct Writer<'a> {
    /// What was read.
    pub read: &'a Read,
    /// Types of all values.
    pub values: &'a mut Vec<Type>,
    /// The new instructions.
    pub insts: Vec<Inst>,
    /// Where they come from.
    pub origin: u32,
}

fn cell<A: PartialEq, B: Copy>(table: &[(A, B)], op: A) -> Option<B> {
    table.iter().find(|(a, _)| *a == op).map(|(_, b)| *b)
}

impl Writer<'_> {
    fn there(&self, term: &Term) -> Option<Value> {
        self.read.parts.iter().find(|(t, _)| t == term).map(|(_, v)| *v)
    }
    fn emit(&mut self, op: Op, args: Values, results: usize) -> Values {
        if let Some(same) = self.insts.iter().find(|i| i.op == op && i.args == args) {
            return same.results.clone();
        }
        let first = self.values.len() as u32;
        self.values.resize(self.values.len() + results, Type::I32);
        let results: Values = (first..first + results as u32).map(Value).collect();
        self.insts.push(Inst { op, args, results: results.clone(), origin: self.origin });
        results
    }
    fn one(&mut self, op: Op, args: Values) -> Value {
        self.emit(op, args, 1)[0]
    }
    fn constant(&mut self, k: u32) -> Value {
        self.one(Op::Const(k), Values::new())
    }
    fn words(&mut self, terms: &[Term]) -> Option<Values> {
        terms.iter().map(|t| self.word(t)).collect()
    }
    /// The value of a word; nothing if no operation computes it.
    pub fn word(&mut self, term: &Term) -> Option<Value> {
        if let Some(v) = self.there(term) {
            return Some(v);
        }
        let (op, operands) = match term {
            Term::Leaf(n) => return self.read.leaves.get(*n as usize).copied(),
            Term::Const(k) => return Some(self.constant(*k)),
            Term::Apply(op, operands) => (*op, operands),
            _ => return None,
        };
        if matches!(op, Operation::Shl | Operation::Lshr | Operation::Ashr) {
            return self.shift(op, operands);
        }
        if let Some(bin) = cell(&BINARY, op) {
            let mut args = self.words(operands)?;
            if commutes(op) && operands[0].is_constant() {
                args.swap(0, 1);
            }
            return Some(self.one(Op::Bin(bin), args));
        }
        if let Some(op) = cell(&UNARY, op) {
            let args = self.words(operands)?;
            return Some(self.one(Op::Un(op), args));
        }
        if let Some((op, high)) = cell::<Operation, (DivOp, bool)>(&DIVIDE, op) {
            let args = self.words(operands)?;
            return Some(self.emit(Op::DivPair(op), args, 2)[usize::from(high)]);
        }
        match op {
            Operation::AddHi | Operation::SubHi => {
                let args = self.words(operands)?;
                let op = if op == Operation::AddHi { Op::AddPair } else { Op::SubPair };
                Some(self.emit(op, args, 2)[1])
            }
            Operation::Ite if is_bit(operands) => self.bit(&operands[0]),
            Operation::Ite => {
                let condition = self.test(&operands[0])?;
                let (yes, no) = (self.word(&operands[1])?, self.word(&operands[2])?);
                Some(self.one(Op::Select, smallvec![condition, yes, no]))
            }
            _ => None,
        }
    }
    /// The operation takes the low byte of the amount.
    fn shift(&mut self, op: Operation, operands: &[Term]) -> Option<Value> {
        let amount = match &operands[1] {
            Term::Const(0..=255) => &operands[1],
            Term::Apply(Operation::And, parts) => match parts[1] {
                Term::Const(255) => &parts[0],
                Term::Const(0..=254) => &operands[1],
                _ => return None,
            },
            _ => return None,
        };
        let args = smallvec![self.word(&operands[0])?, self.word(amount)?];
        Some(self.one(Op::Bin(cell(&BINARY, op)?), args))
    }
    /// A word that is not zero exactly if the condition holds.
    fn test(&mut self, condition: &Term) -> Option<Value> {
        if let Term::Apply(Operation::Bnot, inner) = condition
            && let Term::Apply(Operation::Eq, operands) = &inner[0]
            && operands[1] == Term::Const(0)
            && self.there(condition).is_none()
        {
            return self.word(&operands[0]);
        }
        self.bit(condition)
    }
    /// The word 1 if the condition holds, else 0.
    fn bit(&mut self, condition: &Term) -> Option<Value> {
        if let Some(v) = self.there(condition) {
            return Some(v);
        }
        let Term::Apply(op, operands) = condition else { return None };
        let joined = match op {
            Operation::Band => synth_validator::domain::BinOp::And,
            Operation::Bor => synth_validator::domain::BinOp::Or,
            Operation::Bxor => synth_validator::domain::BinOp::Xor,
            Operation::True => return Some(self.constant(1)),
            Operation::False => return Some(self.constant(0)),
            Operation::Bnot => return self.negation(&operands[0]),
            _ => return self.comparison(condition, false),
        };
        let parts = operands.iter().map(|p| self.bit(p)).collect::<Option<_>>()?;
        Some(self.one(Op::Bin(joined), parts))
    }
    fn negation(&mut self, condition: &Term) -> Option<Value> {
        let compares = matches!(condition, Term::Apply(op, operands)
            if op.result() == Sort::Bool && op.operands().first() == Some(&Sort::Word) && !operands.is_empty());
        if compares && self.there(condition).is_none() {
            return self.comparison(condition, true);
        }
        let (bit, zero) = (self.bit(condition)?, self.constant(0));
        Some(self.one(Op::Cmp(Cond::Eq), smallvec![bit, zero]))
    }
    fn comparison(&mut self, condition: &Term, is_negated: bool) -> Option<Value> {
        let Term::Apply(op, operands) = condition else { return None };
        let (wide, cond, exchanged) = match op {
            Operation::Eq => (false, Cond::Eq, Cond::Eq),
            Operation::Ult => (false, Cond::LtU, Cond::GtU),
            Operation::Slt => (false, Cond::LtS, Cond::GtS),
            Operation::Ult64 => (true, Cond::LtU, Cond::GtU),
            Operation::Slt64 => (true, Cond::LtS, Cond::GtS),
            _ => return None,
        };
        let mut args = self.words(operands)?;
        let is_exchanged = !wide && operands[0].is_constant();
        if is_exchanged {
            args.swap(0, 1);
        }
        let cond = if is_exchanged { exchanged } else { cond };
        let cond = if is_negated { negated(cond) } else { cond };
        Some(self.one(if wide { Op::CmpPair(cond) } else { Op::Cmp(cond) }, args))
    }
}
