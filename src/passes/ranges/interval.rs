//! Unsigned intervals of words, and what operations and comparisons make of them.
//!
//! Signed comparisons are decided where neither interval crosses from `0x7fff_ffff` to `0x8000_0000`.

use synth_validator::domain::{BinOp, CmpOp, UnOp};
use synth_validator::ir::Cond;

/// The greatest word that is not negative.
pub const SIGNED_MAX: u32 = i32::MAX as u32;

/// The words from `least` to `greatest`, both included; never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// The least word.
    pub least: u32,
    /// The greatest word.
    pub greatest: u32,
}

/// The interval between two words; nothing if it is empty.
fn between(least: u32, greatest: u32) -> Option<Interval> {
    (least <= greatest).then_some(Interval { least, greatest })
}

impl Interval {
    /// All words.
    pub const FULL: Interval = Interval { least: 0, greatest: u32::MAX };
    /// The values of a condition.
    pub const BIT: Interval = Interval { least: 0, greatest: 1 };

    /// One word.
    pub fn only(k: u32) -> Interval {
        Interval { least: k, greatest: k }
    }
    /// The words up to one.
    pub fn up_to(greatest: u32) -> Interval {
        Interval { least: 0, greatest }
    }
    /// The one word that it has.
    pub fn constant(self) -> Option<u32> {
        (self.least == self.greatest).then_some(self.least)
    }
    /// Whether it says nothing.
    pub fn is_full(self) -> bool {
        self == Interval::FULL
    }
    /// Whether it has all words of another.
    pub fn contains(self, other: Interval) -> bool {
        self.least <= other.least && other.greatest <= self.greatest
    }
    /// The least interval with the words of both.
    pub fn join(self, other: Interval) -> Interval {
        Interval { least: self.least.min(other.least), greatest: self.greatest.max(other.greatest) }
    }
    /// The words in both, if there are any.
    pub fn meet(self, other: Interval) -> Option<Interval> {
        between(self.least.max(other.least), self.greatest.min(other.greatest))
    }
    fn is_nonnegative(self) -> bool {
        self.greatest <= SIGNED_MAX
    }
    /// The interval of words from `least` to `greatest`, all moved by the same multiple of 2^32 into the range of words.
    fn wrapped(least: i64, greatest: i64) -> Interval {
        if least >> 32 == greatest >> 32 {
            Interval { least: least as u32, greatest: greatest as u32 }
        } else {
            Interval::FULL
        }
    }
    fn signed(self) -> (i32, i32) {
        let crosses = self.least <= SIGNED_MAX && self.greatest > SIGNED_MAX;
        if crosses { (i32::MIN, i32::MAX) } else { (self.least as i32, self.greatest as i32) }
    }
}

/// Ones up to the highest bit that is set.
fn ones(word: u32) -> u32 {
    u32::MAX.checked_shr(word.leading_zeros()).unwrap_or(0)
}

/// The interval of a binary operation.
pub fn binary(op: BinOp, a: Interval, b: Interval) -> Interval {
    let wide = |x: u32| i64::from(x);
    let (al, ag, bl, bg) = (wide(a.least), wide(a.greatest), wide(b.least), wide(b.greatest));
    match op {
        BinOp::Add => Interval::wrapped(al + bl, ag + bg),
        BinOp::Sub => Interval::wrapped(al - bg, ag - bl),
        BinOp::Mul => match a.greatest.checked_mul(b.greatest) {
            Some(greatest) => Interval { least: a.least * b.least, greatest },
            None => Interval::FULL,
        },
        BinOp::UMulHi => Interval { least: high(a.least, b.least), greatest: high(a.greatest, b.greatest) },
        BinOp::SMulHi if a.is_nonnegative() && b.is_nonnegative() => binary(BinOp::UMulHi, a, b),
        BinOp::SDiv if !a.is_nonnegative() || !b.is_nonnegative() => Interval::FULL,
        BinOp::UDiv | BinOp::SDiv => match b.least {
            // A quotient by zero is zero.
            0 => Interval::up_to(a.greatest),
            least => Interval { least: a.least / b.greatest, greatest: a.greatest / least },
        },
        BinOp::And => match b.constant() {
            Some(m) if a.greatest <= ones(m) && m == ones(m) => a,
            _ => Interval::up_to(a.greatest.min(b.greatest)),
        },
        BinOp::Or => Interval { least: a.least.max(b.least), greatest: ones(a.greatest | b.greatest) },
        BinOp::Xor => Interval::up_to(ones(a.greatest | b.greatest)),
        BinOp::Shl | BinOp::Lshr | BinOp::Ashr => shift(op, a, b),
        BinOp::SMulHi | BinOp::Ror => Interval::FULL,
    }
}

fn high(a: u32, b: u32) -> u32 {
    ((u64::from(a) * u64::from(b)) >> 32) as u32
}

/// The interval of a shift, whose amount is the low byte of the second word.
fn shift(op: BinOp, a: Interval, b: Interval) -> Interval {
    let right = op == BinOp::Lshr || op == BinOp::Ashr && a.is_nonnegative();
    match b.constant().map(|n| n & 0xff) {
        Some(n) if op == BinOp::Shl && n < 32 && a.greatest <= u32::MAX >> n => {
            Interval { least: a.least << n, greatest: a.greatest << n }
        }
        Some(n) if right => {
            Interval { least: a.least.checked_shr(n).unwrap_or(0), greatest: a.greatest.checked_shr(n).unwrap_or(0) }
        }
        None if right => Interval::up_to(a.greatest),
        _ => Interval::FULL,
    }
}

/// The interval of a unary operation.
pub fn unary(op: UnOp, a: Interval) -> Interval {
    match op {
        UnOp::Clz | UnOp::Popcnt => Interval::up_to(32),
        UnOp::Sext8 if a.greatest < 0x80 => a,
        UnOp::Sext16 if a.greatest < 0x8000 => a,
        _ => Interval::FULL,
    }
}

/// Whether a comparison holds, if the intervals decide it.
pub fn compare(cond: Cond, a: Interval, b: Interval) -> Option<bool> {
    let (op, exchanged, negated) = cond.parts();
    let (a, b) = if exchanged { (b, a) } else { (a, b) };
    let holds = match op {
        CmpOp::Eq if a.meet(b).is_none() => Some(false),
        CmpOp::Eq => (a.constant().is_some() && a == b).then_some(true),
        CmpOp::Ult if a.greatest < b.least => Some(true),
        CmpOp::Ult => (a.least >= b.greatest).then_some(false),
        CmpOp::Slt => {
            let ((al, ag), (bl, bg)) = (a.signed(), b.signed());
            if ag < bl { Some(true) } else { (al >= bg).then_some(false) }
        }
    };
    holds.map(|holds| holds != negated)
}

/// What two words are once a comparison of them holds or does not; nothing if it cannot be.
pub fn refine(cond: Cond, holds: bool, a: Interval, b: Interval) -> Option<(Interval, Interval)> {
    let (op, exchanged, negated) = cond.parts();
    let (a, b) = if exchanged { (b, a) } else { (a, b) };
    let (a, b) = match (op, holds != negated) {
        (CmpOp::Eq, true) => (a.meet(b)?, a.meet(b)?),
        (CmpOp::Eq, false) => (without(a, b)?, without(b, a)?),
        (CmpOp::Ult, true) => less(a, b, 1)?,
        (CmpOp::Ult, false) => {
            let (b, a) = less(b, a, 0)?;
            (a, b)
        }
        (CmpOp::Slt, true) => less_signed(a, b, 1)?,
        (CmpOp::Slt, false) => {
            let (b, a) = less_signed(b, a, 0)?;
            (a, b)
        }
    };
    Some(if exchanged { (b, a) } else { (a, b) })
}

/// An interval without the word that another one is, where that stands at an end.
fn without(a: Interval, b: Interval) -> Option<Interval> {
    let Some(k) = b.constant() else { return Some(a) };
    let least = if a.least == k { a.least.checked_add(1)? } else { a.least };
    let greatest = if a.greatest == k { a.greatest.checked_sub(1)? } else { a.greatest };
    between(least, greatest)
}

/// `a + gap <= b`.
fn less(a: Interval, b: Interval, gap: u32) -> Option<(Interval, Interval)> {
    let greatest = b.greatest.checked_sub(gap)?;
    let least = a.least.checked_add(gap)?;
    Some((between(a.least, a.greatest.min(greatest))?, between(b.least.max(least), b.greatest)?))
}

/// `a + gap <= b`, signed.
fn less_signed(a: Interval, b: Interval, gap: u32) -> Option<(Interval, Interval)> {
    let positive = Interval::up_to(SIGNED_MAX);
    if a.is_nonnegative() {
        return less(a, b.meet(positive)?, gap);
    }
    let negative = |i: Interval| i.least > SIGNED_MAX;
    if negative(b) {
        return less(a.meet(Interval { least: SIGNED_MAX + 1, greatest: u32::MAX })?, b, gap);
    }
    Some((a, b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::{self, holds};

    /// Small and boundary words.
    const WORDS: [u32; 12] =
        [0, 1, 2, 5, 31, 255, SIGNED_MAX - 1, SIGNED_MAX, SIGNED_MAX + 1, u32::MAX - 5, u32::MAX - 1, u32::MAX];

    fn intervals() -> impl Iterator<Item = Interval> {
        WORDS.into_iter().flat_map(|l| WORDS.into_iter().filter_map(move |g| between(l, g)))
    }
    fn words(i: Interval) -> impl Iterator<Item = u32> {
        WORDS.into_iter().filter(move |w| i.least <= *w && *w <= i.greatest)
    }

    #[test]
    fn results_lie_in_the_interval_of_the_operation() {
        use BinOp::*;
        for op in [Add, Sub, Mul, UMulHi, SMulHi, UDiv, SDiv, And, Or, Xor, Shl, Lshr, Ashr, Ror] {
            for (a, b) in intervals().flat_map(|a| intervals().map(move |b| (a, b))) {
                let result = binary(op, a, b);
                for (x, y) in words(a).flat_map(|x| words(b).map(move |y| (x, y))) {
                    assert!(
                        result.contains(Interval::only(evaluate::binary(op, x, y))),
                        "{op:?} {x:#x} {y:#x}: {result:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn words_that_compare_so_stay_in_the_refined_intervals() {
        use Cond::*;
        for cond in [Eq, Ne, LtU, LtS, GtU, GtS, LeU, LeS, GeU, GeS] {
            for (a, b) in intervals().flat_map(|a| intervals().map(move |b| (a, b))) {
                let refined = [false, true].map(|truth| refine(cond, truth, a, b));
                for (x, y) in words(a).flat_map(|x| words(b).map(move |y| (x, y))) {
                    let truth = holds(cond, x, y);
                    assert_ne!(compare(cond, a, b), Some(!truth), "{cond:?} {x:#x} {y:#x}");
                    let (i, j) = refined[usize::from(truth)].expect("these words are left");
                    let inside = i.contains(Interval::only(x)) && j.contains(Interval::only(y));
                    assert!(inside, "{cond:?} {truth} {x:#x} {y:#x}: {i:?} {j:?}");
                }
            }
        }
    }
}
