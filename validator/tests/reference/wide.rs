//! 64-bit operations as native integers and as z3's bit-vectors.

use synth_validator::domain::DivOp;
use synth_validator::ir::{Bin64, Cond, Un64};
use z3::ast::{BV, Bool};

pub const BIN: [Bin64; 15] = [
    Bin64::Add,
    Bin64::Sub,
    Bin64::Mul,
    Bin64::Div(DivOp::UQuot),
    Bin64::Div(DivOp::URem),
    Bin64::Div(DivOp::SQuot),
    Bin64::Div(DivOp::SRem),
    Bin64::And,
    Bin64::Or,
    Bin64::Xor,
    Bin64::Shl,
    Bin64::ShrU,
    Bin64::ShrS,
    Bin64::Rotl,
    Bin64::Rotr,
];
pub const UN: [Un64; 6] = [Un64::Clz, Un64::Ctz, Un64::Popcnt, Un64::Sext8, Un64::Sext16, Un64::Sext32];
pub const COND: [Cond; 10] =
    [Cond::Eq, Cond::Ne, Cond::LtU, Cond::LtS, Cond::GtU, Cond::GtS, Cond::LeU, Cond::LeS, Cond::GeU, Cond::GeS];

pub fn native_bin(op: Bin64, a: u64, b: u64) -> u64 {
    let (sa, sb, n) = (a as i64, b as i64, (b % 64) as u32);
    match op {
        Bin64::Add => a.wrapping_add(b),
        Bin64::Sub => a.wrapping_sub(b),
        Bin64::Mul => a.wrapping_mul(b),
        Bin64::Div(DivOp::UQuot) => {
            if b == 0 {
                0
            } else {
                a / b
            }
        }
        Bin64::Div(DivOp::URem) => {
            if b == 0 {
                a
            } else {
                a % b
            }
        }
        Bin64::Div(DivOp::SQuot) => {
            if b == 0 {
                0
            } else {
                (i128::from(sa) / i128::from(sb)) as u64
            }
        }
        Bin64::Div(DivOp::SRem) => {
            if b == 0 {
                a
            } else {
                (i128::from(sa) % i128::from(sb)) as u64
            }
        }
        Bin64::And => a & b,
        Bin64::Or => a | b,
        Bin64::Xor => a ^ b,
        Bin64::Shl => a << n,
        Bin64::ShrU => a >> n,
        Bin64::ShrS => (sa >> n) as u64,
        Bin64::Rotl => a.rotate_left(n),
        Bin64::Rotr => a.rotate_right(n),
    }
}
pub fn native_un(op: Un64, a: u64) -> u64 {
    match op {
        Un64::Clz => a.leading_zeros().into(),
        Un64::Ctz => a.trailing_zeros().into(),
        Un64::Popcnt => a.count_ones().into(),
        Un64::Sext8 => a as i8 as u64,
        Un64::Sext16 => a as i16 as u64,
        Un64::Sext32 => a as i32 as u64,
    }
}
pub fn native_compare(cond: Cond, a: u64, b: u64) -> bool {
    let (sa, sb) = (a as i64, b as i64);
    match cond {
        Cond::Eq => a == b,
        Cond::Ne => a != b,
        Cond::LtU => a < b,
        Cond::LtS => sa < sb,
        Cond::GtU => a > b,
        Cond::GtS => sa > sb,
        Cond::LeU => a <= b,
        Cond::LeS => sa <= sb,
        Cond::GeU => a >= b,
        Cond::GeS => sa >= sb,
    }
}
pub fn z3_bin(op: Bin64, a: &BV, b: &BV) -> Option<BV> {
    let n = b & BV::from_u64(63, 64);
    let rest = (BV::from_u64(64, 64) - &n) & BV::from_u64(63, 64);
    Some(match op {
        Bin64::Add => a + b,
        Bin64::Sub => a - b,
        Bin64::And => a & b,
        Bin64::Or => a | b,
        Bin64::Xor => a ^ b,
        Bin64::Shl => a.bvshl(&n),
        Bin64::ShrU => a.bvlshr(&n),
        Bin64::ShrS => a.bvashr(&n),
        Bin64::Rotl => a.bvshl(&n) | a.bvlshr(&rest),
        Bin64::Rotr => a.bvlshr(&n) | a.bvshl(&rest),
        Bin64::Mul | Bin64::Div(_) => return None,
    })
}
pub fn z3_un(op: Un64, a: &BV) -> BV {
    let c = |v: u32| BV::from_u64(v.into(), 64);
    let set = |i: u32| a.extract(i, i).eq(BV::from_u64(1, 1));
    match op {
        Un64::Clz => (0..64).fold(c(64), |n, i| set(i).ite(&c(63 - i), &n)),
        Un64::Ctz => (0..64).rev().fold(c(64), |n, i| set(i).ite(&c(i), &n)),
        Un64::Popcnt => (0..64).fold(c(0), |n, i| n + a.extract(i, i).zero_ext(63)),
        Un64::Sext8 => a.extract(7, 0).sign_ext(56),
        Un64::Sext16 => a.extract(15, 0).sign_ext(48),
        Un64::Sext32 => a.extract(31, 0).sign_ext(32),
    }
}
pub fn z3_compare(cond: Cond, a: &BV, b: &BV) -> Bool {
    match cond {
        Cond::Eq => a.eq(b),
        Cond::Ne => a.eq(b).not(),
        Cond::LtU => a.bvult(b),
        Cond::LtS => a.bvslt(b),
        Cond::GtU => a.bvugt(b),
        Cond::GtS => a.bvsgt(b),
        Cond::LeU => a.bvule(b),
        Cond::LeS => a.bvsle(b),
        Cond::GeU => a.bvuge(b),
        Cond::GeS => a.bvsge(b),
    }
}
