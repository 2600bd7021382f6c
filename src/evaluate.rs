//! What operations on constants compute: the one evaluator of the compiler's folding passes.
//!
//! An `I32` stands in the low half of its word, the high half zero. What sees memory, globals or tables has no value here.

use synth_validator::domain::{BinOp, CmpOp, DivOp, UnOp};
use synth_validator::ir::{Bin64, Cond, Op, Un64};

/// The results of an operation on constants, one for each result of the instruction; none if they depend on anything else.
pub fn evaluate(op: &Op, args: &[u64]) -> Option<Vec<u64>> {
    let low = |n: usize| args[n] as u32;
    let word = |k: u32| Some(vec![u64::from(k)]);
    let both = |k: u64| Some(vec![k & 0xffff_ffff, k >> 32]);
    let pair = |n: usize| args[n] | args[n + 1] << 32;
    match op {
        Op::Const(k) => word(*k),
        Op::Const64(k) => Some(vec![*k]),
        Op::Bin(op) => word(binary(*op, low(0), low(1))),
        Op::Un(op) => word(unary(*op, low(0))),
        Op::Cmp(cond) => word(u32::from(holds(*cond, low(0), low(1)))),
        Op::Select => Some(vec![if low(0) != 0 { args[1] } else { args[2] }]),
        Op::Bin64(op) => Some(vec![binary64(*op, args[0], args[1])]),
        Op::Un64(op) => Some(vec![unary64(*op, args[0])]),
        Op::Cmp64(cond) => word(u32::from(holds64(*cond, args[0], args[1]))),
        Op::Join => Some(vec![pair(0)]),
        Op::Split => both(args[0]),
        Op::AddPair => both(pair(0).wrapping_add(pair(2))),
        Op::SubPair => both(pair(0).wrapping_sub(pair(2))),
        Op::MulWide => both(args[0] * args[1]),
        Op::DivPair(op) => both(divide(*op, pair(0), pair(2))),
        Op::CmpPair(cond) => word(u32::from(holds64(*cond, pair(0), pair(2)))),
        _ => None,
    }
}

/// The value of a binary operation of the IR, whose shifts take the low byte of the amount.
pub fn binary(op: BinOp, a: u32, b: u32) -> u32 {
    let n = b & 0xff;
    match op {
        BinOp::Add => a.wrapping_add(b),
        BinOp::Sub => a.wrapping_sub(b),
        BinOp::Mul => a.wrapping_mul(b),
        BinOp::UMulHi => ((u64::from(a) * u64::from(b)) >> 32) as u32,
        BinOp::SMulHi => ((i64::from(a as i32) * i64::from(b as i32)) >> 32) as u32,
        BinOp::UDiv => a.checked_div(b).unwrap_or(0),
        BinOp::SDiv if b == 0 => 0,
        BinOp::SDiv => (a as i32).wrapping_div(b as i32) as u32,
        BinOp::And => a & b,
        BinOp::Or => a | b,
        BinOp::Xor => a ^ b,
        BinOp::Shl => a.checked_shl(n).unwrap_or(0),
        BinOp::Lshr => a.checked_shr(n).unwrap_or(0),
        BinOp::Ashr => ((a as i32) >> n.min(31)) as u32,
        BinOp::Ror => a.rotate_right(b % 32),
    }
}

/// The value of a unary operation.
pub fn unary(op: UnOp, a: u32) -> u32 {
    match op {
        UnOp::Clz => a.leading_zeros(),
        UnOp::Rbit => a.reverse_bits(),
        UnOp::Rev => a.swap_bytes(),
        UnOp::Rev16 => a.swap_bytes().rotate_right(16),
        UnOp::Popcnt => a.count_ones(),
        UnOp::Sext8 => a as i8 as u32,
        UnOp::Sext16 => a as i16 as u32,
    }
}

/// Whether a comparison of words holds.
pub fn holds(cond: Cond, a: u32, b: u32) -> bool {
    let (op, exchanged, negated) = cond.parts();
    let (a, b) = if exchanged { (b, a) } else { (a, b) };
    let holds = match op {
        CmpOp::Eq => a == b,
        CmpOp::Ult => a < b,
        CmpOp::Slt => (a as i32) < (b as i32),
    };
    holds != negated
}

/// Whether a comparison of 64-bit values holds.
pub fn holds64(cond: Cond, a: u64, b: u64) -> bool {
    let (op, exchanged, negated) = cond.parts();
    let (a, b) = if exchanged { (b, a) } else { (a, b) };
    let holds = match op {
        CmpOp::Eq => a == b,
        CmpOp::Ult => a < b,
        CmpOp::Slt => (a as i64) < (b as i64),
    };
    holds != negated
}

/// The comparison that holds exactly if `cond` does not.
pub fn negated(cond: Cond) -> Cond {
    match cond {
        Cond::Eq => Cond::Ne,
        Cond::Ne => Cond::Eq,
        Cond::LtU => Cond::GeU,
        Cond::GeU => Cond::LtU,
        Cond::LtS => Cond::GeS,
        Cond::GeS => Cond::LtS,
        Cond::GtU => Cond::LeU,
        Cond::LeU => Cond::GtU,
        Cond::GtS => Cond::LeS,
        Cond::LeS => Cond::GtS,
    }
}

fn divide(op: DivOp, a: u64, b: u64) -> u64 {
    let (x, y) = (a as i64, b as i64);
    match op {
        DivOp::UQuot => a.checked_div(b).unwrap_or(0),
        DivOp::URem => a.checked_rem(b).unwrap_or(a),
        DivOp::SQuot if b == 0 => 0,
        DivOp::SQuot => x.wrapping_div(y) as u64,
        DivOp::SRem if b == 0 => a,
        DivOp::SRem => x.wrapping_rem(y) as u64,
    }
}

fn binary64(op: Bin64, a: u64, b: u64) -> u64 {
    let n = (b % 64) as u32;
    match op {
        Bin64::Add => a.wrapping_add(b),
        Bin64::Sub => a.wrapping_sub(b),
        Bin64::Mul => a.wrapping_mul(b),
        Bin64::Div(op) => divide(op, a, b),
        Bin64::And => a & b,
        Bin64::Or => a | b,
        Bin64::Xor => a ^ b,
        Bin64::Shl => a << n,
        Bin64::ShrU => a >> n,
        Bin64::ShrS => ((a as i64) >> n) as u64,
        Bin64::Rotl => a.rotate_left(n),
        Bin64::Rotr => a.rotate_right(n),
    }
}

fn unary64(op: Un64, a: u64) -> u64 {
    match op {
        Un64::Clz => u64::from(a.leading_zeros()),
        Un64::Ctz => u64::from(a.trailing_zeros()),
        Un64::Popcnt => u64::from(a.count_ones()),
        Un64::Sext8 => a as i8 as u64,
        Un64::Sext16 => a as i16 as u64,
        Un64::Sext32 => a as i32 as u64,
    }
}
