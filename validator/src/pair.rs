//! 64-bit operations on pairs of words, written once over any domain.
//!
//! A pair is (low, high). The formulas are the ones that Thumb-2 code uses, so that compiled code meets them without
//! a solver; their agreement with 64-bit arithmetic is tested by execution and proved by z3 (`tests/pair.rs`).
//!
//! Requirement TOR-PROOF-PAIRS: Operations on pairs of words shall be the 64-bit operations, for all operands.

use crate::domain::{BinOp, CmpOp, DivOp, Domain, UnOp};
use crate::ir::{Bin64, Cond, Un64};

/// (low, high).
pub type Pair<D> = (<D as Domain>::W, <D as Domain>::W);

/// The pair with this value.
pub fn constant<D: Domain>(d: &mut D, v: u64) -> Pair<D> {
    (d.word(v as u32), d.word((v >> 32) as u32))
}

/// `a + b` modulo 2^64.
pub fn add<D: Domain>(d: &mut D, a: &Pair<D>, b: &Pair<D>) -> Pair<D> {
    let zero = d.bool(false);
    let low = d.bin(BinOp::Add, &a.0, &b.0);
    let carry = d.add_carry(&a.0, &b.0, &zero);
    let high = d.bin(BinOp::Add, &a.1, &b.1);
    let carry = d.bit(&carry);
    (low, d.bin(BinOp::Add, &high, &carry))
}

/// `a - b` modulo 2^64.
pub fn sub<D: Domain>(d: &mut D, a: &Pair<D>, b: &Pair<D>) -> Pair<D> {
    let one = d.bool(true);
    let low = d.bin(BinOp::Sub, &a.0, &b.0);
    let carry = d.sub_carry(&a.0, &b.0, &one);
    let high = d.bin(BinOp::Sub, &a.1, &b.1);
    let borrow = d.not(&carry);
    let borrow = d.bit(&borrow);
    (low, d.bin(BinOp::Sub, &high, &borrow))
}

/// The unsigned 64-bit product of two words.
pub fn mul_wide<D: Domain>(d: &mut D, a: &D::W, b: &D::W) -> Pair<D> {
    (d.bin(BinOp::Mul, a, b), d.bin(BinOp::UMulHi, a, b))
}

/// `a * b` modulo 2^64.
pub fn mul<D: Domain>(d: &mut D, a: &Pair<D>, b: &Pair<D>) -> Pair<D> {
    let (low, high) = mul_wide(d, &a.0, &b.0);
    let cross = d.bin(BinOp::Mul, &a.0, &b.1);
    let high = d.bin(BinOp::Add, &high, &cross);
    let cross = d.bin(BinOp::Mul, &a.1, &b.0);
    (low, d.bin(BinOp::Add, &high, &cross))
}

/// Quotient or remainder.
pub fn div<D: Domain>(d: &mut D, op: DivOp, a: &Pair<D>, b: &Pair<D>) -> Pair<D> {
    let low = d.div64(op, false, [&a.0, &a.1], [&b.0, &b.1]);
    (low, d.div64(op, true, [&a.0, &a.1], [&b.0, &b.1]))
}

/// A shift of a word by the low byte of an amount, as Arm's register shifts take it.
pub fn shift_by_byte<D: Domain>(d: &mut D, op: BinOp, a: &D::W, amount: &D::W) -> D::W {
    let amount = d.bin_const(BinOp::And, amount, 0xff);
    d.bin(op, a, &amount)
}

/// `n - 32` and `32 - n`.
fn around_32<D: Domain>(d: &mut D, n: &D::W) -> (D::W, D::W) {
    let past = d.bin_const(BinOp::Sub, n, 32);
    let thirty_two = d.word(32);
    (past, d.bin(BinOp::Sub, &thirty_two, n))
}

/// `a << n` for `n` in `0..=63`.
pub fn shl<D: Domain>(d: &mut D, a: &Pair<D>, n: &D::W) -> Pair<D> {
    let (past, rest) = around_32(d, n);
    let high = shift_by_byte(d, BinOp::Shl, &a.1, n);
    let over = shift_by_byte(d, BinOp::Lshr, &a.0, &rest);
    let high = d.bin(BinOp::Or, &high, &over);
    let over = shift_by_byte(d, BinOp::Shl, &a.0, &past);
    let high = d.bin(BinOp::Or, &high, &over);
    (shift_by_byte(d, BinOp::Shl, &a.0, n), high)
}

/// Logical `a >> n` for `n` in `0..=63`.
pub fn shr_u<D: Domain>(d: &mut D, a: &Pair<D>, n: &D::W) -> Pair<D> {
    let (past, rest) = around_32(d, n);
    let low = shift_by_byte(d, BinOp::Lshr, &a.0, n);
    let over = shift_by_byte(d, BinOp::Shl, &a.1, &rest);
    let low = d.bin(BinOp::Or, &low, &over);
    let over = shift_by_byte(d, BinOp::Lshr, &a.1, &past);
    let low = d.bin(BinOp::Or, &low, &over);
    (low, shift_by_byte(d, BinOp::Lshr, &a.1, n))
}

/// Arithmetic `a >> n` for `n` in `0..=63`. The part of the high word that passes the low word is arithmetic, so it
/// is chosen, not or-ed: for `n >= 32` the low word is the high word shifted by `n - 32`.
pub fn shr_s<D: Domain>(d: &mut D, a: &Pair<D>, n: &D::W) -> Pair<D> {
    let (past, rest) = around_32(d, n);
    let low = shift_by_byte(d, BinOp::Lshr, &a.0, n);
    let over = shift_by_byte(d, BinOp::Shl, &a.1, &rest);
    let near = d.bin(BinOp::Or, &low, &over);
    let far = shift_by_byte(d, BinOp::Ashr, &a.1, &past);
    let is_far = d.cmp_const(CmpOp::Slt, &past, 0);
    let is_far = d.not(&is_far);
    (d.ite(&is_far, &far, &near), shift_by_byte(d, BinOp::Ashr, &a.1, n))
}

/// The amount `n` modulo 64 and its complement `-n` modulo 64.
fn rotate_amounts<D: Domain>(d: &mut D, n: &D::W) -> (D::W, D::W) {
    let zero = d.word(0);
    let minus = d.bin(BinOp::Sub, &zero, n);
    (d.bin_const(BinOp::And, n, 63), d.bin_const(BinOp::And, &minus, 63))
}

/// Both words or-ed.
fn or_words<D: Domain>(d: &mut D, a: &Pair<D>, b: &Pair<D>) -> Pair<D> {
    (d.bin(BinOp::Or, &a.0, &b.0), d.bin(BinOp::Or, &a.1, &b.1))
}

/// `a` rotated left by `n` modulo 64.
pub fn rotl<D: Domain>(d: &mut D, a: &Pair<D>, n: &D::W) -> Pair<D> {
    let (n, minus) = rotate_amounts(d, n);
    let (left, right) = (shl(d, a, &n), shr_u(d, a, &minus));
    or_words(d, &left, &right)
}

/// `a` rotated right by `n` modulo 64.
pub fn rotr<D: Domain>(d: &mut D, a: &Pair<D>, n: &D::W) -> Pair<D> {
    let (n, minus) = rotate_amounts(d, n);
    let (left, right) = (shl(d, a, &minus), shr_u(d, a, &n));
    or_words(d, &left, &right)
}

/// Applies a binary operation.
pub fn bin<D: Domain>(d: &mut D, op: Bin64, a: &Pair<D>, b: &Pair<D>) -> Pair<D> {
    let words = |d: &mut D, op| (d.bin(op, &a.0, &b.0), d.bin(op, &a.1, &b.1));
    let shift = |d: &mut D, f: fn(&mut D, &Pair<D>, &D::W) -> Pair<D>| {
        let n = d.bin_const(BinOp::And, &b.0, 63);
        f(d, a, &n)
    };
    match op {
        Bin64::Add => add(d, a, b),
        Bin64::Sub => sub(d, a, b),
        Bin64::Mul => mul(d, a, b),
        Bin64::Div(op) => div(d, op, a, b),
        Bin64::And => words(d, BinOp::And),
        Bin64::Or => words(d, BinOp::Or),
        Bin64::Xor => words(d, BinOp::Xor),
        Bin64::Shl => shift(d, shl),
        Bin64::ShrU => shift(d, shr_u),
        Bin64::ShrS => shift(d, shr_s),
        Bin64::Rotl => rotl(d, a, &b.0),
        Bin64::Rotr => rotr(d, a, &b.0),
    }
}

/// The sign word of `a`: 0 or all ones.
pub fn sign<D: Domain>(d: &mut D, a: &D::W) -> D::W {
    d.bin_const(BinOp::Ashr, a, 31)
}

/// Leading zeros, as a word.
pub fn clz<D: Domain>(d: &mut D, a: &Pair<D>) -> D::W {
    let high = d.un(UnOp::Clz, &a.1);
    let low = d.un(UnOp::Clz, &a.0);
    let low = d.bin_const(BinOp::Add, &low, 32);
    let empty = d.cmp_const(CmpOp::Eq, &a.1, 0);
    d.ite(&empty, &low, &high)
}

/// Applies a unary operation.
pub fn un<D: Domain>(d: &mut D, op: Un64, a: &Pair<D>) -> Pair<D> {
    let low = match op {
        Un64::Clz => clz(d, a),
        Un64::Ctz => {
            let reversed = (d.un(UnOp::Rbit, &a.1), d.un(UnOp::Rbit, &a.0));
            clz(d, &reversed)
        }
        Un64::Popcnt => {
            let (low, high) = (d.un(UnOp::Popcnt, &a.0), d.un(UnOp::Popcnt, &a.1));
            d.bin(BinOp::Add, &low, &high)
        }
        Un64::Sext8 => d.un(UnOp::Sext8, &a.0),
        Un64::Sext16 => d.un(UnOp::Sext16, &a.0),
        Un64::Sext32 => a.0.clone(),
    };
    let high = match op {
        Un64::Clz | Un64::Ctz | Un64::Popcnt => d.word(0),
        Un64::Sext8 | Un64::Sext16 | Un64::Sext32 => sign(d, &low),
    };
    (low, high)
}

/// `a < b`: the borrow, or for signed operands its exclusive or with the overflow, of a subtraction word by word.
pub fn less<D: Domain>(d: &mut D, signed: bool, a: &Pair<D>, b: &Pair<D>) -> D::B {
    let one = d.bool(true);
    let carry = d.sub_carry(&a.0, &b.0, &one);
    if !signed {
        let carry = d.sub_carry(&a.1, &b.1, &carry);
        return d.not(&carry);
    }
    let (difference, overflow) = (sub(d, a, b).1, d.sub_overflow(&a.1, &b.1, &carry));
    let negative = d.cmp_const(CmpOp::Slt, &difference, 0);
    d.xor(&negative, &overflow)
}

/// Compares.
pub fn compare<D: Domain>(d: &mut D, cond: Cond, a: &Pair<D>, b: &Pair<D>) -> D::B {
    let (op, exchanged, negated) = cond.parts();
    let (a, b) = if exchanged { (b, a) } else { (a, b) };
    let holds = match op {
        CmpOp::Eq => {
            let (low, high) = (d.bin(BinOp::Xor, &a.0, &b.0), d.bin(BinOp::Xor, &a.1, &b.1));
            let both = d.bin(BinOp::Or, &low, &high);
            d.cmp_const(CmpOp::Eq, &both, 0)
        }
        CmpOp::Ult => less(d, false, a, b),
        CmpOp::Slt => less(d, true, a, b),
    };
    if negated { d.not(&holds) } else { holds }
}
