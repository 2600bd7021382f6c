//! Shifts and rotations of pairs.

use super::{Legalizer, Pair};
use crate::faults;
use synth_validator::domain::BinOp;
use synth_validator::ir::{Bin64, Cond, Value};

impl Legalizer<'_> {
    /// Shifts by a constant in `0..=63`.
    pub(super) fn shift_constant(&mut self, op: Bin64, a: Pair, n: u32) -> Pair {
        if n == 0 {
            return a;
        }
        match op {
            Bin64::Shl if n < 32 => {
                let high = self.funnel(BinOp::Shl, a.1, BinOp::Lshr, a.0, n);
                (self.bin_k(BinOp::Shl, a.0, n), high)
            }
            Bin64::Shl => (self.k(0), self.word_shift(BinOp::Shl, a.0, n - 32)),
            Bin64::ShrU if n < 32 => {
                let low = self.funnel(BinOp::Lshr, a.0, BinOp::Shl, a.1, n);
                (low, self.bin_k(BinOp::Lshr, a.1, n))
            }
            Bin64::ShrU => (self.word_shift(BinOp::Lshr, a.1, n - 32), self.k(0)),
            Bin64::ShrS if n < 32 => {
                let low = self.funnel(BinOp::Lshr, a.0, BinOp::Shl, a.1, n);
                (low, self.bin_k(BinOp::Ashr, a.1, n))
            }
            Bin64::ShrS => (self.word_shift(BinOp::Ashr, a.1, n - 32), self.bin_k(BinOp::Ashr, a.1, 31)),
            Bin64::Rotr => self.shift_constant(Bin64::Rotl, a, 64 - n),
            _ => {
                let a = if n >= 32 { (a.1, a.0) } else { a };
                match n % 32 {
                    0 => a,
                    n => {
                        let low = self.funnel(BinOp::Shl, a.0, BinOp::Lshr, a.1, n);
                        (low, self.funnel(BinOp::Shl, a.1, BinOp::Lshr, a.0, n))
                    }
                }
            }
        }
    }

    /// A word shifted by `0..=31`.
    fn word_shift(&mut self, op: BinOp, a: Value, n: u32) -> Value {
        if n == 0 { a } else { self.bin_k(op, a, n) }
    }

    /// One word shifted by `n` in `1..=31`, filled up from the other one.
    fn funnel(&mut self, op: BinOp, a: Value, fill: BinOp, b: Value, n: u32) -> Value {
        let (near, over) =
            (self.bin_k(op, a, n), self.bin_k(fill, b, 32 - n - u32::from(faults::on("legalize-funnel"))));
        self.bin(BinOp::Or, near, over)
    }

    /// Shifts by the low word of the amount, modulo 64.
    pub(super) fn shift_variable(&mut self, op: Bin64, a: Pair, n: Value) -> Pair {
        match op {
            Bin64::Rotl | Bin64::Rotr => {
                let zero = self.k(0);
                let minus = self.bin(BinOp::Sub, zero, n);
                let (n, minus) = (self.bin_k(BinOp::And, n, 63), self.bin_k(BinOp::And, minus, 63));
                let (left, right) = if op == Bin64::Rotl { (n, minus) } else { (minus, n) };
                let (left, right) = (self.shl(a, left), self.shr(a, right, BinOp::Lshr));
                self.each(BinOp::Or, left, right)
            }
            _ => {
                let n = self.bin_k(BinOp::And, n, if faults::on("legalize-amount") { 255 } else { 63 });
                match op {
                    Bin64::Shl => self.shl(a, n),
                    Bin64::ShrS => self.shr(a, n, BinOp::Ashr),
                    _ => self.shr(a, n, BinOp::Lshr),
                }
            }
        }
    }

    /// `n - 32` and `32 - n`.
    fn around_32(&mut self, n: Value) -> (Value, Value) {
        let past = self.bin_k(BinOp::Sub, n, 32);
        let thirty_two = self.k(32);
        (past, self.bin(BinOp::Sub, thirty_two, n))
    }

    fn shl(&mut self, a: Pair, n: Value) -> Pair {
        let (past, rest) = self.around_32(n);
        let high = self.bin(BinOp::Shl, a.1, n);
        let over = self.bin(BinOp::Lshr, a.0, rest);
        let high = self.bin(BinOp::Or, high, over);
        let over = self.bin(BinOp::Shl, a.0, past);
        let high = self.bin(BinOp::Or, high, over);
        (self.bin(BinOp::Shl, a.0, n), high)
    }

    /// A right shift; `far` shifts the high word, logically or arithmetically.
    fn shr(&mut self, a: Pair, n: Value, far: BinOp) -> Pair {
        let (past, rest) = self.around_32(n);
        let low = self.bin(BinOp::Lshr, a.0, n);
        let over = self.bin(BinOp::Shl, a.1, rest);
        let near = self.bin(BinOp::Or, low, over);
        let over = self.bin(if faults::on("legalize-far-sign") { BinOp::Lshr } else { far }, a.1, past);
        let low = if far == BinOp::Ashr {
            let is_far = self.cmp_zero(Cond::GeS, past);
            self.select(is_far, over, near)
        } else {
            self.bin(BinOp::Or, near, over)
        };
        (low, self.bin(far, a.1, n))
    }
}
