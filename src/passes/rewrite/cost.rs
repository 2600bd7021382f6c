//! What a term costs on a Cortex-M4: cycles and bytes of the instructions that selection makes of it.
//!
//! A guess that steers the choice between equal terms. Constants that fit an immediate are free, as are shifts that become part of
//! their user; what stands in several places of a term is computed once.

use crate::encode::operand::ModifiedImm;
use crate::pass::Level;
use synth_lemmas::{Op, Term};

/// The cost of a term that no instruction computes.
pub const IMPOSSIBLE: u32 = u32::MAX;

/// What is wanted: cycles and bytes count so much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Weights {
    cycles: u32,
    bytes: u32,
}

impl Weights {
    /// Those of a level.
    pub fn of(level: Level) -> Weights {
        match level {
            Level::Os => Weights { cycles: 1, bytes: 3 },
            _ => Weights { cycles: 2, bytes: 1 },
        }
    }
}

/// How the value of a term is used, and what is computed anyway.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// The weights.
    pub weights: Weights,
    /// Terms that are computed anyway.
    pub free: &'a [Term],
    /// Whether only a test uses the term's value.
    pub tested: bool,
}

impl Setting<'_> {
    /// The cost of a term.
    pub fn cost(&self, term: &Term) -> u32 {
        let mut sum = Sum { free: self.free, seen: Vec::new(), cycles: 0, bytes: 0, impossible: false };
        match term {
            Term::Const(_) => {}
            Term::Apply(op, _) if op.result() == synth_lemmas::Sort::Bool => sum.test(term),
            Term::Apply(Op::Ite, operands) if self.tested && is_bit(operands) => sum.test(&operands[0]),
            _ => {
                sum.word(term);
                sum.add(u32::from(self.tested), u32::from(self.tested));
            }
        }
        if sum.impossible { IMPOSSIBLE } else { sum.cycles * self.weights.cycles + sum.bytes * self.weights.bytes }
    }
}

/// Whether the operands of a choice make it a truth value.
pub fn is_bit(operands: &[Term]) -> bool {
    operands[1..] == [Term::Const(1), Term::Const(0)]
}

struct Sum<'a> {
    free: &'a [Term],
    seen: Vec<&'a Term>,
    cycles: u32,
    bytes: u32,
    impossible: bool,
}

fn fits(k: u32) -> bool {
    ModifiedImm::new(k).is_some()
}

/// Bytes of an operation with this constant, if it has an immediate for it.
fn immediate(op: Op, k: u32) -> Option<u32> {
    let least = k.min(k.wrapping_neg());
    match op {
        Op::Add | Op::Sub if least < 8 => Some(2),
        Op::Add | Op::Sub if least < 256 => Some(3),
        Op::Add | Op::Sub => (least < 4096 || fits(k) || fits(k.wrapping_neg())).then_some(4),
        Op::And if matches!(k, 0xff | 0xffff) => Some(2),
        Op::And if k & k.wrapping_add(1) == 0 => Some(4),
        Op::And | Op::Or => (fits(k) || fits(!k)).then_some(4),
        Op::Xor if k == u32::MAX => Some(2),
        Op::Xor => fits(k).then_some(4),
        Op::Eq if fits(k.wrapping_neg()) && !fits(k) => Some(4),
        Op::Eq | Op::Ult | Op::Slt if k < 256 => Some(2),
        Op::Eq | Op::Ult | Op::Slt => fits(k).then_some(4),
        _ => None,
    }
}

impl<'a> Sum<'a> {
    fn add(&mut self, cycles: u32, bytes: u32) {
        self.cycles += cycles;
        self.bytes += bytes;
    }
    fn is_there(&self, term: &Term) -> bool {
        self.free.contains(term) || self.seen.contains(&term)
    }
    fn constant(&mut self, k: u32) {
        match k {
            0..=255 => self.add(1, 2),
            _ if k <= 0xffff || fits(k) || fits(!k) => self.add(1, 4),
            _ => self.add(2, 8),
        }
    }
    /// The term in a register.
    fn word(&mut self, term: &'a Term) {
        match term {
            Term::Const(k) => self.constant(*k),
            Term::Apply(op, operands) if !self.is_there(term) => {
                self.seen.push(term);
                self.operation(*op, operands);
            }
            _ => {}
        }
    }
    fn words(&mut self, terms: &'a [Term], cycles: u32, bytes: u32) {
        terms.iter().for_each(|t| self.word(t));
        self.add(cycles, bytes);
    }
    fn operation(&mut self, op: Op, operands: &'a [Term]) {
        match op {
            Op::Add | Op::Sub | Op::And | Op::Or | Op::Xor => self.alu(op, operands),
            Op::Shl | Op::Lshr | Op::Ashr | Op::Ror => self.shift(op, operands),
            Op::Mul => self.words(operands, 1, 3),
            Op::UMulHi | Op::SMulHi => self.words(operands, 1, 4),
            Op::UDiv | Op::SDiv => self.words(operands, 8, 4),
            Op::Clz | Op::Rbit => self.words(operands, 1, 4),
            Op::Rev | Op::Rev16 | Op::Sext8 | Op::Sext16 => self.words(operands, 1, 2),
            Op::Popcnt => self.words(operands, 12, 44),
            Op::AddHi | Op::SubHi => self.words(operands, 2, 6),
            Op::Ite if is_bit(operands) => self.bit(&operands[0]),
            Op::Ite => {
                self.test(&operands[0]);
                // One of them is moved under the condition, as an immediate if it can.
                let is_immediate = |t: &Term| matches!(t, Term::Const(k) if fits(*k));
                match operands[1..].iter().position(is_immediate) {
                    Some(0) => self.word(&operands[2]),
                    Some(_) => self.word(&operands[1]),
                    None => self.words(&operands[1..], 0, 0),
                }
                self.add(2, 5);
            }
            _ => self.words(operands, 40, 20),
        }
    }
    /// What a shift by a constant shifts, if it may be part of its user.
    fn shifted(&self, term: &'a Term) -> Option<&'a Term> {
        let Term::Apply(Op::Shl | Op::Lshr | Op::Ashr | Op::Ror, operands) = term else { return None };
        let fits = matches!(operands[1], Term::Const(1..=31)) && !matches!(operands[0], Term::Const(_));
        (fits && !self.is_there(term)).then_some(&operands[0])
    }
    /// Both factors, if a product may be part of a sum.
    fn product(&self, term: &'a Term) -> Option<&'a [Term]> {
        let Term::Apply(Op::Mul, factors) = term else { return None };
        let fits = !factors.iter().any(Term::is_constant);
        (fits && !self.is_there(term)).then_some(factors)
    }
    fn alu(&mut self, op: Op, operands: &'a [Term]) {
        let [a, b] = operands else { unreachable!("invariant: the operation takes two words") };
        let (a, b) = if op != Op::Sub && a.is_constant() { (b, a) } else { (a, b) };
        match (a, b) {
            (Term::Const(k), x) => {
                self.word(x);
                match *k {
                    0 => self.add(1, 2),
                    k if fits(k) => self.add(1, 4),
                    k => {
                        self.constant(k);
                        self.add(1, 2);
                    }
                }
            }
            (x, Term::Const(k)) => {
                self.word(x);
                let bytes = immediate(op, *k);
                if bytes.is_none() {
                    self.constant(*k);
                }
                self.add(1, bytes.unwrap_or(3));
            }
            _ => self.registers(op, a, b),
        }
    }
    fn registers(&mut self, op: Op, a: &'a Term, b: &'a Term) {
        let sides = if op == Op::Sub { vec![(b, a)] } else { vec![(b, a), (a, b)] };
        for (part, other) in sides {
            let factors = if matches!(op, Op::Add | Op::Sub) { self.product(part) } else { None };
            if let Some(factors) = factors {
                self.words(factors, 1, 4);
                return self.word(other);
            }
            if let Some(inner) = self.shifted(part) {
                self.word(inner);
                self.word(other);
                return self.add(1, 4);
            }
        }
        self.word(a);
        self.word(b);
        self.add(1, if matches!(op, Op::Add | Op::Sub) { 2 } else { 3 });
    }
    fn shift(&mut self, op: Op, operands: &'a [Term]) {
        self.word(&operands[0]);
        match &operands[1] {
            Term::Const(k) => {
                self.impossible |= *k > 255;
                self.add(1, if op == Op::Ror { 4 } else { 2 });
            }
            amount if op == Op::Ror => {
                self.word(amount);
                self.add(1, 3);
            }
            // The instruction takes the low byte of the amount.
            Term::Apply(Op::And, parts) if matches!(parts[1], Term::Const(0..=255)) => {
                self.word(if parts[1] == Term::Const(255) { &parts[0] } else { &operands[1] });
                self.add(1, 3);
            }
            _ => self.impossible = true,
        }
    }
    /// The flags of a condition.
    fn test(&mut self, condition: &'a Term) {
        if self.free.contains(condition) {
            return self.add(1, 1);
        }
        match condition {
            Term::Apply(Op::Bnot, inner) => self.test(&inner[0]),
            Term::Apply(op @ (Op::Eq | Op::Ult | Op::Slt), operands) => self.compare(*op, operands),
            Term::Apply(Op::Ult64 | Op::Slt64, operands) => self.words(operands, 2, 6),
            Term::Apply(Op::Band | Op::Bor | Op::Bxor, _) => {
                self.bit(condition);
                self.add(1, 1);
            }
            _ => {}
        }
    }
    /// A condition as 1 or 0 in a register.
    fn bit(&mut self, condition: &'a Term) {
        if self.free.contains(condition) {
            return;
        }
        match condition {
            Term::Apply(Op::Band | Op::Bor | Op::Bxor, parts) => {
                parts.iter().for_each(|p| self.bit(p));
                self.add(1, 3);
            }
            _ => {
                self.test(condition);
                self.add(3, 6);
            }
        }
    }
    fn compare(&mut self, op: Op, operands: &'a [Term]) {
        let [a, b] = operands else { unreachable!("invariant: the operation takes two words") };
        let (a, b) = if a.is_constant() { (b, a) } else { (a, b) };
        self.word(a);
        match b {
            Term::Const(0) if op == Op::Eq => self.add(1, 1),
            Term::Const(k) => match immediate(op, *k) {
                Some(bytes) => self.add(1, bytes),
                None => {
                    self.constant(*k);
                    self.add(1, 2);
                }
            },
            _ => match self.shifted(b) {
                Some(inner) => {
                    self.word(inner);
                    self.add(1, 4);
                }
                None => {
                    self.word(b);
                    self.add(1, 2);
                }
            },
        }
    }
}
