//! Folding of single operations on words and pairs of words.

use super::Operand;
use rustc_hash::FxHashMap;
use synth_validator::domain::{BinOp, CmpOp, UnOp};
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
        (Op::Un(op), [a]) => word(unary(*op, a.constant()?)),
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
            Some(Folded::Op(Op::Cmp(unsigned(*cond)), vec![*al, *bl]))
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
        (Some(x), Some(y)) => return word(compute(op, x, y)),
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
        (BinOp::Shl | BinOp::Lshr, Some(n)) if n & 0xff >= 32 => word(0),
        (BinOp::Ashr, Some(n)) if n & 0xff >= 32 || n > 0xff => {
            Some(Folded::Op(Op::Bin(op), vec![a, Operand::word((n & 0xff).min(31))]))
        }
        (BinOp::Ror, Some(n)) if n % 32 == 0 => same(a),
        (BinOp::Shl | BinOp::Lshr | BinOp::Ashr | BinOp::Ror, None) if x == Some(0) => word(0),
        _ => None,
    }
}

/// The value of a binary operation of the IR, whose shifts take the low byte of the amount.
fn compute(op: BinOp, a: u32, b: u32) -> u32 {
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

fn unary(op: UnOp, a: u32) -> u32 {
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

fn holds(cond: Cond, a: u32, b: u32) -> bool {
    let (op, exchanged, negated) = cond.parts();
    let (a, b) = if exchanged { (b, a) } else { (a, b) };
    let holds = match op {
        CmpOp::Eq => a == b,
        CmpOp::Ult => a < b,
        CmpOp::Slt => (a as i32) < (b as i32),
    };
    holds != negated
}

/// The comparison that holds exactly if `cond` does not.
pub(crate) fn negated(cond: Cond) -> Cond {
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

fn compare(cond: Cond, a: Operand, b: Operand, definitions: &FxHashMap<Value, (Op, Vec<Operand>)>) -> Option<Folded> {
    if a == b {
        return word(u32::from(holds(cond, 0, 0)));
    }
    if let (Some(a), Some(b)) = (a.constant(), b.constant()) {
        return word(u32::from(holds(cond, a, b)));
    }
    // A truth value compared with 0 is itself or its negation.
    let (Operand::Value(v), Some(0)) = (a, b.constant()) else {
        return None;
    };
    let (op, args) = definitions.get(&v)?;
    match (op, cond) {
        (Op::Cmp(_) | Op::CmpPair(_), Cond::Ne) => same(a),
        (Op::Cmp(inner), Cond::Eq) => Some(Folded::Op(Op::Cmp(negated(*inner)), args.clone())),
        (Op::CmpPair(inner), Cond::Eq) => Some(Folded::Op(Op::CmpPair(negated(*inner)), args.clone())),
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
    if b[0].constant() == Some(0) {
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
