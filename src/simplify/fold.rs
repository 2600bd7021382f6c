//! Folding of single operations on words and pairs of words.

use super::Operand;
use crate::evaluate;
use crate::faults;
use rustc_hash::FxHashMap;
use synth_validator::domain::BinOp;
use synth_validator::ir::{Cond, Op, Value};

/// What an operation is replaced by.
#[derive(Clone, Debug)]
pub(super) enum Folded {
    /// Its results.
    Operands(Vec<Operand>),
    /// Another operation with the same results.
    Op(Op, Vec<Operand>),
    /// Each result by itself, a word.
    Parts(Vec<Folded>),
}

fn word(k: u32) -> Option<Folded> {
    Some(Folded::Operands(vec![Operand::word(k)]))
}

fn same(x: Operand) -> Option<Folded> {
    Some(Folded::Operands(vec![x]))
}

/// One step of folding; `None` if the operation stays. `definitions` has the operations of the same block.
pub(super) fn fold(op: &Op, args: &[Operand], definitions: &FxHashMap<Value, (Op, Vec<Operand>)>) -> Option<Folded> {
    match (op, args) {
        (Op::Bin(op), [a, b]) => binary(*op, *a, *b),
        (Op::Un(op), [a]) => word(evaluate::unary(*op, a.constant()?)),
        (Op::Cmp(cond), [a, b]) => compare(*cond, *a, *b, definitions),
        (Op::Select, [c, a, b]) => match c.constant() {
            _ if a == b => same(*a),
            Some(0) => same(*b),
            Some(_) => same(*a),
            None => None,
        },
        (Op::AddPair, [al, ah, bl, bh]) => pair_sum(BinOp::Add, [*al, *ah], [*bl, *bh]),
        (Op::SubPair, [al, ah, bl, bh]) => pair_sum(BinOp::Sub, [*al, *ah], [*bl, *bh]),
        (Op::MulWide, [a, b]) => product(*a, *b),
        (Op::CmpPair(cond), [al, ah, bl, bh]) if ah.constant() == Some(0) && bh.constant() == Some(0) => {
            let cond = if faults::on("simplify-signed-words") { *cond } else { unsigned(*cond) };
            Some(Folded::Op(Op::Cmp(cond), vec![*al, *bl]))
        }
        _ => None,
    }
}

/// The unsigned comparison of the same kind, which decides for operands that are not negative.
fn unsigned(cond: Cond) -> Cond {
    match cond {
        Cond::LtS => Cond::LtU,
        Cond::GtS => Cond::GtU,
        Cond::LeS => Cond::LeU,
        Cond::GeS => Cond::GeU,
        Cond::Eq | Cond::Ne | Cond::LtU | Cond::GtU | Cond::LeU | Cond::GeU => cond,
    }
}

fn binary(op: BinOp, a: Operand, b: Operand) -> Option<Folded> {
    let (x, y) = match (a.constant(), b.constant()) {
        (Some(x), Some(y)) => return word(evaluate::binary(op, x, y)),
        constants => constants,
    };
    let commutes =
        matches!(op, BinOp::Add | BinOp::Mul | BinOp::UMulHi | BinOp::SMulHi | BinOp::And | BinOp::Or | BinOp::Xor);
    if commutes && x.is_some() {
        return Some(Folded::Op(Op::Bin(op), vec![b, a]));
    }
    let equal = a == b;
    match (op, y) {
        (BinOp::Add | BinOp::Sub | BinOp::Or | BinOp::Xor, Some(0)) => same(a),
        (BinOp::Mul | BinOp::UDiv | BinOp::SDiv, Some(1)) => same(a),
        (BinOp::Mul | BinOp::UMulHi | BinOp::SMulHi | BinOp::And, Some(0)) | (BinOp::UMulHi, Some(1)) => word(0),
        (BinOp::And, Some(u32::MAX)) => same(a),
        (BinOp::Or, Some(u32::MAX)) => word(u32::MAX),
        (BinOp::And | BinOp::Or, None) if equal => same(a),
        (BinOp::Sub | BinOp::Xor, None) if equal => word(0),
        (BinOp::Shl | BinOp::Lshr | BinOp::Ashr, Some(n)) if n & 0xff == 0 => same(a),
        (BinOp::Shl | BinOp::Lshr, Some(n)) if n & 0xff >= 32 && faults::on("simplify-shift-wraps") => same(a),
        (BinOp::Shl | BinOp::Lshr, Some(n)) if n & 0xff >= 32 => word(0),
        (BinOp::Ashr, Some(n)) if n & 0xff >= 32 || n > 0xff => {
            Some(Folded::Op(Op::Bin(op), vec![a, Operand::word((n & 0xff).min(31))]))
        }
        (BinOp::Ror, Some(n)) if n % 32 == 0 => same(a),
        (BinOp::Shl | BinOp::Lshr | BinOp::Ashr | BinOp::Ror, None) if x == Some(0) => word(0),
        _ => None,
    }
}

fn compare(cond: Cond, a: Operand, b: Operand, definitions: &FxHashMap<Value, (Op, Vec<Operand>)>) -> Option<Folded> {
    if a == b {
        return word(u32::from(evaluate::holds(cond, 0, 0)));
    }
    if let (Some(a), Some(b)) = (a.constant(), b.constant()) {
        return word(u32::from(evaluate::holds(cond, a, b)));
    }
    // A truth value compared with 0 is itself or its negation.
    let (Operand::Value(v), Some(0)) = (a, b.constant()) else {
        return None;
    };
    let (op, args) = definitions.get(&v)?;
    match (op, cond) {
        (Op::Cmp(_) | Op::CmpPair(_), Cond::Ne) => same(a),
        (Op::Cmp(_), Cond::Eq) if faults::on("simplify-negation") => same(a),
        (Op::Cmp(inner), Cond::Eq) => Some(Folded::Op(Op::Cmp(evaluate::negated(*inner)), args.clone())),
        (Op::CmpPair(inner), Cond::Eq) => Some(Folded::Op(Op::CmpPair(evaluate::negated(*inner)), args.clone())),
        _ => None,
    }
}

/// A sum or difference of pairs whose low words make no carry.
fn pair_sum(op: BinOp, a: [Operand; 2], b: [Operand; 2]) -> Option<Folded> {
    let high = Folded::Op(Op::Bin(op), vec![a[1], b[1]]);
    if let [Some(al), Some(ah), Some(bl), Some(bh)] = [a[0], a[1], b[0], b[1]].map(Operand::constant) {
        let wide = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
        let (a, b) = (wide(al, ah), wide(bl, bh));
        let sum = if op == BinOp::Add { a.wrapping_add(b) } else { a.wrapping_sub(b) };
        return Some(Folded::Operands(vec![Operand::word(sum as u32), Operand::word((sum >> 32) as u32)]));
    }
    if b[0].constant() == Some(0) || op == BinOp::Add && faults::on("simplify-carry") && b[0].constant().is_some() {
        return Some(Folded::Parts(vec![Folded::Operands(vec![a[0]]), high]));
    }
    if op == BinOp::Add && a[0].constant() == Some(0) {
        return Some(Folded::Parts(vec![Folded::Operands(vec![b[0]]), high]));
    }
    None
}

fn product(a: Operand, b: Operand) -> Option<Folded> {
    match (a.constant(), b.constant()) {
        (Some(a), Some(b)) => {
            let wide = u64::from(a) * u64::from(b);
            Some(Folded::Operands(vec![Operand::word(wide as u32), Operand::word((wide >> 32) as u32)]))
        }
        (Some(0), _) | (_, Some(0)) => Some(Folded::Operands(vec![Operand::word(0), Operand::word(0)])),
        (Some(1), _) => Some(Folded::Operands(vec![b, Operand::word(0)])),
        (_, Some(1)) => Some(Folded::Operands(vec![a, Operand::word(0)])),
        _ => None,
    }
}
