//! The meaning of the operators that compute and never trap, and of division once its traps are ruled out: one line
//! per operator, over any domain.
//!
//! Source: WebAssembly Core 2.0, 4.3.2 (integer operations). Shift amounts are taken modulo the width; a left rotation
//! is the right rotation by the negated amount; trailing zeros are the leading zeros of the reversed word. 64-bit
//! operations are [`crate::pair`]'s.

use crate::domain::{BinOp, CmpOp, DivOp, Domain, UnOp};
use crate::ir::{Bin64, Cond, Type, Un64};
use crate::pair::{self, Pair};

/// Binary `i32` operators without traps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bin32 {
    /// `i32.add`.
    Add,
    /// `i32.sub`.
    Sub,
    /// `i32.mul`.
    Mul,
    /// `i32.and`.
    And,
    /// `i32.or`.
    Or,
    /// `i32.xor`.
    Xor,
    /// `i32.shl`.
    Shl,
    /// `i32.shr_s`.
    ShrS,
    /// `i32.shr_u`.
    ShrU,
    /// `i32.rotl`.
    Rotl,
    /// `i32.rotr`.
    Rotr,
}

/// Unary `i32` operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Un32 {
    /// `i32.clz`.
    Clz,
    /// `i32.ctz`.
    Ctz,
    /// `i32.popcnt`.
    Popcnt,
    /// `i32.extend8_s`.
    Sext8,
    /// `i32.extend16_s`.
    Sext16,
}

/// Operators that compute and never trap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numeric {
    /// `i32.const`.
    Const32(u32),
    /// `i64.const`.
    Const64(u64),
    /// `i32.eqz`.
    Eqz32,
    /// `i64.eqz`.
    Eqz64,
    /// `i32` comparisons.
    Compare32(Cond),
    /// `i64` comparisons.
    Compare64(Cond),
    /// Unary `i32` operators.
    Unary32(Un32),
    /// Unary `i64` operators.
    Unary64(Un64),
    /// Binary `i32` operators.
    Binary32(Bin32),
    /// Binary `i64` operators.
    Binary64(Bin64),
    /// `i32.wrap_i64`.
    Wrap,
    /// `i64.extend_i32_s`.
    ExtendS,
    /// `i64.extend_i32_u`.
    ExtendU,
}

impl Numeric {
    /// Operand and result types.
    pub fn signature(self) -> (&'static [Type], &'static [Type]) {
        const I: &[Type] = &[Type::I32];
        const L: &[Type] = &[Type::I64];
        const II: &[Type] = &[Type::I32, Type::I32];
        const LL: &[Type] = &[Type::I64, Type::I64];
        match self {
            Numeric::Const32(_) => (&[], I),
            Numeric::Const64(_) => (&[], L),
            Numeric::Eqz32 => (I, I),
            Numeric::Eqz64 => (L, I),
            Numeric::Compare32(_) => (II, I),
            Numeric::Compare64(_) => (LL, I),
            Numeric::Unary32(_) => (I, I),
            Numeric::Unary64(_) => (L, L),
            Numeric::Binary32(_) => (II, I),
            Numeric::Binary64(_) => (LL, L),
            Numeric::Wrap => (L, I),
            Numeric::ExtendS => (I, L),
            Numeric::ExtendU => (I, L),
        }
    }
}

/// Pops an `i32`.
pub fn pop32<W>(stack: &mut Vec<W>) -> W {
    stack.pop().expect("invariant: a resolved body never pops an empty stack")
}

/// Pops an `i64`.
pub fn pop64<W>(stack: &mut Vec<W>) -> (W, W) {
    let high = pop32(stack);
    (pop32(stack), high)
}

/// Pushes an `i64`.
pub fn push64<W>(stack: &mut Vec<W>, (low, high): (W, W)) {
    stack.extend([low, high]);
}

/// Executes an operator on the operand stack.
pub fn numeric<D: Domain>(d: &mut D, op: Numeric, stack: &mut Vec<D::W>) {
    // The right operand is popped first.
    match op {
        Numeric::Const32(v) => stack.push(d.word(v)),
        Numeric::Const64(v) => push64(stack, pair::constant(d, v)),
        Numeric::Eqz32 => {
            let a = pop32(stack);
            let zero = d.cmp_const(CmpOp::Eq, &a, 0);
            stack.push(d.bit(&zero));
        }
        Numeric::Eqz64 => {
            let (a, zero) = (pop64(stack), pair::constant(d, 0));
            let holds = pair::compare(d, Cond::Eq, &a, &zero);
            stack.push(d.bit(&holds));
        }
        Numeric::Compare32(cond) => {
            let (b, a) = (pop32(stack), pop32(stack));
            let holds = compare32(d, cond, &a, &b);
            stack.push(d.bit(&holds));
        }
        Numeric::Compare64(cond) => {
            let (b, a) = (pop64(stack), pop64(stack));
            let holds = pair::compare(d, cond, &a, &b);
            stack.push(d.bit(&holds));
        }
        Numeric::Unary32(op) => {
            let a = pop32(stack);
            stack.push(unary32(d, op, &a));
        }
        Numeric::Unary64(op) => {
            let a = pop64(stack);
            push64(stack, pair::un(d, op, &a));
        }
        Numeric::Binary32(op) => {
            let (b, a) = (pop32(stack), pop32(stack));
            stack.push(binary32(d, op, &a, &b));
        }
        Numeric::Binary64(op) => {
            let (b, a) = (pop64(stack), pop64(stack));
            push64(stack, pair::bin(d, op, &a, &b));
        }
        Numeric::Wrap => {
            let a = pop64(stack);
            stack.push(a.0);
        }
        Numeric::ExtendS => {
            let a = pop32(stack);
            push64(stack, extend(d, true, a));
        }
        Numeric::ExtendU => {
            let a = pop32(stack);
            push64(stack, extend(d, false, a));
        }
    }
}

/// A word as 64 bits, sign- or zero-extended.
pub fn extend<D: Domain>(d: &mut D, signed: bool, a: D::W) -> Pair<D> {
    let high = if signed { pair::sign(d, &a) } else { d.word(0) };
    (a, high)
}

fn compare32<D: Domain>(d: &mut D, cond: Cond, a: &D::W, b: &D::W) -> D::B {
    let (op, exchanged, negated) = cond.parts();
    let holds = if exchanged { d.cmp(op, b, a) } else { d.cmp(op, a, b) };
    if negated { d.not(&holds) } else { holds }
}

fn unary32<D: Domain>(d: &mut D, op: Un32, a: &D::W) -> D::W {
    match op {
        Un32::Clz => d.un(UnOp::Clz, a),
        Un32::Ctz => {
            let reversed = d.un(UnOp::Rbit, a);
            d.un(UnOp::Clz, &reversed)
        }
        Un32::Popcnt => d.un(UnOp::Popcnt, a),
        Un32::Sext8 => d.un(UnOp::Sext8, a),
        Un32::Sext16 => d.un(UnOp::Sext16, a),
    }
}

fn binary32<D: Domain>(d: &mut D, op: Bin32, a: &D::W, b: &D::W) -> D::W {
    let shift = |d: &mut D, op| {
        let amount = d.bin_const(BinOp::And, b, 31);
        d.bin(op, a, &amount)
    };
    match op {
        Bin32::Add => d.bin(BinOp::Add, a, b),
        Bin32::Sub => d.bin(BinOp::Sub, a, b),
        Bin32::Mul => d.bin(BinOp::Mul, a, b),
        Bin32::And => d.bin(BinOp::And, a, b),
        Bin32::Or => d.bin(BinOp::Or, a, b),
        Bin32::Xor => d.bin(BinOp::Xor, a, b),
        Bin32::Shl => shift(d, BinOp::Shl),
        Bin32::ShrS => shift(d, BinOp::Ashr),
        Bin32::ShrU => shift(d, BinOp::Lshr),
        Bin32::Rotr => d.bin(BinOp::Ror, a, b),
        Bin32::Rotl => {
            let zero = d.word(0);
            let minus = d.bin(BinOp::Sub, &zero, b);
            d.bin(BinOp::Ror, a, &minus)
        }
    }
}

/// `i32` division with a divisor that is not zero and no overflow: `a rem b = a - (a / b) * b`.
pub fn divide32<D: Domain>(d: &mut D, op: DivOp, a: &D::W, b: &D::W) -> D::W {
    let (quotient, remainder) = match op {
        DivOp::UQuot => (BinOp::UDiv, false),
        DivOp::SQuot => (BinOp::SDiv, false),
        DivOp::URem => (BinOp::UDiv, true),
        DivOp::SRem => (BinOp::SDiv, true),
    };
    let quotient = d.bin(quotient, a, b);
    if !remainder {
        return quotient;
    }
    let product = d.bin(BinOp::Mul, &quotient, b);
    d.bin(BinOp::Sub, a, &product)
}
