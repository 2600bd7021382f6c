//! Products of pairs, and which pairs are words with copies of their sign.

use super::{Legalizer, Pair};
use crate::faults;
use rustc_hash::{FxHashMap, FxHashSet};
use synth_validator::domain::{BinOp, Width};
use synth_validator::ir::{Op, Value};

/// What is known of signs.
#[derive(Debug, Default)]
pub(super) struct Signs {
    /// By arithmetic shift of a word: that word, whose sign it has.
    source: FxHashMap<Value, Value>,
    /// Words of which each bit is the sign.
    copies: FxHashSet<Value>,
    /// Words that are not negative, with where that is known: a cut point's relation does not say it.
    positive: FxHashMap<Value, u32>,
    /// The stretch of code without a cut point that instructions belong to, by its first block.
    pub(super) stretch: u32,
    /// By high word of a product's factor: the low word, whose sign it copies. Cut points on the way have to say so.
    relied: FxHashMap<Value, Value>,
}

impl Signs {
    /// Learns from an instruction.
    pub(super) fn learn(&mut self, known: &FxHashMap<Value, u32>, op: &Op, args: &[Value], results: &[Value]) {
        let Some(&result) = results.first() else { return };
        let constant = |n: usize| args.get(n).and_then(|v| known.get(v)).copied();
        let is_positive = match op {
            Op::Bin(BinOp::And) => [0, 1].into_iter().any(|n| constant(n).is_some_and(|k| k >> 31 == 0)),
            Op::Bin(BinOp::Lshr) => constant(1).is_some_and(|k| k > 0 && k < 256),
            Op::Load { width, signed: false, .. } => *width != Width::Word,
            Op::Cmp(_) | Op::CmpPair(_) => true,
            _ => false,
        };
        if is_positive {
            self.positive.insert(result, self.stretch);
        }
        if let (Op::Bin(BinOp::Ashr), Some(n)) = (op, constant(1)) {
            let source = self.source(args[0]);
            self.source.insert(result, source);
            if n & 0xff >= 31 {
                self.copies.insert(result);
            }
        }
    }
    /// The word whose sign this one copies, where a product counts on it.
    pub(super) fn relied(&self, high: Value) -> Option<Value> {
        self.relied.get(&high).copied()
    }
    fn source(&self, v: Value) -> Value {
        self.source.get(&v).copied().unwrap_or(v)
    }
}

impl Legalizer<'_> {
    /// Whether the high word copies the sign of the low one.
    fn is_sign_extended(&self, (low, high): Pair) -> bool {
        match (self.known.get(&low), self.known.get(&high)) {
            (Some(low), Some(high)) => *high == (*low as i32 >> 31) as u32,
            (None, Some(0)) => self.signs.positive.get(&low) == Some(&self.signs.stretch),
            _ => self.signs.copies.contains(&high) && self.signs.source(high) == self.signs.source(low),
        }
    }
    /// The product modulo 2^64: of words with copies of their signs the signed product of the words.
    pub(super) fn product(&mut self, a: Pair, b: Pair) -> Pair {
        let is_zero = |v: Value, l: &Self| l.known.get(&v) == Some(&0);
        let is_unsigned = is_zero(a.1, self) && is_zero(b.1, self);
        // The validator relates both products of words by one form, except where a factor is constant.
        let is_constant = [a.0, b.0].iter().any(|v| self.known.contains_key(v));
        if !is_unsigned
            && !is_constant
            && (faults::on("legalize-signed-product") || self.is_sign_extended(a))
            && self.is_sign_extended(b)
        {
            for (low, high) in [a, b].into_iter().filter(|(_, high)| !self.known.contains_key(high)) {
                self.signs.relied.entry(high).or_insert(low);
            }
            return (self.bin(BinOp::Mul, a.0, b.0), self.bin(BinOp::SMulHi, a.0, b.0));
        }
        let (low, mut high) = self.two(Op::MulWide, &[a.0, b.0]);
        for (x, y) in [(a.0, b.1), (a.1, b.0)] {
            if !is_zero(x, self) && !is_zero(y, self) && !(faults::on("legalize-cross-product") && x == a.1) {
                let cross = self.bin(BinOp::Mul, x, y);
                high = self.bin(BinOp::Add, high, cross);
            }
        }
        (low, high)
    }
}
