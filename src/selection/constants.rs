//! Constants of a rule: the classes that they belong to, and what is computed from them.
//!
//! A class is a finite set of words: a rule is proved for every member, and used for members only.

use crate::encode::operand::ModifiedImm;
use synth_lemmas::{Op, Term};
use synth_validator::concrete::{eval_bin, eval_cmp, eval_un};
use synth_validator::domain::{BinOp, CmpOp, UnOp};
use synth_validator::lemma::{BINARY, COMPARE, UNARY};

/// A set of words that an operand of an instruction may be, or be computed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// `1..=31`: a shift by an immediate.
    Amount,
    /// `32..=255`: an amount that shifts everything out.
    Beyond,
    /// 8, 16, 24: the rotation of an extension.
    ByteTurn,
    /// `0..=7`.
    Imm3,
    /// `0..=255`.
    Imm8,
    /// `0..=4095`.
    Imm12,
    /// Modified immediates.
    Modified,
    /// Negated values of `0..=7`, 0 left out.
    Minus3,
    /// Negated values of `0..=255`, 0 left out.
    Minus8,
    /// Negated values of `0..=4095`, 0 left out.
    Minus12,
    /// Negated modified immediates, 0 left out.
    MinusModified,
    /// Complements of modified immediates.
    NotModified,
    /// One more than a modified immediate.
    AfterModified,
    /// One less than a modified immediate.
    BeforeModified,
    /// Between 1 and 31 ones from bit 0 up.
    LowOnes,
    /// Between 1 and 31 adjacent ones, anywhere.
    Ones,
    /// Complements of between 1 and 31 adjacent ones.
    Hole,
}

impl Class {
    const NAMES: [(&'static str, Class); 17] = [
        ("amount", Class::Amount),
        ("beyond", Class::Beyond),
        ("byte_turn", Class::ByteTurn),
        ("imm3", Class::Imm3),
        ("imm8", Class::Imm8),
        ("imm12", Class::Imm12),
        ("modified", Class::Modified),
        ("minus_imm3", Class::Minus3),
        ("minus_imm8", Class::Minus8),
        ("minus_imm12", Class::Minus12),
        ("minus_modified", Class::MinusModified),
        ("not_modified", Class::NotModified),
        ("after_modified", Class::AfterModified),
        ("before_modified", Class::BeforeModified),
        ("low_ones", Class::LowOnes),
        ("ones", Class::Ones),
        ("hole", Class::Hole),
    ];
    /// All classes.
    pub fn all() -> impl Iterator<Item = Class> {
        Self::NAMES.into_iter().map(|(_, class)| class)
    }
    /// The class of this name.
    pub fn named(name: &str) -> Option<Class> {
        Self::NAMES.iter().find(|(n, _)| *n == name).map(|(_, class)| *class)
    }
    /// Whether a word belongs to it.
    pub fn contains(self, k: u32) -> bool {
        let fits = |k: u32| ModifiedImm::new(k).is_some();
        let minus = k.wrapping_neg();
        // Adjacent ones, moved down, are one less than a power of two.
        let adjacent = |k: u32| k != 0 && k != u32::MAX && is_low(k >> k.trailing_zeros());
        match self {
            Class::Amount => (1..32).contains(&k),
            Class::Beyond => (32..256).contains(&k),
            Class::ByteTurn => matches!(k, 8 | 16 | 24),
            Class::Imm3 => k < 1 << 3,
            Class::Imm8 => k < 1 << 8,
            Class::Imm12 => k < 1 << 12,
            Class::Modified => fits(k),
            Class::Minus3 => k != 0 && minus < 1 << 3,
            Class::Minus8 => k != 0 && minus < 1 << 8,
            Class::Minus12 => k != 0 && minus < 1 << 12,
            Class::MinusModified => k != 0 && fits(minus),
            Class::NotModified => fits(!k),
            Class::AfterModified => fits(k.wrapping_sub(1)),
            Class::BeforeModified => fits(k.wrapping_add(1)),
            Class::LowOnes => k != 0 && k != u32::MAX && is_low(k),
            Class::Ones => adjacent(k),
            Class::Hole => adjacent(!k),
        }
    }
    /// All its words, ascending.
    pub fn words(self) -> Vec<u32> {
        let mut words = match self {
            Class::Amount => (1..32).collect(),
            Class::Beyond => (32..256).collect(),
            Class::ByteTurn => vec![8, 16, 24],
            Class::Imm3 => (0..1 << 3).collect(),
            Class::Imm8 => (0..1 << 8).collect(),
            Class::Imm12 => (0..1 << 12).collect(),
            Class::Modified => modified(),
            Class::Minus3 => (1..1 << 3).map(u32::wrapping_neg).collect(),
            Class::Minus8 => (1..1 << 8).map(u32::wrapping_neg).collect(),
            Class::Minus12 => (1..1 << 12).map(u32::wrapping_neg).collect(),
            Class::MinusModified => modified().into_iter().filter(|k| *k != 0).map(u32::wrapping_neg).collect(),
            Class::NotModified => modified().into_iter().map(|k| !k).collect(),
            Class::AfterModified => modified().into_iter().map(|k| k.wrapping_add(1)).collect(),
            Class::BeforeModified => modified().into_iter().map(|k| k.wrapping_sub(1)).collect(),
            Class::LowOnes => (1..32).map(|width| (1 << width) - 1).collect(),
            Class::Ones => ones(),
            Class::Hole => ones().into_iter().map(|k| !k).collect(),
        };
        words.sort_unstable();
        words
    }
}

fn is_low(k: u32) -> bool {
    k & k.wrapping_add(1) == 0
}

/// All modified immediates, from the manual's pseudocode. Source: DDI 0403E, A5.3.2, ThumbExpandImm_C.
fn modified() -> Vec<u32> {
    let mut words: Vec<u32> = (0..256).collect();
    for unit in [0x0001_0001, 0x0100_0100, 0x0101_0101] {
        words.extend((1..256).map(|byte| byte * unit));
    }
    words.extend((8..32).flat_map(|turn| (0x80..0x100u32).map(move |byte| byte.rotate_right(turn))));
    words
}

fn ones() -> Vec<u32> {
    (1..32).flat_map(|width| (0..=32 - width).map(move |low| ((1u32 << width) - 1) << low)).collect()
}

/// What is computed from constants. A truth value is 1 or 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expr {
    /// A word.
    Word(u32),
    /// The constant with this number.
    Constant(u8),
    /// An operation on words.
    Bin(BinOp, Box<[Expr; 2]>),
    /// An operation on a word.
    Un(UnOp, Box<Expr>),
    /// A comparison.
    Cmp(CmpOp, Box<[Expr; 2]>),
    /// Negation of a truth value.
    Not(Box<Expr>),
    /// Both, of truth values.
    Both(Box<[Expr; 2]>),
}

impl Expr {
    /// Reads a term of constants, whose names are given. `None` if it has other parts.
    pub fn new(term: &Term, constants: &[String]) -> Option<Expr> {
        let one = |terms: &[Term]| Some(Box::new(Expr::new(&terms[0], constants)?));
        let two = |terms: &[Term]| Some(Box::new([Expr::new(&terms[0], constants)?, Expr::new(&terms[1], constants)?]));
        match term {
            Term::Const(k) => Some(Expr::Word(*k)),
            Term::Imm(name) => Some(Expr::Constant(constants.iter().position(|n| n == name)? as u8)),
            Term::Apply(op, terms) => {
                if let Some((_, op)) = BINARY.iter().find(|(o, _)| o == op) {
                    return Some(Expr::Bin(*op, two(terms)?));
                }
                if let Some((_, op)) = UNARY.iter().find(|(o, _)| o == op) {
                    return Some(Expr::Un(*op, one(terms)?));
                }
                if let Some((_, op)) = COMPARE.iter().find(|(o, _)| o == op) {
                    return Some(Expr::Cmp(*op, two(terms)?));
                }
                match op {
                    Op::Bnot => Some(Expr::Not(one(terms)?)),
                    Op::Band => Some(Expr::Both(two(terms)?)),
                    _ => None,
                }
            }
            Term::Var(_) | Term::Leaf(_) => None,
        }
    }
    /// Its value, given those of the constants.
    pub fn value(&self, constants: &[u32]) -> u32 {
        let v = |e: &Expr| e.value(constants);
        match self {
            Expr::Word(k) => *k,
            Expr::Constant(n) => constants[usize::from(*n)],
            Expr::Bin(op, e) => eval_bin(*op, v(&e[0]), v(&e[1])),
            Expr::Un(op, e) => eval_un(*op, v(e)),
            Expr::Cmp(op, e) => u32::from(eval_cmp(*op, v(&e[0]), v(&e[1]))),
            Expr::Not(e) => u32::from(v(e) == 0),
            Expr::Both(e) => v(&e[0]) & v(&e[1]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use synth_validator::concrete::mix;

    /// What a class lists and what it contains are the same, as far as words near its members and others tell.
    #[test]
    fn classes_list_what_they_contain() {
        for class in Class::all() {
            let words = class.words();
            assert!(words.windows(2).all(|w| w[0] < w[1]), "{class:?} lists a word twice");
            assert!(words.iter().all(|k| class.contains(*k)), "{class:?}");
            let near = words.iter().flat_map(|k| (0..32).map(move |bit| k ^ 1 << bit));
            let others = (0..1 << 16).chain((0..1 << 16).map(|k| !k)).chain((0..1 << 16).map(mix));
            for k in near.chain(others) {
                assert_eq!(class.contains(k), words.binary_search(&k).is_ok(), "{class:?}, {k:#x}");
            }
        }
    }
}
