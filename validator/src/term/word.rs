//! Constructors of words: linear normal form, masks, constant shifts, known zero bits.

use super::{Graph, Node, T, Var};
use crate::concrete::{eval_bin, eval_un};
use crate::domain::*;

/// Terms of a sum beyond which two sums are not added term by term any more but stay as they are.
const SUM_TERMS_MAX: usize = 256;

impl Graph {
    /// `(constant, terms with coefficients)` of a word as a linear combination.
    pub(crate) fn linear(&self, t: T) -> (u32, Vec<(T, u32)>) {
        match self.node(t) {
            Node::Const(c) => (*c, vec![]),
            Node::Sum(k, terms) => (*k, terms.to_vec()),
            _ => (0, vec![(t, 1)]),
        }
    }
    /// The word `k + Σ coefficient · term`; terms must ascend.
    pub(crate) fn sum(&mut self, k: u32, mut terms: Vec<(T, u32)>) -> T {
        terms.retain(|(_, c)| *c != 0);
        match (k, &terms[..]) {
            (k, []) => self.word(k),
            (0, [(t, 1)]) => *t,
            _ => self.intern(Node::Sum(k, terms.into())),
        }
    }
    /// `a + factor · b`.
    pub(crate) fn add_scaled(&mut self, a: T, b: T, factor: u32) -> T {
        let ((ka, ta), (kb, tb)) = (self.linear(a), self.linear(b));
        let mut terms = Vec::with_capacity(ta.len() + tb.len());
        let (mut i, mut j) = (0, 0);
        while i < ta.len() || j < tb.len() {
            let take_a = j == tb.len() || (i < ta.len() && ta[i].0 <= tb[j].0);
            let take_b = i == ta.len() || (j < tb.len() && tb[j].0 <= ta[i].0);
            let coefficient = if take_a { ta[i].1 } else { 0 };
            let other = if take_b { tb[j].1.wrapping_mul(factor) } else { 0 };
            let term = if take_a { ta[i].0 } else { tb[j].0 };
            terms.push((term, coefficient.wrapping_add(other)));
            i += usize::from(take_a);
            j += usize::from(take_b);
        }
        if terms.len() > SUM_TERMS_MAX {
            return self.intern(Node::Sum(0, opaque_terms(a, b, factor)));
        }
        self.sum(ka.wrapping_add(kb.wrapping_mul(factor)), terms)
    }
    /// `factor · t`.
    pub(crate) fn scale(&mut self, t: T, factor: u32) -> T {
        let (k, terms) = self.linear(t);
        let terms = terms.into_iter().map(|(t, c)| (t, c.wrapping_mul(factor))).collect();
        self.sum(k.wrapping_mul(factor), terms)
    }
    /// `t = x · 2^shift` with `shift` in `1..=31`, if the node says so.
    fn as_shifted(&self, t: T) -> Option<(T, u32)> {
        match self.node(t) {
            Node::Sum(0, terms) => match terms[..] {
                [(x, c)] if c.is_power_of_two() && c > 1 => Some((x, c.trailing_zeros())),
                _ => None,
            },
            _ => None,
        }
    }
    /// `(x, mask)` such that the word is `x & mask`.
    fn as_masked(&self, t: T) -> (T, u32) {
        match self.node(t) {
            Node::Bin(BinOp::And, x, m) => match self.constant(*m) {
                Some(m) => (*x, m),
                None => (t, u32::MAX),
            },
            _ => (t, u32::MAX),
        }
    }

    /// The condition `c` if the word is `1 if c else 0`.
    fn as_bit(&self, t: T) -> Option<T> {
        match *self.node(t) {
            Node::Ite(c, a, b) if self.constant(a) == Some(1) && self.constant(b) == Some(0) => Some(c),
            _ => None,
        }
    }

    pub(super) fn word_bin(&mut self, op: BinOp, a: T, b: T) -> T {
        if let (Some(x), Some(y)) = (self.constant(a), self.constant(b)) {
            return self.word(eval_bin(op, x, y));
        }
        match op {
            BinOp::Add => self.add_scaled(a, b, 1),
            BinOp::Sub => self.add_scaled(a, b, u32::MAX),
            BinOp::SMulHi if self.constant(a).or(self.constant(b)).is_none() => self.signed_high(a, b),
            BinOp::Mul | BinOp::And | BinOp::Or | BinOp::Xor | BinOp::UMulHi | BinOp::SMulHi => {
                let (a, b) =
                    if self.constant(a).is_some() || (self.constant(b).is_none() && b < a) { (b, a) } else { (a, b) };
                match self.constant(b) {
                    Some(c) => self.commutative_const(op, a, c, b),
                    None => self.commutative(op, a, b),
                }
            }
            BinOp::Shl | BinOp::Lshr | BinOp::Ashr | BinOp::Ror => match self.constant(b) {
                Some(n) => self.shift_const(op, a, n),
                None if self.constant(a) == Some(0) => a,
                None => self.intern(Node::Bin(op, a, b)),
            },
            BinOp::UDiv | BinOp::SDiv => match self.constant(b) {
                Some(1) => a,
                _ => self.intern(Node::Bin(op, a, b)),
            },
        }
    }

    /// The high word of a signed product as that of the unsigned one: a negative factor `x` is the word minus 2^32, so that the
    /// unsigned product is 2^32 times the other factor too large, and `x >>s 31` is -1. It is the form that products of pairs have.
    fn signed_high(&mut self, a: T, b: T) -> T {
        let high = self.word_bin(BinOp::UMulHi, a, b);
        [(a, b), (b, a)].into_iter().fold(high, |high, (x, other)| {
            let sign = self.ashr_const(x, 31);
            let excess = self.word_bin(BinOp::Mul, sign, other);
            self.add_scaled(high, excess, 1)
        })
    }

    fn commutative(&mut self, op: BinOp, a: T, b: T) -> T {
        match op {
            BinOp::And | BinOp::Or if a == b => a,
            BinOp::Xor if a == b => self.word(0),
            BinOp::And | BinOp::Or if self.as_bit(a).is_some() && self.as_bit(b).is_some() => {
                let [p, q] = [a, b].map(|t| self.as_bit(t).expect("invariant: just seen"));
                let both = if op == BinOp::And { self.and(&p, &q) } else { self.or(&p, &q) };
                self.bit(&both)
            }
            BinOp::Or => {
                let ((x, m), (y, n)) = (self.as_masked(a), self.as_masked(b));
                if x == y {
                    let mask = self.word(m | n);
                    return self.word_bin(BinOp::And, x, mask);
                }
                self.intern(Node::Bin(op, a, b))
            }
            _ => self.intern(Node::Bin(op, a, b)),
        }
    }

    /// `a op c` where `constant` is the node of `c` and `a` is not a constant.
    fn commutative_const(&mut self, op: BinOp, a: T, c: u32, constant: T) -> T {
        match (op, c) {
            (BinOp::Mul, c) => self.scale(a, c),
            (BinOp::And, m) => self.mask(a, m),
            (BinOp::Or | BinOp::Xor, 0) => a,
            (BinOp::Or, u32::MAX) => constant,
            (BinOp::Xor, u32::MAX) => {
                let ones = self.word(u32::MAX);
                self.add_scaled(ones, a, u32::MAX)
            }
            (BinOp::UMulHi | BinOp::SMulHi, 0) | (BinOp::UMulHi, 1) => self.word(0),
            _ => self.intern(Node::Bin(op, a, constant)),
        }
    }

    /// `a & m`.
    pub(crate) fn mask(&mut self, a: T, m: u32) -> T {
        let possible = !self.known_zeros(a);
        if possible & !m == 0 {
            return a;
        }
        if possible & m == 0 {
            return self.word(0);
        }
        match self.node(a).clone() {
            Node::Bin(BinOp::And, x, y) => {
                if let Some(n) = self.constant(y) {
                    return self.mask(x, m & n);
                }
            }
            Node::Bin(BinOp::Ror, x, n) => {
                if let Some(n) = self.constant(n).filter(|n| m <= u32::MAX >> n) {
                    let shifted = self.shift_const(BinOp::Lshr, x, n);
                    return self.mask(shifted, m);
                }
            }
            Node::Sum(k, terms) if m & m.wrapping_add(1) == 0 => {
                let kept: Vec<_> = terms.iter().copied().filter(|(_, c)| c & m != 0).collect();
                if kept.len() < terms.len() || k & m != k {
                    let rest = self.sum(k & m, kept);
                    return self.mask_const(rest, m);
                }
            }
            Node::Un(UnOp::Sext8, x) if m & !0xff == 0 => return self.mask(x, m),
            Node::Un(UnOp::Sext16, x) if m & !0xffff == 0 => return self.mask(x, m),
            Node::Ite(c, x, y) if self.constant(x).is_some() && self.constant(y).is_some() => {
                let (x, y) = (self.mask_const(x, m), self.mask_const(y, m));
                return self.word_ite(c, x, y);
            }
            _ => {}
        }
        // Mask bits that are known to be zero in `a` are dropped: the mask is canonical.
        let m = self.word(m & possible);
        self.intern(Node::Bin(BinOp::And, a, m))
    }
    fn mask_const(&mut self, a: T, m: u32) -> T {
        match self.constant(a) {
            Some(c) => self.word(c & m),
            None => self.mask(a, m),
        }
    }
    /// A word that agrees with `a` in the bits of `m` (255 or 65535) and may differ elsewhere.
    pub(crate) fn low_bits(&mut self, a: T, m: u32) -> T {
        match self.node(a) {
            Node::Const(c) => {
                let c = c & m;
                self.word(c)
            }
            Node::Bin(BinOp::And, x, y) if self.constant(*y).is_some_and(|n| n & m == m) => self.low_bits(*x, m),
            Node::Un(UnOp::Sext16, x) => self.low_bits(*x, m),
            Node::Un(UnOp::Sext8, x) if m == 0xff => self.low_bits(*x, m),
            _ => a,
        }
    }

    /// A shift by a constant.
    fn shift_const(&mut self, op: BinOp, a: T, n: u32) -> T {
        if let Some(c) = self.constant(a) {
            return self.word(eval_bin(op, c, n));
        }
        match (op, n) {
            (_, 0) => a,
            (BinOp::Ror, n) => self.rotate_const(a, n % 32),
            (BinOp::Shl | BinOp::Lshr, 32..) => self.word(0),
            (BinOp::Shl, n) => self.scale(a, 1 << n),
            (BinOp::Lshr, n) => self.lshr_const(a, n),
            (_, n) => self.ashr_const(a, n.min(31)),
        }
    }
    fn rotate_const(&mut self, a: T, n: u32) -> T {
        if n == 0 {
            return a;
        }
        if let Node::Bin(BinOp::Ror, x, k) = *self.node(a)
            && let Some(k) = self.constant(k)
        {
            return self.rotate_const(x, (n + k) % 32);
        }
        let n = self.word(n);
        self.intern(Node::Bin(BinOp::Ror, a, n))
    }
    fn lshr_const(&mut self, a: T, n: u32) -> T {
        if !self.known_zeros(a) >> n == 0 {
            return self.word(0);
        }
        if let Some((x, k)) = self.as_shifted(a) {
            let moved = if k >= n { self.scale(x, 1 << (k - n)) } else { self.lshr_const(x, n - k) };
            return self.mask_const(moved, u32::MAX >> n & (u32::MAX << k >> n));
        }
        let (x, m) = self.as_masked(a);
        if m != u32::MAX {
            let moved = self.lshr_const(x, n);
            return self.mask_const(moved, m >> n);
        }
        if let Node::Bin(BinOp::Lshr, x, k) = *self.node(a)
            && let Some(k) = self.constant(k)
        {
            return self.shift_const(BinOp::Lshr, x, k + n);
        }
        if let (&Node::Un(UnOp::Clz, x), 5) = (self.node(a), n) {
            // 32 zeros lead zero only, and no more than 31 lead any other word.
            let (is_zero, one, zero) = (self.cmp_const(CmpOp::Eq, &x, 0), self.word(1), self.word(0));
            return self.ite(&is_zero, &one, &zero);
        }
        let n = self.word(n);
        self.intern(Node::Bin(BinOp::Lshr, a, n))
    }
    fn ashr_const(&mut self, a: T, n: u32) -> T {
        if self.known_zeros(a) >> 31 == 1 {
            return self.lshr_const(a, n);
        }
        match self.as_shifted(a) {
            Some((x, 24)) if n == 24 => return self.word_un(UnOp::Sext8, x),
            Some((x, 16)) if n == 16 => return self.word_un(UnOp::Sext16, x),
            _ => {}
        }
        match *self.node(a) {
            Node::Bin(BinOp::Ashr, x, k) if self.constant(k).is_some() => {
                let k = self.constant(k).expect("invariant: just seen");
                return self.ashr_const(x, (k + n).min(31));
            }
            Node::Un(UnOp::Sext8, x) if n >= 7 => return self.sign_of_bit(x, 7),
            Node::Un(UnOp::Sext16, x) if n >= 15 => return self.sign_of_bit(x, 15),
            _ => {}
        }
        let n = self.word(n);
        self.intern(Node::Bin(BinOp::Ashr, a, n))
    }
    /// All ones if the bit of `x` is set, else 0: `Sext8(x) >>s 31` written without the extension.
    fn sign_of_bit(&mut self, x: T, bit: u32) -> T {
        let up = self.scale(x, 1 << (31 - bit));
        let n = self.word(31);
        if let Some(c) = self.constant(up) {
            return self.word(eval_bin(BinOp::Ashr, c, 31));
        }
        self.intern(Node::Bin(BinOp::Ashr, up, n))
    }

    pub(super) fn word_un(&mut self, op: UnOp, a: T) -> T {
        if let Some(c) = self.constant(a) {
            return self.word(eval_un(op, c));
        }
        match op {
            UnOp::Sext8 if !self.known_zeros(a) < 0x80 => a,
            UnOp::Sext16 if !self.known_zeros(a) < 0x8000 => a,
            UnOp::Sext8 => {
                let x = self.low_bits(a, 0xff);
                self.intern(Node::Un(op, x))
            }
            UnOp::Sext16 => {
                if let Node::Un(UnOp::Sext8, _) = self.node(a) {
                    return a;
                }
                let x = self.low_bits(a, 0xffff);
                self.intern(Node::Un(op, x))
            }
            UnOp::Rbit | UnOp::Rev | UnOp::Rev16 => match *self.node(a) {
                Node::Un(inner, x) if inner == op => x,
                _ => self.intern(Node::Un(op, a)),
            },
            UnOp::Popcnt => self.popcnt(a),
            UnOp::Clz => self.intern(Node::Un(op, a)),
        }
    }
    /// One bits, by sums of neighbouring fields: the form that Thumb-2 code uses, which has no such instruction.
    fn popcnt(&mut self, x: T) -> T {
        let half = self.lshr_const(x, 1);
        let half = self.mask_const(half, 0x5555_5555);
        let pairs = self.word_bin(BinOp::Sub, x, half);
        let low = self.mask_const(pairs, 0x3333_3333);
        let high = self.shift_const(BinOp::Lshr, pairs, 2);
        let high = self.mask_const(high, 0x3333_3333);
        let nibbles = self.word_bin(BinOp::Add, low, high);
        let high = self.shift_const(BinOp::Lshr, nibbles, 4);
        let bytes = self.word_bin(BinOp::Add, nibbles, high);
        let bytes = self.mask_const(bytes, 0x0f0f_0f0f);
        let total = self.scale(bytes, 0x0101_0101);
        self.shift_const(BinOp::Lshr, total, 24)
    }

    pub(super) fn word_ite(&mut self, c: T, a: T, b: T) -> T {
        if a == b {
            return a;
        }
        match *self.node(c) {
            Node::Bool(c) => return if c { a } else { b },
            Node::Not(c) => return self.word_ite(c, b, a),
            _ => {}
        }
        let a = match *self.node(a) {
            Node::Ite(d, x, _) if d == c => x,
            _ => a,
        };
        let a = match *self.node(c) {
            Node::Cmp(CmpOp::Eq, difference, zero) if self.constant(zero) == Some(0) => self.where_zero(a, difference),
            _ => a,
        };
        let b = match *self.node(b) {
            Node::Ite(d, _, y) if d == c => y,
            _ => b,
        };
        if a == b { a } else { self.intern(Node::Ite(c, a, b)) }
    }

    /// The word where `zero` is 0: a constant if `zero`, or its negation, differs from it by a constant, else as it is. So `x == k ? x : y`
    /// is `x == k ? k : y`.
    fn where_zero(&mut self, word: T, zero: T) -> T {
        let ((k, terms), (j, zero_terms)) = (self.linear(word), self.linear(zero));
        // `zero` = j ± (word - k) is 0, so `word` = k ∓ j.
        let factor = match (&terms[..], &zero_terms[..]) {
            ([(t, 1), ..], [(u, c @ (1 | u32::MAX)), ..]) if t == u => *c,
            ([(t, u32::MAX), ..], [(u, c @ (1 | u32::MAX)), ..]) if t == u => c.wrapping_neg(),
            _ => return word,
        };
        let scaled = terms.iter().map(|(t, c)| (*t, c.wrapping_mul(factor)));
        if scaled.eq(zero_terms.iter().copied()) { self.word(k.wrapping_sub(factor.wrapping_mul(j))) } else { word }
    }

    pub(super) fn locate_sum(&mut self, address: T) -> Place<T> {
        let (k, terms) = self.linear(address);
        let base = |g: &Graph, t: T| match g.node(t) {
            Node::Var(Var::Symbol(s)) => Some(Some(*s)),
            Node::Var(Var::Entry(13)) => Some(None),
            _ => None,
        };
        let bases: Vec<_> = terms.iter().filter(|(t, _)| base(self, *t).is_some()).collect();
        let [&(t, 1)] = bases[..] else {
            return Place::Unknown;
        };
        let rest: Vec<_> = terms.iter().copied().filter(|(r, _)| *r != t).collect();
        match base(self, t) {
            Some(Some(symbol)) => Place::Symbol(symbol, self.sum(k, rest)),
            Some(None) if rest.is_empty() => Place::Frame(k as i32),
            _ => Place::Unknown,
        }
    }

    pub(super) fn zeros_of(&self, node: &Node) -> u32 {
        let z = |t: &T| self.known_zeros(*t);
        match node {
            Node::Const(c) => !c,
            Node::Var(v) => v.zeros(),
            Node::Sum(k, terms) => {
                let low = |v: u32| v.trailing_zeros();
                let each = terms.iter().map(|(t, c)| low(*c) + z(t).trailing_ones());
                let n = each.chain([low(*k)]).min().unwrap_or(0);
                let low = if n >= 32 { u32::MAX } else { (1 << n) - 1 };
                match terms[..] {
                    [(t, c)] if *k == 0 && c.is_power_of_two() => low | z(&t) << c.trailing_zeros(),
                    _ => low,
                }
            }
            Node::Bin(BinOp::And, a, b) => z(a) | z(b),
            Node::Bin(BinOp::Or | BinOp::Xor, a, b) => z(a) & z(b),
            Node::Bin(BinOp::Lshr, a, n) => match self.constant(*n) {
                Some(n @ 0..32) => z(a) >> n | !(u32::MAX >> n),
                _ => 0,
            },
            Node::Un(UnOp::Clz | UnOp::Popcnt, _) => !63,
            Node::Ite(_, a, b) => z(a) & z(b),
            Node::Load(width, ..) => !width.mask(),
            _ => 0,
        }
    }
}

/// The two summands of a sum that grew too long, as they are.
fn opaque_terms(a: T, b: T, factor: u32) -> Box<[(T, u32)]> {
    let mut terms = vec![(a, 1), (b, factor)];
    terms.sort_unstable();
    if a == b {
        terms = vec![(a, factor.wrapping_add(1))];
    }
    terms.into()
}
