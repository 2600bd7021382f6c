//! The left side of a rule: what it is matched against.
//!
//! The root is an operation of the IR, or two that make both words of a pair. IR shifts take the low byte of their amount, term
//! shifts the whole word: an amount in a register is written `(and ?n 255)`, a constant one is the same in both.

use super::assembly::Names;
use std::collections::BTreeSet;
use synth_lemmas::{Op, Term};
use synth_validator::domain::{BinOp, CmpOp, UnOp};
use synth_validator::lemma::{BINARY, COMPARE, UNARY};

/// What is selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Root {
    /// A binary operation.
    Bin(BinOp),
    /// A unary operation.
    Un(UnOp),
    /// A comparison, whose truth value is wanted.
    Cmp(CmpOp),
    /// Less, of pairs of words: whether signed.
    LessPair(bool),
    /// Equality of pairs.
    EqPair,
    /// Sum of pairs.
    AddPair,
    /// Difference of pairs.
    SubPair,
    /// Both words of a product: whether signed.
    MulWide(bool),
    /// Sum of a pair and a product: whether signed.
    AddWide(bool),
}

const BINARIES: usize = BINARY.len();
const UNARIES: usize = UNARY.len();

impl Root {
    /// Number of roots.
    pub const COUNT: usize = BINARIES + UNARIES + 12;
    /// Its number.
    pub fn index(self) -> usize {
        let rest = BINARIES + UNARIES;
        match self {
            Root::Bin(op) => op as usize,
            Root::Un(op) => BINARIES + op as usize,
            Root::Cmp(op) => rest + op as usize,
            Root::LessPair(signed) => rest + 3 + usize::from(signed),
            Root::EqPair => rest + 5,
            Root::AddPair => rest + 6,
            Root::SubPair => rest + 7,
            Root::MulWide(signed) => rest + 8 + usize::from(signed),
            Root::AddWide(signed) => rest + 10 + usize::from(signed),
        }
    }
    /// All roots.
    pub fn all() -> Vec<Root> {
        let mut all: Vec<Root> = BINARY.iter().map(|(_, op)| Root::Bin(*op)).collect();
        all.extend(UNARY.iter().map(|(_, op)| Root::Un(*op)));
        all.extend(COMPARE.iter().map(|(_, op)| Root::Cmp(*op)));
        all.extend([Root::EqPair, Root::AddPair, Root::SubPair]);
        all.extend([false, true].into_iter().flat_map(|s| [Root::LessPair(s), Root::MulWide(s), Root::AddWide(s)]));
        all
    }
}

/// What stands at an operand, as far as a look at it tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A word in a register.
    Plain,
    /// A constant.
    Constant,
    /// A binary operation that the match may take in.
    Bin(BinOp),
    /// A unary one.
    Un(UnOp),
}

impl Shape {
    /// Number of shapes.
    pub const COUNT: usize = 2 + BINARIES + UNARIES;
    /// Its number.
    pub fn index(self) -> usize {
        match self {
            Shape::Plain => 0,
            Shape::Constant => 1,
            Shape::Bin(op) => 2 + op as usize,
            Shape::Un(op) => 2 + BINARIES + op as usize,
        }
    }
    /// All shapes, by number.
    pub fn all() -> Vec<Shape> {
        let mut all = vec![Shape::Plain, Shape::Constant];
        all.extend(BINARY.iter().map(|(_, op)| Shape::Bin(*op)));
        all.extend(UNARY.iter().map(|(_, op)| Shape::Un(*op)));
        all.sort_by_key(|s| s.index());
        all
    }
}

/// A pattern of a word.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pattern {
    /// Any word: the register operand with this number.
    Operand(u8),
    /// The constant with this number.
    Constant(u8),
    /// This constant.
    Word(u32),
    /// A binary operation.
    Bin(BinOp, Box<[Pattern; 2]>),
    /// A unary operation.
    Un(UnOp, Box<Pattern>),
}

fn commutes(op: BinOp) -> bool {
    use BinOp::*;
    matches!(op, Add | Mul | UMulHi | SMulHi | And | Or | Xor)
}

impl Pattern {
    fn new(term: &Term, names: &Names) -> Option<Pattern> {
        match term {
            Term::Const(k) => Some(Pattern::Word(*k)),
            Term::Var(name) => Some(Pattern::Operand(names.operands.iter().position(|n| n == name)? as u8)),
            Term::Imm(name) => Some(Pattern::Constant(names.constants.iter().position(|n| n == name)? as u8)),
            Term::Apply(op, terms) => {
                if let Some((_, op)) = UNARY.iter().find(|(o, _)| o == op) {
                    return Some(Pattern::Un(*op, Box::new(Pattern::new(&terms[0], names)?)));
                }
                let (_, op) = BINARY.iter().find(|(o, _)| o == op)?;
                Some(Pattern::Bin(*op, Box::new(operands(*op, terms, names)?)))
            }
            Term::Leaf(_) => None,
        }
    }
    /// Whether an operand of this shape may match.
    pub fn admits(&self, shape: Shape) -> bool {
        match self {
            Pattern::Operand(_) => true,
            Pattern::Constant(_) | Pattern::Word(_) => shape == Shape::Constant,
            Pattern::Bin(op, _) => shape == Shape::Bin(*op),
            Pattern::Un(op, _) => shape == Shape::Un(*op),
        }
    }
    /// Operations in it.
    pub fn size(&self) -> usize {
        match self {
            Pattern::Bin(_, parts) => 1 + parts.iter().map(Pattern::size).sum::<usize>(),
            Pattern::Un(_, part) => 1 + part.size(),
            Pattern::Operand(_) | Pattern::Constant(_) | Pattern::Word(_) => 0,
        }
    }
    /// The pattern with operands of commutative operations in every order.
    fn orders(&self) -> Vec<Pattern> {
        match self {
            Pattern::Bin(op, parts) => {
                let all = pairs(&parts[0].orders(), &parts[1].orders(), commutes(*op));
                all.into_iter().map(|p| Pattern::Bin(*op, Box::new(p))).collect()
            }
            Pattern::Un(op, part) => part.orders().into_iter().map(|p| Pattern::Un(*op, Box::new(p))).collect(),
            Pattern::Operand(_) | Pattern::Constant(_) | Pattern::Word(_) => vec![self.clone()],
        }
    }
}

/// One of each, in this order and, if it does not matter, in the other.
fn pairs(first: &[Pattern], second: &[Pattern], commutes: bool) -> Vec<[Pattern; 2]> {
    let mut all = Vec::new();
    for a in first {
        for b in second {
            all.push([a.clone(), b.clone()]);
            let same = matches!((a, b), (Pattern::Operand(_), Pattern::Operand(_)));
            if commutes && !same {
                all.push([b.clone(), a.clone()]);
            }
        }
    }
    all
}

/// Operands of a binary operation of the IR.
fn operands(op: BinOp, terms: &[Term], names: &Names) -> Option<[Pattern; 2]> {
    let second = match (op, &terms[1]) {
        (BinOp::Shl | BinOp::Lshr | BinOp::Ashr, Term::Apply(Op::And, amount)) if amount[1] == Term::Const(255) => {
            &amount[0]
        }
        (BinOp::Shl | BinOp::Lshr | BinOp::Ashr, Term::Const(_) | Term::Imm(_)) => &terms[1],
        (BinOp::Shl | BinOp::Lshr | BinOp::Ashr, _) => return None,
        _ => &terms[1],
    };
    Some([Pattern::new(&terms[0], names)?, Pattern::new(second, names)?])
}

/// The root of a left side and the patterns of its operands, in every order. `None` if it is not an operation of the IR.
pub fn compile(left: &[Term], names: &Names) -> Option<(Root, Vec<Vec<Pattern>>)> {
    let (root, terms) = root(left)?;
    let shift = |op: &BinOp| matches!(op, BinOp::Shl | BinOp::Lshr | BinOp::Ashr);
    let patterns: Vec<Pattern> = match root {
        Root::Bin(op) if shift(&op) => {
            let terms: Vec<Term> = terms.into_iter().cloned().collect();
            operands(op, &terms, names)?.to_vec()
        }
        _ => terms.into_iter().map(|t| Pattern::new(t, names)).collect::<Option<_>>()?,
    };
    let orders: BTreeSet<Vec<Pattern>> = match (root, patterns.as_slice()) {
        (Root::Bin(_) | Root::Cmp(_), [a, b]) => {
            let any_order = matches!(root, Root::Cmp(CmpOp::Eq)) || matches!(root, Root::Bin(op) if commutes(op));
            pairs(&a.orders(), &b.orders(), any_order).into_iter().map(Vec::from).collect()
        }
        (_, [a]) => a.orders().into_iter().map(|p| vec![p]).collect(),
        _ => BTreeSet::from([patterns]),
    };
    Some((root, orders.into_iter().collect()))
}

/// The root and its operands: of pairs, low words before high ones.
fn root(left: &[Term]) -> Option<(Root, Vec<&Term>)> {
    let [Term::Apply(op, terms), rest @ ..] = left else { return None };
    let [] = rest else {
        let [Term::Apply(high, words)] = rest else { return None };
        return pair(*op, terms, *high, words);
    };
    if let Some((_, op)) = BINARY.iter().find(|(o, _)| o == op) {
        return Some((Root::Bin(*op), terms.iter().collect()));
    }
    if let Some((_, op)) = UNARY.iter().find(|(o, _)| o == op) {
        return Some((Root::Un(*op), terms.iter().collect()));
    }
    if let Some((_, op)) = COMPARE.iter().find(|(o, _)| o == op) {
        return Some((Root::Cmp(*op), terms.iter().collect()));
    }
    match (op, terms.as_slice()) {
        (Op::Ult64, words) => Some((Root::LessPair(false), words.iter().collect())),
        (Op::Slt64, words) => Some((Root::LessPair(true), words.iter().collect())),
        (Op::Band, [Term::Apply(Op::Eq, low), Term::Apply(Op::Eq, high)]) => {
            Some((Root::EqPair, vec![&low[0], &high[0], &low[1], &high[1]]))
        }
        _ => None,
    }
}

/// The root of two terms that make a pair.
fn pair<'t>(low: Op, terms: &'t [Term], high: Op, words: &'t [Term]) -> Option<(Root, Vec<&'t Term>)> {
    let product = |low: &'t Term, high: &'t Term| match (low, high) {
        (Term::Apply(Op::Mul, a), Term::Apply(op @ (Op::UMulHi | Op::SMulHi), b)) if a == b => {
            Some((*op == Op::SMulHi, [&a[0], &a[1]]))
        }
        _ => None,
    };
    match (low, high, words) {
        (Op::Mul, Op::UMulHi | Op::SMulHi, [x, y]) if terms == words => {
            Some((Root::MulWide(high == Op::SMulHi), vec![x, y]))
        }
        (Op::Add, Op::AddHi, [al, ah, bl, bh]) if terms == [al.clone(), bl.clone()] => match product(bl, bh) {
            Some((signed, [x, y])) => Some((Root::AddWide(signed), vec![al, ah, x, y])),
            None => Some((Root::AddPair, vec![al, ah, bl, bh])),
        },
        (Op::Sub, Op::SubHi, [al, _, bl, _]) if terms == [al.clone(), bl.clone()] => {
            Some((Root::SubPair, words.iter().collect()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_and_shapes_are_numbered() {
        let mut roots: Vec<usize> = Root::all().iter().map(|r| r.index()).collect();
        roots.sort_unstable();
        assert_eq!(roots, (0..Root::COUNT).collect::<Vec<_>>());
        let shapes: Vec<usize> = Shape::all().iter().map(|s| s.index()).collect();
        assert_eq!(shapes, (0..Shape::COUNT).collect::<Vec<_>>());
    }
}
