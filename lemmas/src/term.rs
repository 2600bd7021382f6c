//! Terms over words and booleans, as text: patterns of lemmas, and the terms of proof steps.
//!
//! `(op operand …)`, `123` or `0x7b`, `?x` a variable, `#c` a constant that is not known yet, `@7` a part that is not
//! looked into.

use std::fmt;

/// What a term denotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Sort {
    /// 32 bits.
    Word,
    /// A truth value.
    Bool,
}

macro_rules! operations {
    ($($(#[$doc:meta])* $op:ident $name:literal ($($operand:ident)*) $result:ident;)*) => {
        /// The operations, with the meaning that the validator's `domain` gives them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Op { $($(#[$doc])* $op,)* }
        impl Op {
            /// All operations.
            pub const ALL: &'static [Op] = &[$(Op::$op),*];
            /// Name in text.
            pub fn name(self) -> &'static str {
                match self { $(Op::$op => $name,)* }
            }
            /// Sorts of the operands.
            pub fn operands(self) -> &'static [Sort] {
                match self { $(Op::$op => &[$(Sort::$operand),*],)* }
            }
            /// Sort of the result.
            pub fn result(self) -> Sort {
                match self { $(Op::$op => Sort::$result,)* }
            }
        }
    };
}

operations! {
    /// Sum modulo 2^32.
    Add "add" (Word Word) Word;
    /// Difference modulo 2^32.
    Sub "sub" (Word Word) Word;
    /// Product modulo 2^32.
    Mul "mul" (Word Word) Word;
    /// High word of the unsigned product.
    UMulHi "umulhi" (Word Word) Word;
    /// High word of the signed product.
    SMulHi "smulhi" (Word Word) Word;
    /// Unsigned quotient, 0 for a zero divisor.
    UDiv "udiv" (Word Word) Word;
    /// Signed quotient toward zero, 0 for a zero divisor.
    SDiv "sdiv" (Word Word) Word;
    /// Bitwise and.
    And "and" (Word Word) Word;
    /// Bitwise or.
    Or "or" (Word Word) Word;
    /// Bitwise exclusive or.
    Xor "xor" (Word Word) Word;
    /// Left shift; counts from 32 give 0.
    Shl "shl" (Word Word) Word;
    /// Logical right shift; counts from 32 give 0.
    Lshr "lshr" (Word Word) Word;
    /// Arithmetic right shift; counts from 32 give copies of the sign.
    Ashr "ashr" (Word Word) Word;
    /// Rotation right by the count modulo 32.
    Ror "ror" (Word Word) Word;
    /// Leading zero bits.
    Clz "clz" (Word) Word;
    /// Bits reversed.
    Rbit "rbit" (Word) Word;
    /// Bytes reversed.
    Rev "rev" (Word) Word;
    /// Bytes of halfwords reversed.
    Rev16 "rev16" (Word) Word;
    /// One bits.
    Popcnt "popcnt" (Word) Word;
    /// Sign extension from 8 bits.
    Sext8 "sext8" (Word) Word;
    /// Sign extension from 16 bits.
    Sext16 "sext16" (Word) Word;
    /// High word of the sum of two pairs: al, ah, bl, bh.
    AddHi "addhi" (Word Word Word Word) Word;
    /// High word of the difference of two pairs.
    SubHi "subhi" (Word Word Word Word) Word;
    /// Low word of the unsigned quotient of two pairs, 0 for a zero divisor.
    UDiv64Lo "udiv64lo" (Word Word Word Word) Word;
    /// High word of the unsigned quotient of two pairs.
    UDiv64Hi "udiv64hi" (Word Word Word Word) Word;
    /// Low word of the unsigned remainder of two pairs, that of the dividend for a zero divisor.
    URem64Lo "urem64lo" (Word Word Word Word) Word;
    /// High word of the unsigned remainder of two pairs.
    URem64Hi "urem64hi" (Word Word Word Word) Word;
    /// Low word of the signed quotient toward zero of two pairs, 0 for a zero divisor.
    SDiv64Lo "sdiv64lo" (Word Word Word Word) Word;
    /// High word of the signed quotient of two pairs.
    SDiv64Hi "sdiv64hi" (Word Word Word Word) Word;
    /// Low word of the signed remainder of two pairs, that of the dividend for a zero divisor.
    SRem64Lo "srem64lo" (Word Word Word Word) Word;
    /// High word of the signed remainder of two pairs.
    SRem64Hi "srem64hi" (Word Word Word Word) Word;
    /// First word if the condition holds, else the second.
    Ite "ite" (Bool Word Word) Word;
    /// Equality of words.
    Eq "eq" (Word Word) Bool;
    /// Less, unsigned.
    Ult "ult" (Word Word) Bool;
    /// Less, signed.
    Slt "slt" (Word Word) Bool;
    /// Less, unsigned, of pairs: al, ah, bl, bh.
    Ult64 "ult64" (Word Word Word Word) Bool;
    /// Less, signed, of pairs.
    Slt64 "slt64" (Word Word Word Word) Bool;
    /// True.
    True "true" () Bool;
    /// False.
    False "false" () Bool;
    /// Negation.
    Bnot "bnot" (Bool) Bool;
    /// Conjunction.
    Band "band" (Bool Bool) Bool;
    /// Disjunction.
    Bor "bor" (Bool Bool) Bool;
    /// Exclusive or of truth values.
    Bxor "bxor" (Bool Bool) Bool;
}

/// A term.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Term {
    /// A word.
    Const(u32),
    /// A variable of either sort: `?x`.
    Var(String),
    /// A constant word to be filled in: `#c`.
    Imm(String),
    /// A part that is not looked into: `@n`.
    Leaf(u32),
    /// An operation.
    Apply(Op, Vec<Term>),
}

/// Why a text is not a term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TermError {
    /// It ends early.
    Ends,
    /// This word is not expected here.
    Unexpected(String),
    /// The operation does not exist.
    Operation(String),
    /// An operand of this operation is missing, in excess, or of the wrong sort; or a variable is of both sorts.
    Sort(String),
}

impl Op {
    /// Width in bits of what the operation is about: 64 where its operands are pairs of words.
    pub fn width(self) -> u32 {
        if self.operands().len() == 4 { 64 } else { 32 }
    }
}

impl Term {
    /// Reads a term; it must be the whole text.
    /// # Errors
    /// See [`TermError`]. Numbers of operands are checked, sorts are not.
    pub fn parse(text: &str) -> Result<Term, TermError> {
        let spaced = text.replace('(', " ( ").replace(')', " ) ");
        let mut words = spaced.split_whitespace();
        let term = Self::read(&mut words)?;
        match words.next() {
            None => Ok(term),
            Some(word) => Err(TermError::Unexpected(word.to_string())),
        }
    }
    fn read<'a>(words: &mut impl Iterator<Item = &'a str>) -> Result<Term, TermError> {
        let word = words.next().ok_or(TermError::Ends)?;
        let unexpected = || TermError::Unexpected(word.to_string());
        let apply = |name: &str, operands: Vec<Term>| {
            let op = Op::ALL.iter().find(|op| op.name() == name).ok_or(TermError::Operation(name.to_string()))?;
            match op.operands().len() == operands.len() {
                true => Ok(Term::Apply(*op, operands)),
                false => Err(TermError::Sort(name.to_string())),
            }
        };
        if word == "(" {
            let name = words.next().ok_or(TermError::Ends)?;
            let count = Op::ALL.iter().find(|op| op.name() == name).map_or(0, |op| op.operands().len());
            let operands = (0..count).map(|_| Self::read(words)).collect::<Result<_, _>>()?;
            let term = apply(name, operands)?;
            return match words.next() {
                Some(")") => Ok(term),
                Some(word) => Err(TermError::Unexpected(word.to_string())),
                None => Err(TermError::Ends),
            };
        }
        if let Some(name) = word.strip_prefix('?') {
            return Ok(Term::Var(name.to_string()));
        }
        if let Some(name) = word.strip_prefix('#') {
            return Ok(Term::Imm(name.to_string()));
        }
        if let Some(number) = word.strip_prefix('@') {
            return number.parse().map(Term::Leaf).map_err(|_| unexpected());
        }
        if let Some(digits) = word.strip_prefix("0x") {
            return u32::from_str_radix(digits, 16).map(Term::Const).map_err(|_| unexpected());
        }
        match word.starts_with(|c: char| c.is_ascii_digit()) {
            true => word.parse().map(Term::Const).map_err(|_| unexpected()),
            false if word == ")" => Err(unexpected()),
            false => apply(word, vec![]),
        }
    }

    /// Operands.
    pub fn operands(&self) -> &[Term] {
        match self {
            Term::Apply(_, operands) => operands,
            _ => &[],
        }
    }
    /// Width in bits of the widest operation.
    pub fn width(&self) -> u32 {
        let here = if let Term::Apply(op, _) = self { op.width() } else { 32 };
        self.operands().iter().map(Term::width).fold(here, u32::max)
    }
    /// Number of nodes, as a tree.
    pub fn size(&self) -> usize {
        1 + self.operands().iter().map(Term::size).sum::<usize>()
    }
    /// Whether it is made of constants only, known or not.
    pub fn is_constant(&self) -> bool {
        match self {
            Term::Const(_) | Term::Imm(_) => true,
            Term::Var(_) | Term::Leaf(_) => false,
            Term::Apply(_, operands) => operands.iter().all(Term::is_constant),
        }
    }
    /// Whether a part stands for the value of an operation on constants.
    pub fn computes(&self) -> bool {
        let here = !self.operands().is_empty() && self.is_constant();
        here || self.operands().iter().any(Term::computes)
    }
    /// The sort, where `names` has the sorts of the variables, constants and opaque parts seen so far and takes new ones.
    /// # Errors
    /// [`TermError::Sort`]. A variable or an opaque part alone, seen for the first time, counts as a word.
    pub fn sort_with(&self, names: &mut Vec<(String, Sort)>) -> Result<Sort, TermError> {
        self.visit(None, names)
    }
    fn visit(&self, wanted: Option<Sort>, names: &mut Vec<(String, Sort)>) -> Result<Sort, TermError> {
        let wrong = || TermError::Sort(self.to_string());
        let sort = match self {
            Term::Const(_) => Sort::Word,
            Term::Var(_) | Term::Imm(_) | Term::Leaf(_) => {
                let name = self.to_string();
                match names.iter().find(|(n, _)| *n == name) {
                    Some((_, sort)) => *sort,
                    None => {
                        let free = !matches!(self, Term::Imm(_));
                        let sort = if free { wanted.unwrap_or(Sort::Word) } else { Sort::Word };
                        names.push((name, sort));
                        sort
                    }
                }
            }
            Term::Apply(op, operands) => {
                for (operand, sort) in operands.iter().zip(op.operands()) {
                    operand.visit(Some(*sort), names)?;
                }
                op.result()
            }
        };
        if wanted.is_some_and(|w| w != sort) { Err(wrong()) } else { Ok(sort) }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Term::Const(c) if *c < 0x1_0000 => write!(f, "{c}"),
            Term::Const(c) => write!(f, "{c:#x}"),
            Term::Var(name) => write!(f, "?{name}"),
            Term::Imm(name) => write!(f, "#{name}"),
            Term::Leaf(n) => write!(f, "@{n}"),
            Term::Apply(op, operands) if operands.is_empty() => f.write_str(op.name()),
            Term::Apply(op, operands) => {
                write!(f, "({}", op.name())?;
                operands.iter().try_for_each(|o| write!(f, " {o}"))?;
                f.write_str(")")
            }
        }
    }
}
